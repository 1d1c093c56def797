/** Reads the documentation into pages of the run. */
import { LbiError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { DocumentEntry } from '../schemas/flow.ts';
import { findPage, getJson, putJson, readPage, writePage } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import type { Deps } from './deps.ts';
import type { Note } from './sources/context.ts';
import { sourceContext } from './sources/open.ts';
import { readSources } from './sources/sources.ts';

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
    const notes = collector();
    const context = sourceContext(deps, plan, { run: input.run, note: notes.add });
    for await (const document of readSources(plan.spec.sources, context)) {
      page.push({ ref: await putJson(deps.store, document), id: document.id, title: document.title });
      documents += 1;
      if (page.length === pageSize) await flush();
    }
    if (page.length > 0) await flush();
    await writePage(deps.store, notesPath(input.run), notes.all());
    if (documents === 0) throw new LbiError('spec', 'the sources gave no document: check the globs in `sources`');
    return { pages, documents };
  };

/** What was left out of the sources, and why. */
interface Notes {
  notes: Note[];
  /** How many more there were. */
  more: number;
}

const notesPath = (run: string): string => `runs/${run}/left-out.json`;

/** The notes of a run's reading; none before it was read. */
export const notesOf = async (store: Store, run: string): Promise<Notes> =>
  (await findPage<Notes>(store, notesPath(run))) ?? { notes: [], more: 0 };

/** Notes that are kept; more are counted. */
const mostNotes = 500;

const collector = (): { add(note: Note): void; all(): Notes } => {
  const notes: Note[] = [];
  let more = 0;
  return {
    add: (note) => {
      if (notes.length < mostNotes) notes.push(note);
      else more += 1;
    },
    all: () => ({ notes, more }),
  };
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
