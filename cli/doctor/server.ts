/** What the doctor says of the Temporal server: the embedded one and its file, or somebody else's and whether it lets us in. */
import type { Client, Connection } from '@temporalio/client';
import { LbiError } from '../../core/errors.ts';
import { megabytes } from '../../setup/screen.mjs';
import { openStore } from '../../store/stores.ts';
import { temporal } from '../../temporal.config.ts';
import { keyring, keyVariable } from '../encryption/keys.ts';
import { program, storeUrl } from '../home.ts';
import { openRuns } from '../open-runs.ts';
import { pollersOf } from '../pollers.ts';
import { liveState } from '../processes.ts';
import { knownProject, queueOf } from '../project.ts';
import { attributeCommands, missingAttributes } from '../server/attributes.ts';
import { databaseSize } from '../server/disk.ts';
import { freePort } from '../server/ports.ts';
import { serverStatus } from '../server/server.ts';
import { type Check, check } from './check.ts';

/** Bytes of a database above which one is told how to make it smaller. */
const large = 2e9;

/** @param home the `.lbi` folder */
export async function serverChecks(home: string): Promise<Check[]> {
  const status = temporal.external === undefined ? await serverStatus(home) : undefined;
  const away = status !== undefined && status.state !== 'running';
  const asked = away ? undefined : await ask(home);
  const own = status === undefined ? foreignServer(asked) : await embeddedServer(status);
  return [own, ...namespaceChecks(asked), await worker(home, away, asked), encryption(asked)];
}

interface Asked {
  error?: LbiError;
  retentionDays?: number;
  missing?: string[];
  /** why it does not say which search attributes there are */
  silent?: string;
  pollers?: number;
  queue?: string;
  /** open runs by the id of their key; those in the clear under '' */
  keys: Record<string, number>;
}

/** Everything that is asked of a server, in one connection. */
async function ask(home: string): Promise<Asked> {
  const asked: Asked = { keys: {} };
  try {
    const { withClient } = await import('../connection.ts');
    await withClient(home, async (client, { namespace }) => {
      const { workflowService } = client.connection;
      const { config } = await workflowService.describeNamespace({ namespace });
      asked.retentionDays = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400;
      await attributes(client, namespace, asked);
      const project = await projectHere();
      asked.queue = queueOf(project ?? 'PROJECT');
      if (project === undefined) return;
      asked.pollers = (await pollersOf(workflowService, namespace, asked.queue, 'workflows')).length;
      for await (const { keyId = '' } of openRuns(client, asked.queue))
        asked.keys[keyId] = (asked.keys[keyId] ?? 0) + 1;
    });
  } catch (error) {
    asked.error =
      error instanceof LbiError
        ? error
        : new LbiError('operator', error instanceof Error ? error.message : String(error));
  }
  return asked;
}

/** The project's id, without making a store or an id where there is none. */
async function projectHere(): Promise<string | undefined> {
  return knownProject(await openStore(storeUrl(), { readOnly: true })).catch(() => undefined);
}

async function attributes(client: Client, namespace: string, asked: Asked): Promise<void> {
  try {
    asked.missing = (await missingAttributes(client.connection as Connection, namespace)).map(([name]) => name);
  } catch (error) {
    asked.silent = error instanceof Error ? error.message : String(error);
  }
}

function foreignServer(asked: Asked | undefined): Check {
  const { address, namespace } = temporal.external ?? { address: '', namespace: '' };
  if (asked?.error === undefined) return check('server', true, `${address}, namespace ${namespace}: lets us in`);
  const [what = '', fix] = asked.error.message.split('\n  ');
  return check('server', false, what, fix ?? 'check TEMPORAL_ADDRESS or the profile in temporal.toml');
}

async function embeddedServer(status: Awaited<ReturnType<typeof serverStatus>>): Promise<Check> {
  const { state, address, uiUrl, version, db, logFile } = status;
  const size = db === undefined ? undefined : await databaseSize(db);
  const database = size === undefined ? '' : `\nits database holds ${megabytes(size.bytes)}${given(size)}`;
  if (state === 'stopped')
    return check('server', true, `stopped; ${program} run starts it${await takenPort()}${database}`);
  const detail = `${state}${version === undefined ? '' : ` (${version})`}  ${address}  ${uiUrl}${database}`;
  return check('server', state !== 'unreachable', detail, `${program} down, then ${program} up   (log: ${logFile})`);
}

