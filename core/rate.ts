/**
 * The pace of a model's queue: how many calls a second may begin, from what is declared, what the provider has said, and when it last
 * refused. Pure, so that any number of workers that know the same come to the same pace at the same time, and none has to lead.
 */

/** What a person declares of a provider's limits. */
export interface Limits {
  /** calls a minute */
  rpm?: number;
  /** tokens a minute, of prompts and replies */
  tpm?: number;
  /** calls in flight */
  concurrency?: number;
}

/** What all workers know of a queue. Times in milliseconds since the epoch. */
export interface Pace {
  /** calls a second at which the provider last refused */
  limit?: number;
  /** when it did */
  at?: number;
  /** the limit is a guess: the pace doubles until it is refused */
  search?: true;
  /** nothing begins before */
  until?: number;
  /** calls a minute that the provider says it allows */
  told?: number;
  /** tokens of a call, on average */
  mean?: number;
}

/** A call that was refused, or the provider's word that the next one will be. */
export interface Refusal {
  now: number;
  /** when the call began */
  began: number;
  /** milliseconds that the provider asks to wait; 0 when it asks for nothing */
  wait: number;
  /** calls a second that were let through lately, over all workers; 0 where there were too few to tell */
  through: number;
}

/** What is left of the pace after a refusal. */
const kept = 0.9;
/** Milliseconds until a new pace is felt everywhere: calls that began before tell of the old one. */
const settle = 1000;
/** Calls a second below which no refusal drives the pace: something must ask whether the provider answers again. */
const slowest = 0.01;
/** The least that a search starts from. */
const slowestSearch = 0.05;
/** How much more than what flowed the limit may be: counts over a few seconds are rough. */
const margin = 1.2;
/**
 * Part of the pace below which the limit is not where it was, and must be searched for. A search that ends too low wastes more than one that
 * goes on too long; but one of few calls a second, or with long waits, overshoots before it is told, and would never end.
 */
const lost = ({ search, limit = 0 }: Pace, wait: number): number =>
  search === true && limit > 2 && wait <= 2000 ? 0.7 : 0.5;
/** Part of the pace that one refusal leaves at least. */
const fall = 0.25;
/** A provider that asks for more is asked again after this: milliseconds. */
const longestWait = 900_000;
/** How far above the last refusal the pace climbs before it is taken for the new limit. */
const reach = 2;

/** Milliseconds since the epoch at which the climb began. */
const since = ({ at = 0, until = 0 }: Pace): number => Math.max(at, until);

/**
 * Seconds of climbing until the pace is back where it was refused: about 60 calls, and much longer than the provider made it wait, so that
 * little is spent on trying for more.
 */
const climb = (limit: number, { at = 0, until = 0 }: Pace): number =>
  Math.min(300, Math.max(20, 60 / limit, Math.min(120, (8 * (until - at)) / 1000)));

/** Seconds in which a search doubles the pace: time for a few answers. */
const doubling = (limit: number): number => Math.max(5, 8 / limit);

/**
 * What refusals allow, in calls a second: fast back towards the last limit, slow around it, then faster and faster above it (the curve of
 * CUBIC, RFC 9438); while the limit is searched for, twice as many each time. Infinity while there was no refusal.
 */
export function learned(pace: Pace, now: number): number {
  const { limit } = pace;
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  const seconds = Math.max(0, now - since(pace)) / 1000;
  if (pace.search) return limit * Math.min(reach, kept * 2 ** (seconds / doubling(limit)));
  const turn = climb(limit, pace);
  return limit * Math.min(reach, 1 + (1 - kept) * ((seconds - turn) / turn) ** 3);
}

/** What is declared, or said by the provider, in calls a second. */
export function ceiling({ rpm, tpm }: Limits, { told, mean = 0 }: Pace): number {
  const perMinute = Math.min(
    rpm ?? Number.POSITIVE_INFINITY,
    told ?? Number.POSITIVE_INFINITY,
    tpm === undefined || mean <= 0 ? Number.POSITIVE_INFINITY : tpm / mean,
  );
  return perMinute / 60;
}

/** Calls a second that may begin now: 0 while the provider is waited for, null where nothing bounds them. */
export function paceNow(limits: Limits, pace: Pace, now: number): number | null {
  if ((pace.until ?? 0) > now) return 0;
  const bound = Math.min(ceiling(limits, pace), learned(pace, now));
  return Number.isFinite(bound) ? bound : null;
}

/**
 * The pace after a refusal. However many calls were refused at once, and whichever worker hears of which: one decrease, because calls that
 * began before it took effect say nothing about it.
 */
export function refused(limits: Limits, pace: Pace, event: Refusal): Pace {
  const until = Math.max(pace.until ?? 0, event.wait > 0 ? event.now + Math.min(event.wait, longestWait) : 0);
  const waited = until > 0 ? { ...pace, until } : pace;
  if (pace.at !== undefined && event.began < Math.max(pace.at + settle, pace.until ?? 0)) return waited;
  const allowed = Math.min(ceiling(limits, pace), learned(pace, event.now));
  const { limit: _, at: __, search: ___, ...rest } = waited;
  // What did not flow cannot have been too much. The first time, what flowed so far was also for the time until more may.
  const elapsed = pace.at === undefined ? event.through / (1 + event.wait / 1000) : event.through;
  const flowing = event.through > 0 ? Math.min(allowed, elapsed * margin) : allowed;
  // Where that is far below, the limit is not where it was; or one worker had all the refusals of a burst, and sees too little.
  const searching = pace.at === undefined || flowing < lost(pace, event.wait) * allowed;
  const limit = !Number.isFinite(allowed)
    ? Number.isFinite(flowing)
      ? flowing
      : 1
    : Math.max(flowing, fall * allowed);
  return {
    ...rest,
    limit: Math.min(allowed, Math.max(searching ? slowestSearch : slowest, limit)),
    at: event.now,
    ...(searching ? { search: true } : {}),
  };
}

/**
 * A pace that has climbed as far as one refusal lets it, and is used up, is the new limit to climb from. One that is not used stays where
 * it is: nothing was learnt about it.
 */
export function climbed(pace: Pace, now: number, usedUp: boolean): Pace {
  const { limit } = pace;
  if (limit === undefined || !usedUp || learned(pace, now) < reach * limit) return pace;
  // Far above the old limit without a refusal: it is another one now.
  return { ...pace, limit: (reach * limit) / kept, at: now, search: true };
}

/** This worker's part of the calls in flight: parts differ by one at most and add up to the whole. */
export function shareOf(total: number, me: string, workers: readonly string[]): number {
  const all = [...new Set([...workers, me])].sort();
  const base = Math.floor(total / all.length);
  return base + (all.indexOf(me) < total % all.length ? 1 : 0);
}

/** The strictest of several declarations for one queue. */
export function strictest(all: readonly Limits[]): Limits {
  const least = (pick: (limits: Limits) => number | undefined): number | undefined => {
    const values = all.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : Math.min(...values);
  };
  const [rpm, tpm, concurrency] = [least((l) => l.rpm), least((l) => l.tpm), least((l) => l.concurrency)];
  return {
    ...(rpm === undefined ? {} : { rpm }),
    ...(tpm === undefined ? {} : { tpm }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}
