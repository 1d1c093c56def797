/** What one worker saw of a queue in the last minute: calls that began and how they ended. */

export interface Sum {
  /** calls that began */
  calls: number;
  /** calls that the provider refused because of their number */
  refused: number;
  /** tokens of the calls that were answered */
  tokens: number;
  /** calls that were answered */
  answered: number;
}

export interface Counts {
  began(now: number): void;
  /** @param tokens null when the call was refused */
  ended(began: number, now: number, tokens: number | null): void;
  /** @param from milliseconds since the epoch */
  sum(from: number, now: number): Sum;
  /**
   * Calls a second and the refused share, over the last ten seconds, or as far back as it takes to see twenty calls; nothing before
   * `from`. `seen` is 0 below ten calls.
   */
  flow(from: number, now: number): { seen: number; share: number };
  /** Tokens of a call, on average over the last answers; `before` counts as ten of them. */
  mean(before: number): number;
}

const minute = 60_000;
const averaged = 50;

export function openCounts(): Counts {
  const begins: number[] = [];
  const ends: { began: number; at: number; tokens: number | null }[] = [];
  const recent: number[] = [];
  const trim = (now: number): void => {
    while ((begins[0] ?? now) < now - minute) begins.shift();
    while ((ends[0]?.at ?? now) < now - minute) ends.shift();
  };
  const sum = (from: number, now: number): Sum => {
    trim(now);
    const over = ends.filter(({ at }) => at >= from && at <= now);
    const answered = over.filter(({ tokens }) => tokens !== null);
    return {
      calls: begins.filter((at) => at >= from && at <= now).length,
      refused: over.length - answered.length,
      tokens: answered.reduce((total, { tokens }) => total + (tokens ?? 0), 0),
      answered: answered.length,
    };
  };
  return {
    began: (now) => {
      trim(now);
      begins.push(now);
    },
    ended: (began, now, tokens) => {
      trim(now);
      ends.push({ began, at: now, tokens });
      if (tokens === null) return;
      recent.push(tokens);
      if (recent.length > averaged) recent.shift();
    },
    sum,
    flow: (from, now) => {
      trim(now);
      const far = begins.at(-20) ?? begins[0] ?? now;
      const start = Math.max(from, Math.min(now - 10_000, far));
      const lately = begins.filter((at) => at >= start);
      const refused = ends.filter(({ began, tokens }) => began >= start && tokens === null).length;
      const calls = lately.length;
      const first = lately[0] ?? now;
      return {
        seen: calls < 10 ? 0 : calls / Math.max(1, (now - first) / 1000),
        // One refusal in two calls is no half: with few calls there is little to tell.
        share: refused / (calls + 4),
      };
    },
    mean: (before) => {
      const total = recent.reduce((all, tokens) => all + tokens, 0);
      return (total + 10 * before) / (recent.length + 10);
    },
  };
}
