/** Carries the storm out: a run of one document for each cause and vendor, all at once, on one server and one worker. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { readLedger } from '../../activities/ledger.ts';
import { planFile } from '../../cli/plans.ts';
import { newRunId, type RunRecord, saveRun } from '../../cli/runs.ts';
import type { Progress } from '../../schemas/flow.ts';
import { putJson } from '../../store/json.ts';
import { openStore } from '../../store/stores.ts';
import { temporal } from '../../temporal.config.ts';
import { makePlace, type Place, until } from '../engine/place.ts';
import { testKey } from '../models/vendor-servers/vendor-server.ts';
import { attempts, type Cause, causes, type End, patience } from './causes.ts';
import { type StormServer, startStorm, type Vendor, vendors } from './servers.ts';

export interface Row {
  cause: string;
  vendor: Vendor;
  expected: Cause;
  end: End | 'still running' | 'something else';
  /** what a person is told */
  told: string;
  requests: number;
  /** calls that the provider may charge for though no reply came */
  lost: number;
  /** of calls with a reply */
  paidTokens: number;
  seconds: number;
}

const model: Record<Vendor, string> = {
  anthropic: 'claude-haiku-4-5',
  google: 'gemini-2.5-flash',
  openai: 'gpt-5-mini',
};

/** Causes that a person mends close the model to its other calls, so they get an address, and with it a queue, of their own. */
const addressOf = (storm: StormServer, vendor: Vendor, cause: string, { address, end }: Cause): string => {
  if (address === 'tls') return storm.tlsUrl(vendor, cause);
  if (address === 'unknown') return `http://nowhere.invalid/${vendor}`;
  return storm.baseUrl(vendor, end === 'waits for a person' ? cause : 'shared');
};

/** Seconds that a call may take: few where it ends in no other way, else enough for a busy machine. */
const seconds = (cause: string): number => (causes[cause]?.silent === true ? patience : 30);

const pipeline = (vendor: Vendor, cause: string, url: string): string => `version: "1"
name: storm-${vendor}-${cause}
models:
  writer: { provider: ${vendor}, model: ${model[vendor]}, base_url: "${url}", api_key: "\${secret:STORM_KEY}", timeout: ${seconds(cause)}, limits: { concurrency: 64 } }
  hand: { provider: scripted, script: hand.yaml }
environments:
  board: { kind: scripted, sessions: 8 }
sources:
  - files: docs/${cause}.md
stages:
  - { uses: instruct, model: writer, per_document: 1, retry: { attempts: ${attempts}, first_wait: 0.2, longest_wait: 0.4 } }
  - { uses: interact, environment: board, model: hand, max_steps: 2 }
`;

const hand = 'rules:\n  - { role: decide, reply: { reason: "Done.", action: { name: finish, answer: "" } } }\n';

interface Started {
  record: RunRecord;
  cause: string;
  vendor: Vendor;
  at: number;
}

async function start(place: Place, client: Client, storm: StormServer): Promise<Started[]> {
  const store = await openStore(join(place.folder, '.lbi', 'store'));
  const started: Started[] = [];
  for (const [cause, expected] of Object.entries(causes)) {
    await writeFile(
      join(place.folder, 'docs', `${cause}.md`),
      `# Page of the cause ${cause}\n\nLamps can be switched.\n`,
    );
    for (const vendor of vendors) {
      const file = join(place.folder, `${vendor}-${cause}.yaml`);
      await writeFile(file, pipeline(vendor, cause, addressOf(storm, vendor, cause, expected)));
      const plan = await planFile(file, {});
      if (plan === undefined) throw new Error(`${file} is wrong`);
      const run = `${newRunId()}${started.length}`;
      const pipelineName = plan.spec.name;
      const record: RunRecord = {
        run,
        pipeline: pipelineName,
        plan: await putJson(store, plan),
        file,
        workflowId: `${pipelineName}/${run}`,
        createdAt: new Date().toISOString(),
      };
      await saveRun(store, record);
      started.push({ record, cause, vendor, at: 0 });
    }
  }
  await Promise.all(
    started.map(async (one) => {
      const { record } = one;
      one.at = Date.now();
      await client.workflow.start('pipeline', {
        taskQueue: temporal.mainQueue,
        workflowId: record.workflowId,
        args: [{ pipeline: record.pipeline, run: record.run, plan: record.plan }],
        memo: { plan: record.plan },
      });
    }),
  );
  return started;
}

