/**
 * Keeps the limits of the queues that this worker polls. It looks at each every second or so: what the server holds, who else is there, what
 * this worker heard of the provider since. Every worker does the same with the same function of the same knowledge (core/rate.ts), so any
 * of them may write, a write that is lost is made again, and nothing is missing when one of them dies.
 */
import { climbed, type Limits, learned, type Pace, paceNow, refused, shareOf, strictest } from '../../core/rate.ts';
import { type Counts, openCounts } from '../../core/rate-counts.ts';
import type { Kept, Look, Register } from './register.ts';
import { changingSlots, type Slots } from './slots.ts';

/** What a plan says of a queue. */
export interface Declared {
  limits: Limits & { concurrency: number };
  /** Calls in flight are counted by worker: a model in this process has no provider to be shared. */
  alone: boolean;
  /** tokens that a call is expected to take before one was answered */
  expected: number;
}

/** A call at work. */
export interface Call {
  answered(tokens: number): void;
  /** @param wait milliseconds that the provider asks to wait */
  refused(wait: number): void;
  failed(): void;
}

/** What one worker saw of a queue in the last minute. */
export interface Minute {
  calls: number;
  tokens: number;
  refused: number;
  inFlight: number;
}

export interface Keeper {
  /** Said again and again for every open run: what is no longer said is forgotten. */
  declare(queue: string, plan: object, declared: Declared): Slots;
  /** The queue is not served here any more. */
  drop(queue: string): void;
  begin(queue: string): Call;
  /** What a reply's headers say: the provider's own limit in calls a minute; that nothing is left of it. */
  told(queue: string, allowance: { perMinute?: number; spent: boolean }): void;
  minute(): Record<string, Minute>;
  stop(): void;
}

interface Queue {
  name: string;
  slots: Slots;
  counts: Counts;
  said: Map<object, Declared & { at: number }>;
  inFlight: number;
  refusals: { began: number; wait: number }[];
  perMinute: number | undefined;
  pace: Pace;
  /** what this worker has last set */
  wrote: Kept | undefined;
  dropped: AbortController;
  wake(): void;
}

/** Milliseconds between two looks at a queue at work, and at one that rests. */
const lookBusy = 1000;
const lookIdle = 5000;
/** Milliseconds after a decrease in which a provider's word that nothing is left changes nothing. */
const heeded = 10_000;
/** Milliseconds over which it is judged whether the pace is used up. */
const usedOver = 5000;
/** Milliseconds after which what a plan said is forgotten: its run is over. */
const forgotten = 30_000;

interface World {
  me: string;
  register: Register;
  /** the workers that serve the queue */
  workers(queue: string): Promise<string[]>;
  /** lets the others see that this one does */
  show(queue: string): { stop(): void };
  /** told of what cannot be done: a server that is away, or one that knows no limits of queues */
  problem(queue: string, error: unknown): void;
}

export function openKeeper(world: World): Keeper {
  const queues = new Map<string, Queue>();
  const stopping = new AbortController();
  const begin = (queue: Queue): Call => {
    const began = Date.now();
    queue.counts.began(began);
    queue.inFlight += 1;
    const end = (tokens: number | null | undefined): void => {
      queue.inFlight -= 1;
      if (tokens !== undefined) queue.counts.ended(began, Date.now(), tokens);
    };
    return {
      answered: end,
      failed: () => end(undefined),
      refused: (wait) => {
        end(null);
        queue.refusals.push({ began, wait });
        queue.wake();
      },
    };
  };
  return {
    declare: (name, plan, declared) => {
      const at = Date.now();
      const known = queues.get(name);
      if (known !== undefined) {
        known.said.set(plan, { ...declared, at });
        return known.slots;
      }
      // Alone until the others are seen: none takes a call before its share is known.
      const slots = changingSlots(declared.alone ? declared.limits.concurrency : 0);
      const queue: Queue = {
        ...{
          name,
          slots,
          counts: openCounts(),
          inFlight: 0,
          refusals: [],
          perMinute: undefined,
          pace: {},
          wrote: undefined,
        },
        said: new Map([[plan, { ...declared, at }]]),
        dropped: new AbortController(),
        wake: () => {},
      };
      queues.set(name, queue);
      void keep(world, queue, AbortSignal.any([stopping.signal, queue.dropped.signal]));
      return slots;
    },
    drop: (name) => {
      queues.get(name)?.dropped.abort();
      queues.delete(name);
    },
    begin: (name) => {
      const queue = queues.get(name);
      return queue === undefined ? unheard : begin(queue);
    },
    told: (name, { perMinute, spent }) => {
      const queue = queues.get(name);
      if (queue === undefined) return;
      if (perMinute !== undefined) queue.perMinute = perMinute;
      const now = Date.now();
      // It takes a while until a slower pace is seen in what is left; until then this is no news.
      if (!spent || now < (queue.pace.at ?? 0) + heeded) return;
      queue.refusals.push({ began: now, wait: 0 });
      queue.wake();
    },
    minute: () => Object.fromEntries([...queues].map(([name, queue]) => [name, minuteOf(queue)])),
    stop: () => stopping.abort(),
  };
}

