/** Reads the documentation into pages of the run. */
import { resolve } from 'node:path';
import { LbiError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { DocumentEntry } from '../schemas/flow.ts';
import { getJson, putJson, readPage, writePage } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { readSources } from './sources.ts';

/** Documents of one page. */
const pageSize = 100;

export const documentsPath = (run: string, page: number): string =>
  `runs/${run}/documents/${String(page + 1).padStart(6, '0')}.json`;

export const read =
  (deps: Deps) =>
  async (input: { plan: Ref; run: string }): Promise<{ pages: number; documents: number }> => {
    const plan = await deps.plan(input.plan);
    let page: DocumentEntry[] = [];
    let pages = 0;
    let documents = 0;
    const flush = async (): Promise<void> => {
      await writePage(deps.store, documentsPath(input.run, pages), page);
      pages += 1;
      page = [];
    };
    const context = { file: (path: string) => resolve(plan.folder, path), packageFolder: deps.packageFolder };
    for await (const document of readSources(plan.spec.sources, context)) {
      page.push({ ref: await putJson(deps.store, document), id: document.id, title: document.title });
      documents += 1;
      if (page.length === pageSize) await flush();
    }
    if (page.length > 0) await flush();
    if (documents === 0) throw new LbiError('spec', 'the sources gave no document: check the globs in `sources`');
    return { pages, documents };
  };

export const page =
  (deps: Deps) =>
  async (input: { run: string; page: number }): Promise<DocumentEntry[]> =>
    readPage<DocumentEntry[]>(deps.store, documentsPath(input.run, input.page));

/** All documents of a run, in order. */
export async function* documentsOf(store: Store, run: string): AsyncGenerator<Document> {
  for (const name of await store.list(`runs/${run}/documents/`)) {
    for (const { ref } of await readPage<DocumentEntry[]>(store, name)) yield await getJson<Document>(store, ref);
  }
}