/** The run as it stands once it has ended or waits; undefined while it goes on. */
async function settledRow(client: Client, storm: StormServer, place: Place, one: Started): Promise<Row | undefined> {
  const { record, cause, vendor, at } = one;
  const handle = client.workflow.getHandle(record.workflowId);
  const { status, closeTime } = await handle.describe();
  const progress = await handle.query<Progress>('progress');
  const blocked = Object.values(progress.blocked)[0];
  if (status.name === 'RUNNING' && blocked === undefined) return undefined;
  const store = await openStore(join(place.folder, '.lbi', 'store'));
  const ledger = await readLedger(store, record.run, true, Date.now());
  const failure = status.name === 'FAILED' ? await handle.result().then(String, reasonOf) : undefined;
  const unreadable = progress.funnel.unreadable === 1 && progress.funnel.tasks === 0;
  const ended: Row['end'] = unreadable
    ? 'counted as unreadable'
    : progress.funnel.tasks === 1
      ? 'goes on'
      : 'something else';
  return {
    cause,
    vendor,
    expected: causes[cause] as Cause,
    end: blocked !== undefined ? 'waits for a person' : failure !== undefined ? 'item fails' : ended,
    told: blocked ?? failure ?? '',
    requests: storm.requests.get(`${cause}/${vendor}`) ?? 0,
    lost: Object.values(ledger.lost).reduce((sum, number) => sum + number, 0),
    paidTokens: Object.values(ledger.paid).reduce((sum, { input, output }) => sum + input + output, 0),
    seconds: ((closeTime?.getTime() ?? Date.now()) - at) / 1000,
  };
}

const reasonOf = (error: unknown): string => {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner instanceof Error ? inner.message : String(inner);
};

/** Rows in the order of the causes, and how many requests followed a redirect. */
export async function runStorm(): Promise<{ rows: Row[]; strayed: number }> {
  const behaviours = Object.entries(causes).flatMap(([cause, { behaviour }]) =>
    behaviour === undefined ? [] : [[cause, behaviour] as const],
  );
  const storm = await startStorm(Object.fromEntries(behaviours));
  const place = await makePlace({ documents: 0 });
  const home = process.env.LBI_HOME;
  process.env.LBI_HOME = join(place.folder, '.lbi');
  try {
    await writeFile(join(place.folder, 'hand.yaml'), hand);
    await writeFile(join(place.folder, '.env'), `STORM_KEY=${testKey}\n`);
    await place.lbi('up');
    const client = await place.client();
    const started = await start(place, client, storm);
    const rows = new Map<Started, Row>();
    await until(
      async () => {
        for (const one of started)
          if (!rows.has(one)) {
            const row = await settledRow(client, storm, place, one);
            if (row !== undefined) rows.set(one, row);
          }
        return rows.size === started.length ? true : undefined;
      },
      'every run of the storm ends or waits',
      150,
    ).catch(() => undefined);
    const still = ({ cause, vendor, at }: Started): Row => ({
      cause,
      vendor,
      expected: causes[cause] as Cause,
      end: 'still running',
      told: '',
      requests: storm.requests.get(`${cause}/${vendor}`) ?? 0,
      lost: 0,
      paidTokens: 0,
      seconds: (Date.now() - at) / 1000,
    });
    return { rows: started.map((one) => rows.get(one) ?? still(one)), strayed: storm.strayed };
  } finally {
    if (home === undefined) delete process.env.LBI_HOME;
    else process.env.LBI_HOME = home;
    await place.close();
    await storm.close();
  }
}
