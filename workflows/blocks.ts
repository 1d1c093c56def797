/**
 * What of a run is blocked, by its reason: five thousand episodes that wait for one key are one line, and one of them tries now and
 * then whether the key is there. When it passes, the others go on.
 */
import { condition } from '@temporalio/workflow';
import { nextTry, reasonKey } from '../core/blocked.ts';
import type { ProbeTiming, Wait } from '../schemas/flow.ts';

/** Seconds after which what is blocked for a reason again is blocked anew: a resume in vain takes less. */
const stillSame = 120;

interface Block {
  on: string;
  ids: Set<string>;
  since: number;
  tries: number;
  /** when it is tried again, in milliseconds since the epoch */
  next: number;
}

export interface Blocks {
  /** Hears that a workflow is blocked, or goes on. */
  note(id: string, on: string | null): void;
  waits(): Wait[];
  /** a reason that something waits for */
  first(): string | undefined;
  /** the workflows that wait for a reason */
  idsOf(reason: string): string[];
  /** to be carried over continue-as-new */
  times(): Record<string, { since: number; tries: number }>;
  /** Tries what is blocked now and then, until it is over. @param ask lets one workflow try; false when trying is of no use */
  probe(
    until: { over(): boolean; paused(): boolean },
    ask: (id: string, reason: string) => Promise<boolean>,
  ): Promise<void>;
}

/**
 * @param blocked by workflow id, kept in step with what is noted
 * @param before times of a run that was continued as new
 * @param timing left out where nothing is tried without being asked to
 */
export function blocksOf(
  blocked: Record<string, string>,
  before: Record<string, { since: number; tries: number }>,
  timing: ProbeTiming | undefined,
): Blocks {
  const blocks = new Map<string, Block>();
  const due = (tries: number): number => (timing === undefined ? 0 : Date.now() + 1000 * nextTry(tries, timing));

  /** Reasons that nothing waits for at the moment: what is blocked again at once was blocked all along. */
  const past = new Map<string, { since: number; until: number }>();
  const sinceOf = (key: string): number => {
    const known = past.get(key);
    return known !== undefined && Date.now() - known.until < 1000 * stillSame ? known.since : Date.now();
  };

  const enter = (id: string, on: string, times?: { since: number; tries: number }): void => {
    const key = reasonKey(on);
    const { since, tries } = times ?? { since: sinceOf(key), tries: 0 };
    const block = blocks.get(key) ?? { on, ids: new Set(), since, tries, next: due(tries) };
    block.ids.add(id);
    blocks.set(key, block);
  };
  const leave = (id: string, on: string): void => {
    const key = reasonKey(on);
    const block = blocks.get(key);
    block?.ids.delete(id);
    if (block?.ids.size !== 0) return;
    blocks.delete(key);
    past.set(key, { since: block.since, until: Date.now() });
    for (const [other, { until }] of past) if (Date.now() - until > 1000 * stillSame) past.delete(other);
  };
  const times = new Map(Object.entries(before));
  for (const [id, on] of Object.entries(blocked)) enter(id, on, times.get(reasonKey(on)));

  const note = (id: string, on: string | null): void => {
    const was = blocked[id];
    if (on !== null) {
      // Before it leaves the old reason: the same one again is no new beginning.
      enter(id, on);
      blocked[id] = on;
    } else delete blocked[id];
    if (was !== undefined && (on === null || reasonKey(on) !== reasonKey(was))) leave(id, was);
  };

  const earliest = (): number => Math.min(...[...blocks.values()].map(({ next }) => next));
  const probe: Blocks['probe'] = async ({ over, paused }, ask) => {
    if (timing === undefined) return;
    for (;;) {
      await condition(() => over() || (blocks.size > 0 && !paused()));
      if (over()) return;
      const next = earliest();
      const changed = (): boolean => over() || paused() || blocks.size === 0 || earliest() < next;
      if (next > Date.now()) {
        // A timer exists only while something is blocked that may be tried.
        await (Number.isFinite(next) ? condition(changed, next - Date.now()) : condition(changed));
        continue;
      }
      for (const [reason, block] of [...blocks]) {
        const [id] = block.ids;
        if (block.next > Date.now() || id === undefined) continue;
        block.tries += 1;
        block.next = due(block.tries);
        // Another one next time: this one may have gone without a word.
        block.ids.delete(id);
        block.ids.add(id);
        if (!(await ask(id, reason))) block.next = Number.POSITIVE_INFINITY;
      }
    }
  };

  return {
    note,
    waits: () =>
      [...blocks.values()].map(({ on, ids, since, next }) => ({
        on,
        count: ids.size,
        since,
        next: timing === undefined || !Number.isFinite(next) ? null : next,
      })),
    first: () => [...blocks.values()][0]?.on,
    idsOf: (reason) => [...(blocks.get(reason)?.ids ?? [])],
    times: () => Object.fromEntries([...blocks].map(([key, { since, tries }]) => [key, { since, tries }])),
    probe,
  };
}
