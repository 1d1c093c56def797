/**
 * Records the histories that the replay tests use, under this version: `node test/workflows/record.ts [SHAPE …]`. Run it by hand when
 * the workflows have changed on purpose. The folders of earlier versions stay as they are: their runs must finish under this one.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { version } from '../../cli/version.ts';
import { countingServer, type Refusal } from '../engine/model-server.ts';
import {
  launch,
  listed,
  makePlace,
  oneTaskScript,
  type Place,
  type PlaceOptions,
  progressWhen,
  recordedPid,
  room,
  until,
} from '../engine/place.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const histories = join(root, 'test', 'histories', version());
const scripted = (delay: number): string => `{ provider: scripted, script: lamps.script.yaml, delay: ${delay} }`;
const models = (writer: string, judge = writer): string => `  writer: ${writer}\n  judge: ${judge}`;

interface Shape {
  name: string;
  options: PlaceOptions;
  /** steers the run until it has ended */
  steer(place: Place, client: Client, run: string): Promise<void>;
  /** executions of episodes kept of it, by what their histories hold */
  episodes: RegExp[];
  /** names of the leases whose histories are kept */
  leases?: string[];
}

const attach = async (place: Place, _client: Client, run: string): Promise<void> =>
  void (await place.lbi('attach', run, '--json'));

const judge = await countingServer(join(root, 'test', 'engine', 'lamps.script.yaml'), 5);

/** True once the only episode has begun its first action: its session is open. */
async function acted(client: Client): Promise<true | undefined> {
  const [id] = await listed(client, `WorkflowType = 'episode'`);
  if (id === undefined) return undefined;
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  const named = (events ?? []).map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
  return named.includes('act') ? true : undefined;
}

