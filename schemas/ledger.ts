/** What a run's model calls cost, as the workers that make them write it down: types only. */
import type { Usage } from './common.ts';

/** A paid call that has begun. */
export interface OpenCall {
  id: string;
  /** stage and model, or committee member: "interact/actor" */
  account: string;
  /** the identity that its reply will be kept under */
  key: string;
  /** when it has ended whatever happens, in milliseconds since the epoch */
  until: number;
}

/** The calls that one worker process made for one run. */
export interface CallPage {
  /** calls with a reply, by account */
  paid: Record<string, Usage>;
  /** calls that ended without a reply though the provider may charge for them, by account */
  lost: Record<string, number>;
  open: OpenCall[];
}

/** The calls of a run, over all its workers. */
export interface CallLedger {
  paid: Record<string, Usage>;
  lost: Record<string, number>;
  /** calls that are being made */
  inFlight: number;
}
