/** One document of a pipeline's sources, by its number or a part of its path. */
import type { Deps } from '../activities/deps.ts';
import { sourceContext } from '../activities/sources/open.ts';
import { readSources } from '../activities/sources/sources.ts';
import { LbiError } from '../core/errors.ts';
import { nearest } from '../core/spec/suggest.ts';
import type { Document } from '../schemas/document.ts';
import type { DocumentEntry } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { putJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';

/** Documents that are looked through for a path. */
const most = 5000;

/** @param wanted number from 1, the document's id, or a part of it. Throws a spec error that names some that there are. */
export async function pickDocument(
  deps: Deps,
  plan: Plan,
  wanted: string,
): Promise<{ document: Document; number: number }> {
  const context = sourceContext(deps, plan, { run: 'alone', note: () => undefined });
  const number = /^[1-9]\d*$/.test(wanted) ? Number(wanted) : undefined;
  const ids: string[] = [];
  let near: { document: Document; number: number } | undefined;
  for await (const document of readSources(plan.spec.sources, context)) {
    ids.push(document.id);
    const here = { document, number: ids.length };
    if (number === ids.length || document.id === wanted) return here;
    if (near === undefined && number === undefined && document.id.includes(wanted)) near = here;
    if (ids.length >= most) break;
  }
  if (near !== undefined) return near;
  if (ids.length === 0) throw new LbiError('spec', 'the sources gave no document: check `sources`');
  if (number !== undefined)
    throw new LbiError('spec', `--document ${wanted}: the sources give ${ids.length} documents`);
  const meant = nearest(wanted, ids);
  throw new LbiError(
    'spec',
    `--document ${wanted}: no document has this in its name${meant === undefined ? `; there are ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ' …' : ''}` : `; did you mean ${meant}?`}`,
  );
}

export const entryOf = async (store: Store, document: Document): Promise<DocumentEntry> => ({
  ...{ ref: await putJson(store, document), id: document.id, title: document.title },
});