const shapes: Shape[] = [
  {
    name: 'undisturbed',
    options: { documents: 1 },
    steer: attach,
    episodes: [/lamp-9/, /Read how many/],
  },
  {
    name: 'killed',
    options: { documents: 1, oneTask: true, models: models(scripted(1)) },
    steer: async (place, client, run) => {
      await progressWhen(client, run, ({ inFlight }) => inFlight === 1);
      await until(() => acted(client), 'the first action');
      const state = await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8');
      process.kill((JSON.parse(state) as { pid: number }).pid, 'SIGKILL');
      await attach(place, client, run);
    },
    episodes: [/again, replay to the last step/],
  },
  {
    // Bookkeeping beside the workflow: nothing is made of the trajectory, and a second run takes it over and makes something of it.
    name: 'beside',
    options: {
      documents: 1,
      oneTask: true,
      change: (text) => text.replaceAll(/ {2}- \{ uses: (?:construct|filter|index|export).*\n/g, ''),
    },
    steer: async (place, client, run) => {
      await attach(place, client, run);
      const path = join(place.folder, 'pipeline.yaml');
      const more =
        '  - { uses: construct, model: writer, styles: [original] }\n  - { uses: export, formats: [openai] }\n';
      await writeFile(path, `${await readFile(path, 'utf8')}${more}`);
      await attach(place, client, await launch(place));
    },
    episodes: [/the trajectory: \d/, /the trajectory is there already/],
  },
  {
    name: 'taken-over',
    options: {
      documents: 1,
      oneTask: true,
      models: models(scripted(1)),
      environment: { LBI_LOST_AFTER: '60', LBI_HEARTBEAT: '60' },
    },
    steer: async (place, client, run) => {
      await progressWhen(client, run, ({ inFlight }) => inFlight === 1);
      await until(() => acted(client), 'the first action');
      process.kill((await recordedPid(place, 'worker')) ?? 0, 'SIGKILL');
      await attach(place, client, run);
    },
    episodes: [/again, replay to the last step/],
  },
  {
    name: 'key',
    options: {
      documents: 1,
      oneTask: true,
      models: models(
        scripted(0),
        `{ provider: openai, model: judge, base_url: "${judge.url}", api_key: "\${secret:LAMPS_KEY}" }`,
      ),
    },
    steer: async (place, client, run) => {
      await progressWhen(client, run, ({ blocked }) => Object.keys(blocked).length === 1);
      await writeFile(join(place.folder, '.env'), 'LAMPS_KEY=put-in-place\n');
      await place.lbi('resume', run);
      await attach(place, client, run);
    },
    episodes: [/LAMPS_KEY is not set/],
  },
  {
    name: 'unreadable',
    options: { documents: 1, oneTask: true, babble: true },
    steer: attach,
    episodes: [/could not be read/],
  },
  {
    name: 'committee',
    options: {
      documents: 1,
      models: `${models(scripted(0))}
  spare: { provider: openai, model: spare, base_url: "${judge.url}", api_key: "\${secret:LAMPS_NO_SUCH_KEY}" }`,
      change: (text) =>
        text
          .replace('items: 4,', 'items: 4, verify: 2,')
          .replace('[writer, judge]', '[writer, { model: spare, optional: true }, judge], ask: until-decided'),
    },
    steer: attach,
    episodes: [/"why":"not-needed"/, /"score":0[,}]/],
  },
  {
    name: 'cancelled',
    options: { documents: 3, oneTask: true, models: models(scripted(0.4)), change: (text) => lanes(text, 2) },
    steer: async (place, client, run) => {
      await progressWhen(client, run, ({ funnel, inFlight }) => funnel.episodes >= 1 && inFlight >= 1);
      await place.lbi('cancel', run);
      await attach(place, client, run);
    },
    episodes: [/CANCEL_REQUESTED/],
  },
  {
    name: 'continued',
    options: {
      documents: 6,
      oneTask: true,
      change: (text) => lanes(text, 2),
      environment: { LBI_HISTORY_EVENTS: '60' },
    },
    steer: attach,
    episodes: [],
  },
  {
    // With the pages of `continued`, episodes that continue as new: one while it walks, one while it is judged.
    name: 'long',
    options: { documents: 1, oneTask: true, environment: { LBI_HISTORY_EVENTS: '20' }, change: oneAtATime },
    steer: attach,
    episodes: [/"walk":\{"head"/, /"construct":\{"trajectory"/],
  },
  {
    name: 'leased',
    options: {
      documents: 2,
      oneTask: true,
      models: models(scripted(0.3)),
      change: (text) => text.replace('items: 4,', 'items: 4, lease: { name: board },'),
    },
    steer: attach,
    episodes: [/"leaseGranted"|leaseGranted/],
    leases: ['board'],
  },
  {
    name: 'stopped',
    options: { documents: 1, oneTask: true, models: models(scripted(1)) },
    steer: async (place, client, run) => {
      await progressWhen(client, run, ({ inFlight }) => inFlight === 1);
      await until(() => acted(client), 'the first action');
      const state = await readFile(join(place.folder, '.lbi', 'worker.json'), 'utf8');
      process.kill((JSON.parse(state) as { pid: number }).pid, 'SIGTERM');
      await attach(place, client, run);
    },
    episodes: [/sessionEnds/],
  },
  {
    name: 'capped',
    options: {
      documents: 3,
      oneTask: true,
      change: (text) =>
        lanes(text, 1)
          .replace('max_steps: 6,', 'max_steps: 6, task_budget: { tokens: 1 },')
          .replace('per_document: 1', 'per_document: 1, concurrency: 1, budget: { tokens: 1 }'),
    },
    steer: async (place, client, run) => {
      await progressWhen(
        client,
        run,
        ({ blocked, inFlight }) => blocked[`lamps/${run}`] !== undefined && inFlight === 0,
      );
      await place.lbi('resume', run, '--stage-tokens', 'instruct=100000');
      await attach(place, client, run);
    },
    episodes: [/the budget of the task is spent/],
  },
];

function oneAtATime(text: string): string {
  return text.replace('styles: [new-task, original]', 'styles: [new-task, original], concurrency: 1');
}

function lanes(text: string, number: number): string {
  return text.replace('concurrency: 10', `concurrency: ${number}`);
}

/** What the model of the shapes that are steered refuses at the moment. */
let refused: (question: string) => Refusal = () => undefined;
const scripts = await mkdtemp(join(tmpdir(), 'lbi-record-'));
const oneTask = join(scripts, 'one-task.yaml');
await writeFile(oneTask, oneTaskScript(await readFile(join(root, 'test', 'engine', 'lamps.script.yaml'), 'utf8')));
const steered = await countingServer(oneTask, 300, (question) => refused(question));
const asked = models(`{ provider: openai, model: writer, base_url: "${steered.url}" }`);
const hasty = (text: string): string =>
  text.replaceAll(/uses: (instruct|interact|construct),/g, '$& retry: { attempts: 2, first_wait: 0.1 },');

shapes.push(
  {
    name: 'paused',
    options: { documents: 2, oneTask: true, models: asked, change: (text) => lanes(text, 2) },
    steer: async (place, client, run) => {
      await progressWhen(client, run, ({ inFlight }) => inFlight >= 1);
      await place.lbi('pause', run);
      await place.lbi('tune', run, '--concurrency', '1');
      await place.lbi('resume', run);
      await attach(place, client, run);
    },
    episodes: [/"signalName":"pause"/],
  },
  {
    name: 'retried',
    options: {
      documents: 2,
      oneTask: true,
      models: asked,
      change: hasty,
      environment: { LBI_PROBE: '1', LBI_PROBE_LONGEST: '2' },
    },
    steer: async (place, client, run) => {
      await progressWhen(client, run, ({ funnel, waits = [] }) => funnel.episodes === 1 && waits.length === 1);
      refused = (question) => (decides(1, question) ? 401 : undefined);
      await place.lbi('retry', run);
      await progressWhen(client, run, ({ funnel }) => funnel.outcomes.finished === 1);
      refused = () => undefined;
      await attach(place, client, run);
    },
    episodes: [/~2"/, /"signalName":"tryAgain"/],
  },
);

const decides = (index: number, question: string): boolean =>
  question.includes(room(index)) && question.includes('You are an agent');

/** The readable text of all payloads and failures. */
const readable = (json: string): string =>
  json.replaceAll(/"data": ?"([A-Za-z0-9+/=]+)"/g, (_, data: string) => Buffer.from(data, 'base64').toString());

/** A history without names of the machine it was recorded on: replay needs neither identities nor stacks. */
function neutral(json: string, folder: string): string {
  const clean = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(clean);
    if (typeof value === 'string') return value.replaceAll(folder, '/lamps').replaceAll(root, '/lbi');
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([key]) => key !== 'identity' && key !== 'stackTrace');
    return Object.fromEntries(
      entries.map(([key, inner]) => {
        if (key !== 'data' || typeof inner !== 'string') return [key, clean(inner)];
        const text = Buffer.from(inner, 'base64').toString().replaceAll(folder, '/lamps').replaceAll(root, '/lbi');
        return [key, Buffer.from(text).toString('base64')];
      }),
    );
  };
  const text = `${JSON.stringify(clean(JSON.parse(json)))}\n`;
  for (const name of [`@${hostname()}`, `.${hostname()}.`, folder, root])
    if (readable(text).includes(name)) throw new Error(`the history still names ${name}`);
  return text;
}

async function record({ name, options, steer, episodes, leases = [] }: Shape): Promise<void> {
  const place = await makePlace({ ...options, environment: { LBI_HOST: 'recorded', ...options.environment } });
  try {
    refused = (question) =>
      name !== 'retried' ? undefined : decides(0, question) ? 'babble' : decides(1, question) ? 401 : undefined;
    const run = await launch(place);
    const client = await place.client();
    await steer(place, client, run);
    const history = async (id: string, runId?: string): Promise<string> =>
      neutral(historyToJSON(await client.workflow.getHandle(id, runId).fetchHistory()), place.folder);
    const keep = (suffix: string, text: string): Promise<void> =>
      writeFile(join(histories, `${name}-${suffix}.json`), text);

    const runs: { runId: string; at: number }[] = [];
    for await (const { runId, startTime } of client.workflow.list({ query: `WorkflowId = 'lamps/${run}'` }))
      runs.push({ runId, at: startTime.getTime() });
    runs.sort((one, other) => one.at - other.at);
    for (const [index, { runId }] of runs.entries())
      await keep(runs.length === 1 ? 'pipeline' : `pipeline-${index + 1}`, await history(`lamps/${run}`, runId));
    const all: string[] = [];
    for await (const { workflowId, runId } of client.workflow.list({ query: `WorkflowType = 'episode'` }))
      all.push(await history(workflowId, runId));
    for (const lease of leases) await keep(`lease-${lease}`, await history(`lbi-lease/${lease}`));
    for (const [index, pattern] of episodes.entries()) {
      const found = all.find((text) => pattern.test(readable(text)));
      if (found === undefined) throw new Error(`${name}: no episode holds ${pattern}`);
      await keep(`episode-${index + 1}`, found);
    }
    console.log(`${name}: ${runs.length} runs, ${episodes.length} episodes`);
  } finally {
    await place.close();
  }
}

const wanted = process.argv.slice(2);
await mkdir(histories, { recursive: true });
try {
  for (const shape of shapes) if (wanted.length === 0 || wanted.includes(shape.name)) await record(shape);
} finally {
  await judge.close();
  await steered.close();
  await rm(scripts, { recursive: true, force: true });
}
