/**
 * Two workers against a provider with a limit that nobody declared: how much of it flows, and how many calls are refused, over time.
 * Run: node bench/limits.ts [scenario] [calls a second] [seconds]. Scenarios: declared, retry-after, silent, headers, changes, killed, all.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { openRegister } from '../cli/limits/register.ts';
import { startServer, stopServer } from '../cli/server/server.ts';
import { readTemporalConfig } from '../temporal.config.ts';
import { type LimitedServer, limitedServer } from '../test/engine/limited-server.ts';

interface Scenario {
  says: string;
  /** the limit by seconds since the first call, as a part of what was asked for */
  limit(seconds: number, all: number): number;
  retryAfter?: boolean;
  headers?: boolean;
  declared?: boolean;
  kill?: boolean;
}

const steady = (): number => 1;
const scenarios: Record<string, Scenario> = {
  declared: { says: 'the limit is declared as rpm', limit: steady, retryAfter: true, declared: true },
  'retry-after': { says: 'not declared; refusals say how long to wait', limit: steady, retryAfter: true },
  silent: { says: 'not declared; refusals say nothing', limit: steady },
  headers: { says: 'not declared; answers say what is left', limit: steady, retryAfter: true, headers: true },
  changes: {
    says: 'not declared; halved after a third of the time, back after two',
    limit: (seconds, all) => (seconds > all / 3 && seconds < (2 * all) / 3 ? 0.5 : 1),
    retryAfter: true,
  },
  killed: { says: 'not declared; one worker is killed halfway', limit: steady, retryAfter: true, kill: true },
};

const [which = 'retry-after', rate = '20', duration = '120'] = process.argv.slice(2);
const perSecond = Number(rate);
const seconds = Number(duration);
/** Seconds of one line of the table. */
const line = 5;
/** Seconds that belong to the search. */
const settled = 20;

const within = (times: number[], from: number, to: number): number =>
  times.filter((at) => at >= from && at < to).length;

function startWorker(
  address: string,
  queue: string,
  name: string,
  provider: LimitedServer,
  rpm: number | undefined,
): ChildProcess {
  const limits = { concurrency: 100, ...(rpm === undefined ? {} : { rpm }) };
  const spec = {
    provider: 'openai',
    model: 'm',
    base_url: provider.url,
    limits,
    max_tokens: 16,
    temperature: 0,
    timeout: 60,
  };
  const settings = JSON.stringify({ address, queue, name, spec });
  return spawn(process.execPath, [join(import.meta.dirname, 'limits-worker.ts'), settings], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** Keeps more calls waiting than can flow. */
async function feed(client: Client, queue: string, started: () => number, signal: AbortSignal): Promise<void> {
  let fed = 0;
  while (!signal.aborted) {
    const missing = started() + 8 * perSecond - fed;
    if (missing <= 0) await sleep(100);
    const options = {
      taskQueue: queue,
      startToCloseTimeout: '1m',
      retry: { initialInterval: '1s', maximumInterval: '10s' },
    } as const;
    const batch = Array.from({ length: Math.min(20, Math.max(0, missing)) }, () => `${queue}-${fed++}`);
    await Promise.all(batch.map((id) => client.activity.start('ask', { id, ...options })));
  }
}

async function measure(name: string, scenario: Scenario, address: string): Promise<void> {
  let began = Number.POSITIVE_INFINITY;
  const limit = (): number => perSecond * scenario.limit(Math.max(0, (Date.now() - began) / 1000), seconds);
  const { retryAfter = false, headers = false } = scenario;
  const provider = await limitedServer({ limit, burst: 2 * perSecond, retryAfter, headers, latency: 500 });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const queue = `bench.${name}`;
  const rpm = scenario.declared === true ? perSecond * 60 : undefined;
  const workers = ['a', 'b'].map((one) => startWorker(address, queue, `${name}-${one}`, provider, rpm));
  const stop = new AbortController();
  const feeding = feed(client, queue, () => provider.accepted.length, stop.signal);
  try {
    while (provider.accepted.length === 0) await sleep(20);
    began = Date.now();
    await watch(scenario, { connection, queue, provider, began, limit, kill: () => void workers[1]?.kill('SIGKILL') });
  } finally {
    stop.abort();
    await feeding.catch(() => undefined);
    for (const worker of workers) worker.kill('SIGKILL');
    await provider.close();
    await connection.close();
  }
}

interface Watched {
  connection: Connection;
  queue: string;
  provider: LimitedServer;
  began: number;
  limit(): number;
  kill(): void;
}

async function watch(scenario: Scenario, { connection, queue, provider, began, limit, kill }: Watched): Promise<void> {
  const register = openRegister(connection, 'default', 'bench');
  console.log(`\n${scenario.says}; ${perSecond} calls a second, two workers`);
  console.log('  second  limit/s through/s   of it  refused allowed/s  waiting');
  let possible = 0;
  let through = 0;
  for (let at = line; at <= seconds; at += line) {
    await sleep(began + at * 1000 - Date.now());
    if (scenario.kill === true && at - line < seconds / 2 && at >= seconds / 2) kill();
    const [from, to] = [began + (at - line) * 1000, began + at * 1000];
    const accepted = within(provider.accepted, from, to);
    const { inForce, waiting } = await register.look(queue);
    const now = limit();
    if (at > settled) {
      possible += now * line;
      through += accepted;
    }
    const share = `${Math.round((100 * accepted) / line / now)} %`;
    const cells = [
      at,
      now,
      accepted / line,
      share,
      within(provider.refused, from, to),
      inForce?.toFixed(1) ?? 'all',
      waiting,
    ];
    console.log(cells.map((cell) => String(cell).padStart(8)).join(' '));
  }
  const refused = within(provider.refused, began + settled * 1000, began + seconds * 1000);
  const part = (share: number): string => `${(100 * share).toFixed(1)} %`;
  console.log(
    `  after ${settled} s: ${part(through / possible)} of the limit, ${refused} of ${through + refused} calls refused (${part(refused / (through + refused))}); before that ${within(provider.refused, 0, began + settled * 1000)} refused`,
  );
}

const chosen = which === 'all' ? Object.keys(scenarios) : [which];
const folder = await mkdtemp(join(tmpdir(), 'lbi-bench-limits-'));
const { address } = await startServer(
  folder,
  readTemporalConfig({ LBI_TEMPORAL_PORT: '17433', LBI_TEMPORAL_UI_PORT: '18433' }, folder),
);
try {
  for (const name of chosen) {
    const scenario = scenarios[name];
    if (scenario === undefined)
      throw new Error(`no scenario "${name}"; there are ${Object.keys(scenarios).join(', ')}`);
    await measure(name, scenario, address);
  }
} finally {
  await stopServer(folder);
  await rm(folder, { recursive: true, force: true });
}