const unheard: Call = { answered: () => {}, refused: () => {}, failed: () => {} };

function minuteOf({ counts, inFlight }: Queue): Minute {
  const now = Date.now();
  const { calls, tokens, refused: refusals } = counts.sum(now - 60_000, now);
  return { calls, tokens, refused: refusals, inFlight };
}

async function keep(world: World, queue: Queue, signal: AbortSignal): Promise<void> {
  const shown = world.show(queue.name);
  signal.addEventListener('abort', shown.stop, { once: true });
  while (!signal.aborted) {
    let busy = false;
    try {
      busy = await turn(world, queue);
    } catch (error) {
      // What the server holds stays in force meanwhile.
      world.problem(queue.name, error);
      if (queue.slots.size() === 0) queue.slots.resize(declaredOf(queue, Date.now()).limits.concurrency);
    }
    const waits = (queue.pace.until ?? 0) - Date.now();
    const pause = busy ? lookBusy : lookIdle;
    await rest(queue, waits > 0 ? Math.min(pause, waits + 20) : pause, signal);
  }
}

/** Until something is heard of the provider, or the time is over; refusals that come together are taken together. */
const rest = (queue: Queue, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      queue.wake = () => {};
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    const soon = (): void => {
      queue.wake = () => {};
      setTimeout(done, 20);
    };
    if (queue.refusals.length > 0) soon();
    else queue.wake = soon;
  });

/** What the open runs say together: the strictest of each. */
function declaredOf({ said }: Queue, now: number): Declared {
  const all = [...said.values()];
  const recent = all.filter(({ at }) => at > now - forgotten);
  for (const [plan, { at }] of said) if (recent.length > 0 && at <= now - forgotten) said.delete(plan);
  const heard = recent.length > 0 ? recent : all;
  const limits = strictest(heard.map((one) => one.limits));
  return {
    limits: { ...limits, concurrency: limits.concurrency ?? 1 },
    alone: heard.some(({ alone }) => alone),
    expected: Math.max(...heard.map(({ expected }) => expected)),
  };
}

/** One look, and what follows from it. True while the queue is at work. */
async function turn(world: World, queue: Queue): Promise<boolean> {
  const { register, me } = world;
  const [read, workers] = await Promise.all([register.look(queue.name), world.workers(queue.name)]);
  // A look may lag behind what was just set, and must not undo it.
  const { wrote } = queue;
  const look = wrote !== undefined && read.revision < wrote.revision ? { ...read, ...wrote, set: read.set } : read;
  const now = Date.now();
  const declared = declaredOf(queue, now);
  const limits = { ...declared.limits, ...look.set };
  queue.slots.resize(declared.alone ? declared.limits.concurrency : shareOf(limits.concurrency, me, workers));
  const events = queue.refusals.splice(0);
  const after = heed(queue, { look, limits, events, expected: declared.expected, workers: workers.length, now });
  queue.pace = after;
  const rate = paceNow(limits, after, now);
  if (!look.foreign && mustWrite(look, after, rate, workers[0] === undefined || workers[0] === me))
    queue.wrote = await register.setPace(queue.name, rate, after);
  const { calls } = queue.counts.sum(now - 60_000, now);
  return calls > 0 || look.waiting > 0 || events.length > 0;
}

interface Lesson {
  look: Look;
  limits: Limits;
  events: Queue['refusals'];
  expected: number;
  workers: number;
  now: number;
}

/** The shared knowledge with what this worker has heard. */
function heed({ counts, perMinute }: Queue, { look, limits, events, expected, workers, now }: Lesson): Pace {
  const told = perMinute === undefined ? look.pace : { ...look.pace, told: perMinute };
  const before = limits.tpm === undefined ? told : { ...told, mean: counts.mean(look.pace.mean ?? expected) };
  const wait = Math.max(0, ...events.map((event) => event.wait));
  const through = events.length === 0 ? 0 : counts.through(now, wait) * Math.max(1, workers);
  const slowed = events.reduce((pace, event) => refused(limits, pace, { ...event, now, through }), before);
  const lately = Math.max(1, workers) * counts.sum(now - usedOver, now).calls;
  const usedUp = look.limited && look.waiting > 0 && lately / (usedOver / 1000) > 0.6 * learned(slowed, now);
  return climbed(slowed, now, usedUp);
}

/**
 * What was heard is written by whoever heard it. How the pace climbs with time all know alike: the first of the workers writes it, the
 * others only where it is far off, because the first does not.
 */
function mustWrite(look: Look, pace: Pace, rate: number | null, first: boolean): boolean {
  const { inForce, pace: before } = look;
  if ((['limit', 'at', 'until', 'told', 'search'] as const).some((name) => !same(before[name], pace[name])))
    return true;
  if (rate === null || inForce === null) return rate !== inForce;
  if (rate === 0 || inForce === 0) return rate !== inForce;
  return Math.abs(rate / inForce - 1) > (first ? 0.02 : 0.2);
}

/** Numbers come back from the server with four digits. */
const same = (a: number | true | undefined, b: number | true | undefined): boolean =>
  typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) <= 0.001 * Math.abs(b) : a === b;
