/** A small run as the engine leaves it in a store: a document, a task, a trajectory, examples cut from it and their votes. */
import type { Json, Ref } from '../../schemas/common.ts';
import type { DatasetFacts, Row } from '../../schemas/dataset.ts';
import type { Style, Window } from '../../schemas/example.ts';
import type { Committee } from '../../schemas/vote.ts';
import { rowOf } from '../../store/dataset/row.ts';
import { putJson } from '../../store/json.ts';
import type { Store } from '../../store/store.ts';

const PAGES = [
  'wiki home',
  'draft of New Tiddler',
  'draft titled "Milk | eggs"',
  'stuck page',
  'Milk ümläut 牛奶 saved',
];
const usage = { calls: 1, input: 10, cached: 0, cacheWrites: 0, output: 5, usd: 0 };

/** Stores a chain of four actions, the third of which failed. Returns its head. */
export async function storeChain(store: Store, name: string): Promise<Ref> {
  let head: Ref | null = null;
  for (const [index, page] of PAGES.entries()) {
    const step: Json = {
      parent: head,
      index,
      reason: index === 0 ? '' : `because of ${index}`,
      action: index === 0 ? null : { name: 'click', arguments: { ref: `e${index}`, element: `Button ${index}` } },
      observation: { text: `${name}: ${page}`, state: {}, stateHash: `${name}${index}` },
      ...(index === 3 ? { error: { class: 'failed', message: 'nothing under "e3"' } } : {}),
    };
    head = await putJson(store, step);
  }
  return head ?? '';
}

export interface SampleOptions {
  document?: string | null;
  split?: Row['split'];
  style?: Style;
  window?: Window;
  instruction?: string;
  yes?: boolean[];
  scripted?: boolean;
}

/** Stores one example of the task `name` and reads its row back. */
export async function sampleRow(store: Store, name: string, options: SampleOptions = {}): Promise<Row> {
  const documentId = options.document === undefined ? `${name}.md` : options.document;
  const document = { id: documentId ?? '', source: 'wiki@1.0.0', title: `About ${name}`, text: '…', license: 'MIT' };
  const task = await putJson(store, {
    id: `task-${name}`,
    instruction: `Try ${name}`,
    document: documentId === null ? null : await putJson(store, document),
    documentId,
    attempt: 0,
    seed: 1,
  });
  const example = await putJson(store, {
    instruction: options.instruction ?? `Write down "${name}"`,
    style: options.style ?? 'new-task',
    window: options.window ?? { from: 1, to: 4, steps: [2, 3, 4] },
    head: await storeChain(store, name),
    task,
    environment: 'wiki',
  });
  const votes = (options.yes ?? [true, true]).map((yes, index) =>
    putJson(store, {
      voter: `voter${index}`,
      member: `judge${index}`,
      model: `model-${index}`,
      criteria: {
        aligned: { yes, reason: `the ${name} is there`, ...(index === 0 ? { probability: 0.9 } : {}) },
        natural: { yes: true, reason: '' },
      },
      parsed: true,
      usage,
    }),
  );
  const split = options.split ?? 'train';
  const kept = { example, votes: await Promise.all(votes), split, scripted: options.scripted ?? false };
  return rowOf(store, kept, sampleCommittee);
}

const sampleCommittee: Committee = {
  members: [
    { name: 'judge0', voter: 'voter0', weight: 1, optional: false },
    { name: 'judge1', voter: 'voter1', weight: 1, optional: false },
  ],
  criteria: { aligned: { ask: 'Does it?', weight: 1 }, natural: { ask: 'Is it?', weight: 1 } },
  passes: 'all',
  accept: 'unanimous',
};

export const sampleFacts: DatasetFacts = {
  name: 'tiddlywiki',
  run: 'r-1',
  pipeline: 'abc',
  generator: 'learn-by-interact 0.1.0',
  seed: 7,
  environments: [{ name: 'wiki', kind: 'browser' }],
  models: [
    { name: 'judge0', model: 'local/sha', uses: ['construct', 'filter'] },
    { name: 'judge1', model: 'other/x', uses: ['filter'] },
  ],
  committee: sampleCommittee,
  counts: [
    { what: 'windows', count: 12 },
    { what: 'kept', count: 3 },
  ],
  sources: [{ source: 'wiki@1.0.0', documents: 3, license: 'MIT' }],
  usage: { 'filter/judge0': { ...usage, usd: 0.25 }, 'construct/judge0': usage },
  heldOut: 0.1,
  scripted: [],
};
