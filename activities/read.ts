/** Reads the documentation into pages of the run. */
import { LbiError } from '../core/errors.ts';
import type { Json, Ref } from '../schemas/common.ts';
import type { DocumentEntry } from '../schemas/flow.ts';
import { putJson, readPage, writePage } from '../store/json.ts';
import type { Deps } from './deps.ts';
import { readSources } from './sources.ts';

/** Documents of one page. */
const pageSize = 100;

export const documentsPath = (run: string, page: number): string => `runs/${run}/documents/${String(page + 1).padStart(6, '0')}.json`;

export const read = (deps: Deps) => async (input: { plan: Ref; run: string }): Promise<{ pages: number; documents: number }> => {
  const plan = await deps.plan(input.plan);
  let page: DocumentEntry[] = [];
  let pages = 0;
  let documents = 0;
  const flush = async (): Promise<void> => {
    await writePage(deps.store, documentsPath(input.run, pages), page as unknown as Json);
    pages += 1;
    page = [];
  };
  const context = { file: (path: string) => plan.file(path), packageFolder: deps.packageFolder };
  for await (const document of readSources(plan.spec.sources, context)) {
    page.push({ ref: await putJson(deps.store, document as unknown as Json), id: document.id, title: document.title });
    documents += 1;
    if (page.length === pageSize) await flush();
  }
  if (page.length > 0) await flush();
  if (documents === 0) throw new LbiError('spec', 'the sources gave no document: check the globs in `sources`');
  return { pages, documents };
};

export const page = (deps: Deps) => async (input: { run: string; page: number }): Promise<DocumentEntry[]> =>
  readPage<DocumentEntry[]>(deps.store, documentsPath(input.run, input.page));
