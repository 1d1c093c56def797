/**
 * Kills at random over worker, browser, server and supervisor while one run works in a real browser:
 * `node bench/crash-sweep.ts [--kills 100] [--episodes 40] [--seed 1] [--delay 300]`. The dataset must be that of the undisturbed run,
 * byte for byte; nothing that was received is asked again; nothing is left over. Takes about 6 s a kill: 100 kills are ten minutes on two
 * quiet cores. Ends with 1 when something does not hold.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Client } from '@temporalio/client';
import { countingServer } from '../test/engine/model-server.ts';
import { checksums, launch, listed, makePlace, type Place } from '../test/engine/place.ts';
import { type Kill, leftovers, repeats, storm, type Target } from '../test/engine/sweep.ts';
import { companion, script, site } from './crash/site.ts';
import { ended, table } from './lamps.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    episodes: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    delay: { type: 'string', default: '300' },
  },
});
const [kills, episodes, seed, delay] = [values.kills, values.episodes, values.seed, values.delay].map(Number) as [
  number,
  number,
  number,
  number,
];
const targets: Target[] = ['worker', 'browser', 'server', 'supervisor'];

const models = await countingServer(await scriptFile(), delay);
const app = await site();

async function scriptFile(): Promise<string> {
  const folder = join(import.meta.dirname, '..', 'node_modules', '.cache', 'lbi-bench');
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'crash-sweep.yaml');
  await writeFile(path, script);
  return path;
}

const pipeline = (model: string): string => `version: "1"
name: lamps
models:
  writer: ${model}
  judge: ${model.replace('model: writer', 'model: judge')}
environments:
  counter:
    kind: browser
    app: { copy: app, command: ["\${node}", companion.cjs, "\${port}", "${app.url}"], ready: /ready }
    allow: ["http://127.0.0.1:\${port}/*", "${app.url}*"]
    sessions: 4
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, per_document: 3, limit: ${episodes} }
  - { uses: interact, environment: counter, model: writer, max_steps: 8, concurrency: 6 }
  - { uses: construct, model: writer, styles: [new-task, original], max_windows: 3 }
  - { uses: filter, committee: { members: [writer, judge], reasons: one } }
  - { uses: export, formats: [openai, parquet], split: 0.3 }
`;

interface Site extends Place {
  temporary: string;
}

async function makeSite(): Promise<Site> {
  const environment = { LBI_SWEEP: '5', TMPDIR: '' };
  const place = await makePlace({ documents: Math.ceil(episodes / 3), environment });
  const temporary = join(place.folder, 'tmp');
  await mkdir(temporary);
  place.environment.TMPDIR = temporary;
  await mkdir(join(place.folder, 'app'));
  await writeFile(join(place.folder, 'app', 'companion.cjs'), companion);
  await writeFile(
    join(place.folder, 'pipeline.yaml'),
    pipeline(`{ provider: openai, model: writer, base_url: "${models.url}" }`),
  );
  return { ...place, temporary };
}

interface Outcome {
  sums: Record<string, string>;
  seconds: number;
  kept: number;
  hits: Kill[];
  left: string[];
}

/** One whole run, with that many kills. */
async function once(number: number, random: number): Promise<Outcome> {
  const place = await makeSite();
  try {
    const started = Date.now();
    const run = await launch(place);
    let over = false;
    const watch = watched(place, run).finally(() => {
      over = true;
    });
    const hits = await storm(
      place,
      { kills: number, seed: random, targets, pause: [1000, 4500], say: console.log },
      () => over,
    );
    await watch;
    const seconds = (Date.now() - started) / 1000;
    const client = await place.client();
    const open = await closing(client);
    const { dataset } = JSON.parse((await place.lbi('show', run, '--json')).stdout) as {
      dataset: { folder: string; kept: number };
    };
    await place.lbi('down');
    const left = [...open.map((id) => `open workflow ${id}`), ...(await leftovers(place, place.temporary))];
    return { sums: await checksums(dataset.folder), seconds, kept: dataset.kept, hits, left };
  } catch (error) {
    for (const log of ['worker', 'supervisor', 'server']) {
      const text = await readFile(join(place.folder, '.lbi', `${log}.log`), 'utf8').catch(() => '(none)');
      console.error(`${log}.log\n${text.slice(-3000)}`);
    }
    throw error;
  } finally {
    await place.close();
  }
}

