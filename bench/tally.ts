/**
 * Counts the votes of a large store again under another threshold: `node bench/tally.ts [examples] [per episode] [folder]`. The store is made by the
 * activities themselves (chains of five actions with 2 kB observations, two votes an example); each tally runs in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

import { seal } from '../activities/attempt.ts';
import { conclude } from '../activities/conclude.ts';
import type { Deps } from '../activities/deps.ts';
import { record } from '../activities/record.ts';
import { vote } from '../activities/vote.ts';
import { noUsage } from '../core/usage.ts';
import type { Ref } from '../schemas/common.ts';
import type { Candidate } from '../schemas/episode.ts';
import type { EpisodeEntry } from '../schemas/flow.ts';
import { folderStore } from '../store/folder.ts';
import { putJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { partsOf, storePlan } from '../test/activities/parts.ts';

const run = 'r-bench';
const actions = 5;
const pageSize = 200;
const votePrompt = '# System\n\n{{ criteria }}\n\n# User\n\n{{ instruction }}\n{{ trajectory }}\n';
const words =
  'open close write read move copy list sort find count green blue small large first last note page entry folder milk tea bread water stone river cloud table window garden letter number'.split(
    ' ',
  );

const pipeline = (threshold: number): string => `version: "1"
name: bench
models:
  one: { provider: scripted, script: votes.yaml }
  two: { provider: scripted, script: votes.yaml, temperature: 0.5 }
environments:
  board: { kind: scripted }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: one }
  - { uses: interact, environment: board, model: one }
  - { uses: construct, model: one }
  - { uses: filter, committee: { members: [one, two], reasons: one, accept: { confidence: ${threshold} } } }
  - { uses: export, formats: [openai], split: 0.2 }
`;

/** Ten kinds of answer, by a digit of the instruction: thresholds between them keep more or fewer. */
const script = `rules:
${Array.from({ length: 10 }, (_, digit) => {
  const natural = digit < 3 ? 'no' : 'yes';
  return `  - { role: vote, when: "batch ${digit}", probability: ${digit / 10 + 0.05}, reply: { aligned: "yes", coherent: "yes", natural: "${natural}", reasonable: "yes", reason: "It was done as asked." } }`;
}).join('\n')}
`;

const planOf = (store: Store, threshold: number): Promise<Ref> =>
  storePlan(store, pipeline(threshold), { filter: votePrompt });

/** Words that depend on the numbers alone, so that every store is the same. */
const sentence = (seed: number, length: number): string =>
  Array.from({ length }, (_, at) => words[(seed * 7919 + at * at * 31 + at * seed) % words.length]).join(' ');

async function makeEpisode(deps: Deps, plan: Ref, number: number, perEpisode: number): Promise<EpisodeEntry> {
  const { store } = deps;
  const documentId = `page-${Math.floor(number / 3)}.md`;
  const document = await putJson(store, {
    id: documentId,
    source: 'bench',
    title: documentId,
    text: sentence(number, 50),
  });
  const title = `Task ${number}: ${sentence(number, 8)}`;
  const task = await putJson(store, {
    id: `task-${number}`,
    instruction: title,
    document,
    documentId,
    attempt: 0,
    seed: 0,
  });
  let head: Ref | null = null;
  const heads: Ref[] = [];
  for (let index = 0; index <= actions; index += 1) {
    const text = sentence(number * 10 + index, 320).padEnd(2000, ' …');
    const action = index === 0 ? null : { name: 'write', arguments: { note: sentence(number * 100 + index, 6) } };
    const observation = { text, state: {}, stateHash: `${number}-${index}` };
    head = await putJson(store, { parent: head, index, reason: sentence(index, 12), action, observation });
    heads.push(head);
  }
  const candidates: Candidate[] = [];
  for (let at = 0; at < perEpisode; at += 1) {
    const from = at % (actions - 1);
    const steps = Array.from({ length: actions - from }, (_, step) => from + 1 + step);
    const instruction = `${sentence(number * 13 + at, 9)}, batch ${(number * perEpisode + at) % 10} of ${number}`;
    const window = { from, to: actions, steps };
    const example = await putJson(store, { instruction, style: 'new-task', window, head, task, environment: 'board' });
    const votes = [];
    for (const member of ['one', 'two']) votes.push((await vote(deps)({ plan, example, member })).vote);
    candidates.push({ example, votes });
  }
  const trajectory = await seal(deps)({
    plan,
    trajectory: {
      task,
      environment: 'board',
      head: head ?? '',
      steps: actions,
      outcome: 'finished',
      detail: '',
      recovered: 0,
    },
    finish: null,
    usage: noUsage,
  });
  const common = {
    task,
    outcome: 'finished' as const,
    detail: '',
    steps: actions,
    windows: perEpisode,
    dropped: {},
    usage: {},
  };
  const ref = await conclude(deps)({ plan, record: { ...common, trajectory, candidates } });
  return {
    ...common,
    id: `task-${number}`,
    title,
    record: ref,
    voted: perEpisode,
    kept: 0,
    unreadable: 0,
    reused: false,
    recalled: false,
  };
}

async function makeStore(folder: string, examples: number, perEpisode: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'votes.yaml'), script);
  const store = await folderStore(join(folder, 'store'), { durable: 'process' });
  const deps = partsOf(store, folder);
  const plan = await planOf(store, 0.4);
  const episodes = Math.ceil(examples / perEpisode);
  for (let page = 0; page * pageSize < episodes; page += 1) {
    const numbers = Array.from(
      { length: Math.min(pageSize, episodes - page * pageSize) },
      (_, at) => page * pageSize + at,
    );
    const entries: EpisodeEntry[] = [];
    for (const number of numbers) entries.push(await makeEpisode(deps, plan, number, perEpisode));
    await record(deps)({ run, page, entries });
  }
}

const [first = '10000', second = '4', third] = process.argv.slice(2);
const folder = third ?? (await mkdtemp(join(tmpdir(), 'lbi-tally-')));
const [examples, perEpisode] = [Number(first), Number(second)];
try {
  console.log(
    `${examples} examples, ${perEpisode} an episode, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}`,
  );
  const made = await readdir(join(folder, 'store')).catch(() => undefined);
  if (made === undefined) await makeStore(folder, examples, perEpisode);
  const store = await folderStore(join(folder, 'store'));
  const pages = String(Math.ceil(Math.ceil(examples / perEpisode) / pageSize));
  for (const threshold of [0.4, 0.6, 0.6, 0.3]) {
    const plan = await planOf(store, threshold);
    const call = [join(import.meta.dirname, 'tally-once.ts'), join(folder, 'store'), plan, run, pages];
    const { stdout, stderr, status } = spawnSync(process.execPath, call, { encoding: 'utf8' });
    console.log(`accept: { confidence: ${threshold} }  ${status === 0 ? stdout.trim() : stderr}`);
  }
} finally {
  if (third === undefined) await rm(folder, { recursive: true, force: true });
}
