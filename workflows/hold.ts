/** The lease of a place as its episode holds it: asked for before a session is opened, given back after it is closed. */
import {
  condition,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { leaseId } from '../core/leases.ts';
import type { Flow, LeaseHeld, LeaseState } from '../schemas/flow.ts';
import { call } from './call.ts';
import { showBlockedOn } from './gate.ts';
import { instant, leaseGranted, leaseRelease } from './lease.ts';

/** Seconds between two requests while it waits: the lease may have been lost with its workflow. The last repeats. */
const patience = [30, 60, 120, 300, 600];

export interface Lease {
  /** Waits for its turn. Asked for by a holder, it is a new session: the epochs before are out of date. */
  acquire(): Promise<LeaseHeld>;
  /** Gives it back, or up. */
  release(): Promise<void>;
}

/** The lease that the place of the flow needs, or undefined. @param continued whether an execution before may hold it */
export function leaseOf({ interact, timing }: Flow, continued: boolean): Lease | undefined {
  if (interact.lease === undefined) return undefined;
  const { name, slots } = interact.lease;
  const holder = workflowInfo().workflowId;
  const checkSeconds = Math.max(1, Math.min(15, timing.sweepSeconds));
  let asked = continued;
  let ticket = 0;
  let granted: LeaseHeld | undefined;
  setHandler(leaseGranted, (given) => {
    if (given.name === name && given.ticket === ticket) granted = { name, epoch: given.epoch };
  });
  const arrived = (): boolean => granted !== undefined;

  const acquire = async (): Promise<LeaseHeld> => {
    asked = true;
    ticket = Math.max(ticket + 1, Date.now());
    granted = undefined;
    let shown = false;
    try {
      for (let turn = 0; ; turn += 1) {
        const ask = call('lease', { summary: `ask for the lease ${name}` });
        const state = await ask({ name, checkSeconds, request: { holder, ticket, slots } });
        await condition(arrived, 1000);
        if (granted !== undefined) return granted;
        show(name, waitingFor(name, holder, state));
        shown = true;
        await condition(arrived, (patience[turn] ?? 600) * 1000);
        if (granted !== undefined) return granted;
      }
    } finally {
      if (shown) show(name, undefined);
    }
  };

  const release = async (): Promise<void> => {
    if (!asked) return;
    asked = false;
    try {
      await getExternalWorkflowHandle(leaseId(name)).signal(leaseRelease, { holder });
    } catch {
      // Its workflow has ended: nobody holds it.
    }
  };
  return { acquire, release };
}

const waitingFor = (name: string, me: string, state: LeaseState | null): string => {
  const held = (state?.holders ?? [])
    .filter(({ holder }) => holder !== me)
    .map(({ holder, since }) => `held by \`${holder}\` since ${instant(since)}`);
  return [`waiting for the lease \`${name}\``, ...held].join(', ');
};

function show(name: string, words: string | undefined): void {
  showBlockedOn(words === undefined ? null : `lease ${name}`);
  setCurrentDetails(words ?? `holds the lease \`${name}\``);
}
