/** How long work takes: a rough sum by provider and place, set right by how long an earlier run really took. */
import { type Estimate, range } from '../../core/estimate.ts';
import type { FullModel } from '../../schemas/pipeline/model.ts';
import type { Plan } from '../../schemas/plan.ts';

/** Work of one account, likely. */
export interface Load {
  model: string;
  calls: number;
  input: number;
  output: number;
}

/** All the work of a run, likely. */
export interface Loads {
  instruct: Load[];
  interact: Load[];
  construct: Load[];
  filter: Load[];
  steps: number;
  episodes: number;
}

/** Seconds of bookkeeping that an activity takes on the embedded server. */
const overhead = 0.03;

/** Seconds that one action, and opening a session, take by kind of place. */
const places: Record<string, { step: number; open: number }> = {
  shell: { step: 0.3, open: 1.5 },
  browser: { step: 1.5, open: 5 },
  scripted: { step: 0.01, open: 0.05 },
};

/** Seconds of one call of this size. */
function latency(spec: FullModel, { calls, input, output }: Load): number {
  const each = calls === 0 ? { input: 0, output: 0 } : { input: input / calls, output: output / calls };
  if (spec.provider === 'scripted') return spec.delay + overhead;
  // A small model on two cores: what it reads is mostly in its cache.
  if (spec.provider === 'local') return (each.input * 0.5) / 60 + each.output / 15 + overhead;
  return 1 + each.output / 70 + overhead;
}

/** Seconds of an account's calls one after the other, and as many at once as its model takes. */
function callSeconds(plan: Plan, load: Load): { serial: number; spread: number } {
  const spec = plan.spec.models[load.model];
  if (spec === undefined || load.calls === 0) return { serial: 0, spread: 0 };
  const serial = load.calls * latency(spec, load);
  const atOnce = spec.provider === 'local' ? 1 : spec.limits.concurrency;
  const { rpm, tpm } = spec.limits;
  const paced = rpm === undefined ? 0 : (load.calls / rpm) * 60;
  const rationed = tpm === undefined ? 0 : ((load.input + load.output) / tpm) * 60;
  return { serial, spread: Math.max(serial / atOnce, paced, rationed) };
}

export interface StageSeconds {
  instruct: number;
  interact: number;
  construct: number;
  filter: number;
}

/** Seconds that each stage would take alone. */
export function stageSeconds(plan: Plan, loads: Loads): StageSeconds {
  const spreadOf = (all: Load[]): number => all.reduce((sum, load) => sum + callSeconds(plan, load).spread, 0);
  const interact = plan.spec.stages.find((stage) => stage.uses === 'interact');
  const environment = interact === undefined ? undefined : plan.spec.environments[interact.environment];
  const place = places[environment?.kind ?? ''] ?? { step: 1, open: 2 };
  const inPlace = loads.steps * (place.step + overhead) + loads.episodes * place.open;
  const serial = loads.interact.reduce((sum, load) => sum + callSeconds(plan, load).serial, 0);
  const atOnce = Math.max(1, Math.min(interact?.concurrency ?? 1, environment?.sessions ?? 1));
  return {
    instruct: spreadOf(loads.instruct),
    // Within an episode nothing goes on side by side.
    interact: Math.max((serial + inPlace) / atOnce, spreadOf(loads.interact)),
    construct: spreadOf(loads.construct),
    filter: loads.filter.reduce((most, load) => Math.max(most, callSeconds(plan, load).spread), 0),
  };
}

/** Stages overlap: between the longest of them and all one after the other. */
export function wholeSeconds(stages: StageSeconds): number {
  const all = Object.values(stages);
  const longest = Math.max(...all);
  const sum = all.reduce((total, seconds) => total + seconds, 0);
  return longest + (sum - longest) * 0.3;
}

/** How many times longer an earlier run took than the sum says; undefined where that is no measure. */
export function pace(plan: Plan, loads: Loads, tookSeconds: number): number | undefined {
  const reckoned = wholeSeconds(stageSeconds(plan, loads));
  // A run that took a second, or asked next to nothing, measures its start.
  if (tookSeconds < 5 || reckoned < 1) return undefined;
  return Math.min(10, Math.max(0.1, tookSeconds / reckoned));
}

export const asRange = (seconds: number, measured: number | undefined): Estimate =>
  measured === undefined
    ? range(seconds * 0.5, seconds, seconds * 2.5, 'assumed')
    : range(seconds * measured * 0.7, seconds * measured, seconds * measured * 1.5, 'measured');
