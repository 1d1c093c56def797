/** Leases from outside of their workflows: asked for, looked at, broken; and `lbi leases`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Deps } from '../activities/deps.ts';
import { LbiError } from '../core/errors.ts';
import { freshLease, leaseId } from '../core/leases.ts';
import type { LeaseState } from '../schemas/flow.ts';
import { temporal } from '../temporal.config.ts';
import { withClient } from './connection.ts';
import { homeFolder, program } from './home.ts';

/** Times that a lease is asked how it stands, a second apart, before a session under it is given up. */
const tries = 8;

const stateOf = (client: Client, name: string): Promise<LeaseState> =>
  client.workflow.getHandle(leaseId(name)).query<LeaseState>('lease');

/** What activities need of leases. */
export const leasesOf = (client: Client): NonNullable<Deps['leases']> => ({
  ask: async (name, { checkSeconds, request }) => {
    const handle = await client.workflow.signalWithStart('lease', {
      taskQueue: temporal.mainQueue,
      workflowId: leaseId(name),
      args: [freshLease(name, checkSeconds)],
      signal: 'acquire',
      signalArgs: [request],
      staticSummary: `the lease ${name}`,
    });
    return handle.query<LeaseState>('lease').catch(() => undefined);
  },
  state: async (name) => {
    for (let left = tries; left > 0; left -= 1) {
      const state = await stateOf(client, name).catch(() => undefined);
      if (state !== undefined) return state;
      await sleep(1000);
    }
    return undefined;
  },
});

/** Every lease that somebody holds or waits for. */
export async function openLeases(client: Client): Promise<LeaseState[]> {
  const states: LeaseState[] = [];
  for await (const { workflowId } of client.workflow.list({
    query: `WorkflowType = 'lease' AND ExecutionStatus = 'Running'`,
  })) {
    const state = await client.workflow
      .getHandle(workflowId)
      .query<LeaseState>('lease')
      .catch(() => undefined);
    if (state !== undefined && state.holders.length + state.waiting.length > 0) states.push(state);
  }
  return states.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const ago = (time: number): string => {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
};

/** A lease as lines for people. */
const leaseLines = ({ name, holders, waiting }: LeaseState): string[] => [
  name,
  ...holders.map(({ holder, since, epoch }) => `  held by ${holder}  for ${ago(since)}, epoch ${epoch}`),
  ...waiting.map(({ holder, since }, at) => `  ${at + 1}. in turn ${holder}  for ${ago(since)}`),
];

export async function leasesCommand(options: { json?: boolean; release?: string }): Promise<number> {
  return withClient(homeFolder(), async (client) => {
    if (options.release !== undefined) return release(client, options.release, options);
    const states = await openLeases(client);
    if (options.json === true) process.stdout.write(`${JSON.stringify(states)}\n`);
    else if (states.length === 0) process.stderr.write('nobody holds a lease or waits for one\n');
    else process.stdout.write(`${states.flatMap(leaseLines).join('\n')}\n`);
    return 0;
  });
}

async function release(client: Client, name: string, { json }: { json?: boolean }): Promise<number> {
  const known = await openLeases(client);
  const state = known.find((each) => each.name === name);
  if (state === undefined) {
    const names = known.map((each) => each.name).join(', ');
    throw new LbiError('spec', `nobody holds the lease "${name}"${names === '' ? '' : `; held are ${names}`}`);
  }
  await client.workflow.getHandle(leaseId(name)).signal('break');
  const { holders } = state;
  if (json === true) process.stdout.write(`${JSON.stringify({ name, released: holders })}\n`);
  else
    process.stderr.write(
      `${name} was taken from ${holders.map(({ holder }) => holder).join(', ') || 'nobody'}: the next in turn has it, and they wait their turn again\n  look  ${program} leases\n`,
    );
  return 0;
}