/** What still runs when the run has ended and its episodes have had time to close their sessions. */
async function closing(client: Client): Promise<string[]> {
  for (const end = Date.now() + 20_000; ; await sleep(500)) {
    const open = await listed(client, `ExecutionStatus = 'Running'`);
    if (open.length === 0 || Date.now() > end) return open;
  }
}

/** Waits for the end of the run while its server comes and goes. */
async function watched(place: Place, run: string): Promise<void> {
  for (;;) {
    try {
      await ended(await place.client(), run);
      return;
    } catch (error) {
      if (error instanceof Error && error.name === 'WorkflowFailedError') throw error;
      await sleep(500);
    }
  }
}

const wrong: string[] = [];
try {
  console.log(`${episodes} episodes, seed ${seed}, ${kills} kills over ${targets.join(', ')}\n`);
  const calm = await once(0, seed);
  const asked = new Map(models.replies);
  console.log(`undisturbed: ${calm.seconds.toFixed(0)} s, ${calm.kept} kept, ${asked.size} questions\n`);
  wrong.push(...calm.left.map((what) => `undisturbed, left over: ${what}`));

  const hits: Kill[] = [];
  let [questions, seconds, rounds, cutAll] = [0, 0, 0, [] as number[]];
  while (hits.length < kills) {
    models.replies.clear();
    const rough = await once(kills - hits.length, seed + rounds);
    rounds += 1;
    seconds += rough.seconds;
    questions += models.replies.size;
    hits.push(...rough.hits);
    wrong.push(...rough.left.map((what) => `left over: ${what}`));
    if (JSON.stringify(rough.sums) !== JSON.stringify(calm.sums)) wrong.push('the dataset is another');
    const others = [...models.replies.keys()].filter((question) => !asked.has(question));
    if (others.length > 0) wrong.push(`${others.length} questions were asked that the undisturbed run did not ask`);
    for (const { question, replies, cut, around } of repeats(models.replies, rough.hits)) {
      const unexplained = cut.filter((ms) => ms === undefined).length;
      cutAll.push(...cut.filter((ms) => ms !== undefined));
      if (unexplained > 0)
        wrong.push(
          `${question.slice(0, 12)} was answered ${replies.length} times, ${unexplained} without a kill to explain it; after ${replies.map((at) => at - (replies[0] ?? 0)).slice(1)} ms; kills about the first: ${around}`,
        );
    }
    if (rough.hits.length === 0) throw new Error('the run ended before the first kill: give it more episodes');
  }
  const number = (target: Target): number => hits.filter((kill) => kill.target === target).length;
  console.log(
    `\n${table(
      [
        'kills',
        ...targets,
        'runs',
        'seconds',
        'undisturbed',
        'questions',
        'cut off and asked again',
        'asked again though received',
      ],
      [
        [
          hits.length,
          ...targets.map(number),
          rounds,
          seconds.toFixed(0),
          calm.seconds.toFixed(0),
          questions,
          cutAll.length,
          wrong.filter((one) => one.includes('answered')).length,
        ],
      ],
    )}`,
  );
  if (cutAll.length > 0)
    console.log(
      `\nmilliseconds from a reply to the kill that cut it off: ${cutAll.toSorted((a, b) => a - b).join(', ')}`,
    );
} finally {
  await app.close();
  await models.close();
}
console.log(wrong.length === 0 ? '\nall holds' : `\nWRONG\n${wrong.map((one) => `  ${one}`).join('\n')}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