/** What could be given back, where that is worth the stop. */
const given = ({ bytes, free }: { bytes: number; free: number }): string => {
  const worth = bytes > large || (free > 100e6 && free > bytes / 2);
  return worth ? `, ${megabytes(free)} of it free; ${program} down --compact makes it smaller` : '';
};

/** The usual port may be another program's: the server then takes a free one. */
async function takenPort(): Promise<string> {
  const { host, port } = temporal.server;
  const free = (await freePort(host, [port])) === port;
  return free ? '' : `\nport ${port} is another program's: a free one will be taken`;
}

/** Only for servers of others: ours is set up at every start. */
function namespaceChecks(asked: Asked | undefined): Check[] {
  if (temporal.external === undefined || asked === undefined || asked.error !== undefined) return [];
  const { namespace } = temporal.external;
  const days = asked.retentionDays ?? 0;
  const kept = check(
    'retention',
    days >= 7,
    `runs stay in the namespace ${namespace} for ${Math.round(days * 10) / 10} days after their end`,
    `temporal operator namespace update --namespace ${namespace} --retention 90d   (what runs made is in the store and stays)`,
    false,
  );
  const { missing, silent } = asked;
  const detail =
    silent !== undefined
      ? `the server does not say which there are (${silent})`
      : missing?.length === 0
        ? 'all there'
        : `${missing?.join(', ')} are missing: runs go without, and the UI cannot find them by stage or outcome`;
  const fix = attributeCommands(namespace).join('\n');
  return [kept, check('search attributes', missing?.length === 0, detail, fix, false)];
}

/** Workers that ask the server for work; none are needed while no server runs. */
async function worker(home: string, away: boolean, asked: Asked | undefined): Promise<Check> {
  if (away) return check('worker', true, `none is needed while the server is stopped; ${program} run starts one`);
  const own = await liveState(home, 'worker');
  if (own !== undefined && typeof own.problem === 'string')
    return check('worker', false, `waits: ${own.problem}`, 'it goes on by itself when that is mended');
  const here = own === undefined ? '' : `, one of them here (pid ${own.pid})`;
  if (asked?.pollers === undefined)
    return check('worker', own !== undefined, 'the server does not say who serves it', undefined, false);
  const detail =
    asked.pollers === 0
      ? `nobody serves the queue ${asked.queue}`
      : `${asked.pollers} on the queue ${asked.queue}${here}`;
  return check(
    'worker',
    asked.pollers > 0,
    detail,
    `${program} up, or on this or another machine: ${program} worker`,
    false,
  );
}

/** Whether payloads are encrypted, and whether the keys here open the runs that are open. */
function encryption(asked: Asked | undefined): Check {
  try {
    const ring = keyring();
    const open = asked?.error === undefined ? Object.entries(asked?.keys ?? {}) : [];
    const shut = open.filter(([id]) => id !== '' && ring.find(id) === undefined);
    const runs = (count: number): string => `${count} open ${count === 1 ? 'run' : 'runs'}`;
    if (shut.length > 0) {
      const named = shut.map(([id, count]) => `${runs(count)} with the key ${id}`).join(', ');
      return check(
        'encryption',
        false,
        `no key here opens ${named}`,
        `add that key to ${keyVariable} in the file .env here`,
      );
    }
    const read = open.filter(([id]) => id !== '').reduce((sum, [, count]) => sum + count, 0);
    const clear = open.find(([id]) => id === '')?.[1] ?? 0;
    const [first, ...older] = ring.ids;
    if (first === undefined) return check('encryption', true, `off; ${program} codec --new-key makes a key`);
    const more = older.length === 0 ? '' : `; ${older.join(', ')} can be read`;
    const of = read === 0 ? '' : `; ${runs(read)} can be read`;
    const plain = clear === 0 ? '' : `; ${runs(clear)} began in the clear`;
    return check('encryption', true, `on, with the key ${first}${more}${of}${plain}`);
  } catch (error) {
    if (!(error instanceof LbiError)) throw error;
    return check('encryption', false, error.message, `${program} codec --new-key`);
  }
}
