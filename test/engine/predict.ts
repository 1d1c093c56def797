/** What `lbi plan` says that a run will ask, beside what the run then really asks: by account, e.g. `filter/judge`. */
import assert from 'node:assert/strict';
import { lastEvent, type Place } from './place.ts';

export interface Predicted {
  low: number;
  likely: number;
  high: number;
  basis: 'exact' | 'measured' | 'assumed';
}

/** The part of `lbi plan --json` that predictions are made of. */
export interface PlanDocument {
  schema: string;
  work: boolean;
  against: { run: string } | null;
  measuredIn: string | null;
  stages: {
    stage: string;
    status: 'reuse' | 'again' | 'new' | 'off';
    reused: number;
    todo: Predicted;
    reasons: string[];
    accounts: { account: string; calls: Predicted; reused: number; input: Predicted; usd: Predicted | null }[];
  }[];
  total: { calls: Predicted; steps: Predicted; usd: Predicted };
  warnings: string[];
}

export interface Comparison {
  plan: PlanDocument;
  /** predicted calls by account; accounts without a call are left out */
  predicted: Record<string, Predicted>;
  /** calls that the run really made, by account; accounts without a call are left out */
  asked: Record<string, number>;
  /** actions that were really carried out by episodes that were tried */
  run: string;
}

export async function planOf(place: Place, ...args: string[]): Promise<PlanDocument> {
  const { stdout, stderr, exitCode } = await place.lbi('plan', 'pipeline.yaml', '--json', ...args);
  assert.equal(exitCode, 0, stderr);
  const document = JSON.parse(stdout) as PlanDocument;
  assert.equal(document.schema, 'lbi.plan/1');
  return document;
}

export const callsOf = ({ stages }: PlanDocument): Record<string, Predicted> =>
  Object.fromEntries(
    stages.flatMap(({ accounts }) =>
      accounts.filter(({ calls }) => calls.high > 0).map(({ account, calls }) => [account, calls]),
    ),
  );

/** Plans, runs, and gives both. The arguments go to both commands. */
export async function compare(place: Place, ...args: string[]): Promise<Comparison> {
  const plan = await planOf(place, ...args);
  const { stdout, stderr, exitCode } = await place.lbi('run', 'pipeline.yaml', '--json', ...args);
  assert.equal(exitCode, 0, stderr);
  const { run, progress } = lastEvent(stdout);
  const asked = Object.fromEntries(
    Object.entries(progress.usage)
      .filter(([, { calls }]) => calls > 0)
      .map(([account, { calls }]) => [account, calls]),
  );
  return { plan, predicted: callsOf(plan), asked, run };
}

/**
 * Fails unless every exact prediction came true to the call and every other one held what came. An account that was not predicted
 * must not have been asked.
 */
export function assertPredicted({ predicted, asked }: Pick<Comparison, 'predicted' | 'asked'>): void {
  for (const account of new Set([...Object.keys(predicted), ...Object.keys(asked)])) {
    const real = asked[account] ?? 0;
    const said = predicted[account] ?? { low: 0, likely: 0, high: 0, basis: 'exact' };
    const words = `${account}: predicted ${said.low}–${said.likely}–${said.high} (${said.basis}), asked ${real}`;
    if (said.basis === 'exact') assert.equal(real, said.likely, words);
    else assert.ok(real >= said.low && real <= said.high, words);
  }
}
