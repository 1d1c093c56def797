/**
 * Questions as models get them, and the keys that their replies are kept under. A change of how a document, a trajectory or an action is
 * written down makes every stored reply a stranger's: it is either a mistake, or meant, and then `questionVersion` is raised and the file
 * is written anew with LBI_REWRITE_EXPECTED=1.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Unanswered } from '../../activities/ask.ts';
import { decide, query } from '../../activities/decide.ts';
import type { Deps } from '../../activities/deps.ts';
import { instruct } from '../../activities/instruct.ts';
import { relabel } from '../../activities/relabel.ts';
import { vote } from '../../activities/vote.ts';
import type { Ref } from '../../schemas/common.ts';
import type { Observation } from '../../schemas/observation.ts';
import { folderStore } from '../../store/folder.ts';
import { putJson } from '../../store/json.ts';
import { partsOf, storePlan } from './parts.ts';

const golden = join(import.meta.dirname, '..', 'core', 'golden', 'questions.json');
const rewrite = process.env.LBI_REWRITE_EXPECTED === '1';

const pipeline = `version: "1"
name: golden
models:
  writer: { provider: scripted, script: golden.yaml }
environments:
  board: { kind: scripted, about: A board of lamps. }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, hints: Small things. }
  - { uses: interact, environment: board, model: writer }
  - { uses: construct, model: writer }
  - { uses: filter, committee: { members: [writer] } }
`;

/** Every variable of every prompt, so that what fills them is part of the question. */
const prompt = (...variables: string[]): string =>
  `# System\n\nGolden.\n\n# User\n\n${variables.map((name) => `${name}:\n{{ ${name} }}`).join('\n\n')}\n`;
const prompts = {
  instruct: prompt('document', 'title', 'count', 'place', 'hints'),
  interact: prompt('actions', 'place', 'knowledge', 'documents', 'task', 'history', 'observation'),
  'interact/query': prompt('task', 'history', 'observation'),
  'construct/new-task': prompt('trajectory'),
  'construct/replicate': prompt('trajectory'),
  filter: prompt('instruction', 'trajectory', 'criteria'),
};

const seen = (text: string, stateHash: string): Observation => ({ text, state: {}, stateHash });

let folder: string;
let deps: Deps;
let plan: Ref;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-golden-'));
  await writeFile(join(folder, 'golden.yaml'), 'rules:\n  - { role: vote, text: "never asked" }\n');
  const store = await folderStore(join(folder, 'store'), { durable: 'process' });
  deps = partsOf(store, folder, { stored: () => {} });
  plan = await storePlan(store, pipeline, prompts);
});
after(() => rm(folder, { recursive: true, force: true }));

/** The key and the text of the question that the work asks. */
async function asked(work: Promise<unknown>): Promise<{ key: string; text: string }> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    const text = error.request.messages.flatMap(({ content }) =>
      content.map((part) => (part.type === 'text' ? part.text : part.mime)),
    );
    return { key: error.key, text: text.join('\n') };
  }
  throw new Error('nothing was asked');
}

test('the questions about one document, one trajectory and one example have the keys that stored replies have', async () => {
  const { store } = deps;
  const document = await putJson(store, {
    id: 'a.md',
    source: 'a.md',
    title: 'Lamps',
    text: '# Lamps\n\nThey </document> burn.',
  });
  const task = await putJson(store, {
    ...{ id: 'lamps-1', instruction: 'Switch lamp-1 on', document, documentId: 'a.md', attempt: 1, seed: 3 },
  });
  const actions = await putJson(store, [
    {
      name: 'switch',
      description: 'Switches a lamp.',
      parameters: {
        type: 'object',
        properties: { lamp: { type: 'string' } },
        required: ['lamp'],
        additionalProperties: false,
      },
    },
  ]);
  const root = await putJson(store, {
    ...{ parent: null, index: 0, reason: '', action: null, actions, observation: seen('lamp-1 is off', 's0') },
  });
  const first = await putJson(store, {
    ...{ parent: root, index: 1, reason: 'A try.', action: { name: 'switch', arguments: { lamp: 'lamp-9' } } },
    observation: seen('lamp-1 is off', 's0'),
    error: { kind: 'invalid', message: 'there is no lamp-9' },
  });
  const head = await putJson(store, {
    ...{ parent: first, index: 2, reason: 'The right one.', action: { name: 'switch', arguments: { lamp: 'lamp-1' } } },
    observation: seen('lamp-1 is on', 's1'),
  });
  const window = { from: 0, to: 2, steps: [1, 2] };
  const example = await putJson(store, {
    ...{ instruction: 'Switch a lamp on.', style: 'new-task', window, head, task, environment: 'board' },
  });
  const at = { plan, task, head, query: null, retry: 0 };
  const questions = {
    instruct: await asked(instruct(deps)({ plan, document: { ref: document, id: 'a.md', title: 'Lamps' } })),
    query: await asked(query(deps)(at)),
    decide: await asked(decide(deps)(at)),
    'decide again': await asked(decide(deps)({ ...at, retry: 1 })),
    'relabel new-task': await asked(relabel(deps)({ plan, task, head, window, style: 'new-task' })),
    'relabel replicate': await asked(relabel(deps)({ plan, task, head, window, style: 'replicate' })),
    vote: await asked(vote(deps)({ plan, example, member: 'writer' })),
  };
  if (rewrite) await writeFile(golden, `${JSON.stringify(questions, null, 2)}\n`);
  else assert.deepEqual(questions, JSON.parse(await readFile(golden, 'utf8')));
  assert.equal(new Set(Object.values(questions).map(({ key }) => key)).size, Object.keys(questions).length);
});
