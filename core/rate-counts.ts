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
   * Calls a second that began lately and were not refused: over the last ten seconds, longer where the provider asked for a longer `wait`
   * (milliseconds) or where few calls began. 0 where there were too few to tell.
   */
  through(now: number, wait: number): number;
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
    through: (now, wait) => {
      trim(now);
      const over = (span: number): { calls: number; rate: number } => {
        const began = begins.filter((at) => at >= now - span);
        const refusals = ends.filter((end) => end.began >= now - span && end.tokens === null).length;
        const elapsed = Math.min(span, now - (begins[0] ?? now));
        return { calls: began.length, rate: (began.length - refusals) / Math.max(1, elapsed / 1000) };
      };
      const least = Math.min(minute, Math.max(10_000, 6 * wait));
      const spans = [least, 20_000, minute].filter((span) => span >= least);
      const found = spans.map(over).find(({ calls }) => calls >= 10);
      // Of two windows the one with more: calls that nobody had to make are no sign of a limit.
      const short = over(5000);
      return Math.max(found?.rate ?? 0, found !== undefined && wait <= 5000 && short.calls >= 10 ? short.rate : 0);
    },
    mean: (before) => {
      const total = recent.reduce((all, tokens) => all + tokens, 0);
      return (total + 10 * before) / (recent.length + 10);
    },
  };
}
