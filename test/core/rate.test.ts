/** The pace of a queue against a provider whose limit nobody knows: it is found, kept, and found again when it changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ceiling,
  climbed,
  type Limits,
  learned,
  type Pace,
  paceNow,
  refused,
  shareOf,
  strictest,
} from '../../core/rate.ts';
import { type Counts, openCounts } from '../../core/rate-counts.ts';

interface Provider {
  /** calls a second, by time in seconds */
  limit(seconds: number): number;
  /** calls that it lets through at once after a pause */
  burst: number;
  /** milliseconds that it asks to wait, by its limit; 0 says nothing */
  wait(limit: number): number;
  /** milliseconds that an answer takes */
  latency: number;
}

interface Course {
  /** by second */
  answered: number[];
  refused: number[];
}

/**
 * Time in steps of 10 ms: the server's queue with its rate and a burst of a second, workers that take turns, a provider with a token
 * bucket. What a worker does with a refusal takes 150 ms until the queue obeys; the climb is set once a second.
 */
function simulate(provider: Provider, seconds: number, workers: number, limits: Limits = {}): Course {
  const step = 10;
  const counts: Counts[] = Array.from({ length: workers }, openCounts);
  const flying: { worker: number; began: number; ends: number; accepted: boolean }[] = [];
  const course: Course = { answered: Array(seconds).fill(0), refused: Array(seconds).fill(0) };
  const slots = 200;
  let shared: Pace = {};
  let rate: number | null = paceNow(limits, shared, 0);
  let next: { at: number; rate: number | null }[] = [];
  let bucket = provider.burst;
  let ready = 0;
  let turn = 0;
  const set = (now: number): void => void next.push({ at: now + 150, rate: paceNow(limits, shared, now) });
  for (let now = 0; now < seconds * 1000; now += step) {
    const limit = provider.limit(now / 1000);
    bucket = Math.min(provider.burst, bucket + (limit * step) / 1000);
    for (const change of next.filter(({ at }) => at <= now)) {
      // The server takes up to a second to begin again after a rate of 0, and then goes evenly.
      if (rate === 0) ready = now + 500;
      rate = change.rate;
      if (rate !== null && rate > 0) ready = Math.min(ready, now + 1000 / rate);
    }
    next = next.filter(({ at }) => at > now);
    for (let begun = 0; begun < 5 && flying.length < slots; begun += 1) {
      if (rate === 0 || (rate !== null && ready > now)) break;
      if (rate !== null) ready = Math.max(ready, now - 1000) + 1000 / rate;
      const worker = turn++ % workers;
      counts[worker]?.began(now);
      const accepted = bucket >= 1;
      if (accepted) bucket -= 1;
      flying.push({ worker, began: now, ends: now + (accepted ? provider.latency : 30), accepted });
    }
    for (const call of flying.filter(({ ends }) => ends <= now)) {
      flying.splice(flying.indexOf(call), 1);
      const mine = counts[call.worker];
      mine?.ended(call.began, now, call.accepted ? 100 : null);
      const list = call.accepted ? course.answered : course.refused;
      list[Math.floor(now / 1000)] = (list[Math.floor(now / 1000)] ?? 0) + 1;
      if (call.accepted || mine === undefined) continue;
      const wait = provider.wait(limit);
      const event = { now, began: call.began, wait, through: mine.through(now, wait) * workers };
      const after = refused(limits, shared, event);
      if (after.at !== shared.at || after.until !== shared.until) {
        if (process.env.TRACE) console.log((now / 1000).toFixed(2), JSON.stringify(event), JSON.stringify(after));
        shared = after;
        set(now);
      }
    }
    if (now % 1000 === 0) {
      shared = climbed(shared, now, true);
      if (paceNow(limits, shared, now) !== rate) set(now);
    }
  }
  return course;
}

const sum = (values: number[], from: number, to: number): number =>
  values.slice(from, to).reduce((total, value) => total + value, 0);

const providers = fc.record({
  limit: fc.double({ min: 1, max: 40, noNaN: true }),
  /** seconds of its limit that the provider lets through at once */
  bucket: fc.double({ min: 1, max: 10, noNaN: true }),
  says: fc.constantFrom('nothing', 'a second', 'until the next token', 'five seconds'),
  latency: fc.integer({ min: 50, max: 3000 }),
  workers: fc.integer({ min: 1, max: 3 }),
});

const waits: Record<string, (limit: number) => number> = {
  nothing: () => 0,
  'a second': () => 1000,
  'until the next token': (limit) => 1000 / limit,
  'five seconds': () => 5000,
};

test('an unknown limit is found: over 90 % of it flows, and few calls are refused', () => {
  const ratios: number[] = [];
  const shares: number[] = [];
  fc.assert(
    fc.property(providers, ({ limit, bucket, says, latency, workers }) => {
      const provider = {
        limit: () => limit,
        burst: Math.max(2, bucket * limit),
        wait: waits[says] ?? (() => 0),
        latency,
      };
      const settled = 120;
      const length = settled + Math.ceil(Math.max(180, 600 / limit));
      const course = simulate(provider, length, workers);
      const answered = sum(course.answered, settled, length);
      const refusals = sum(course.refused, settled, length);
      const ratio = answered / ((length - settled) * limit);
      // Five seconds of silence for each try cost what they cost; and of a call a second there is little to learn from.
      const slow = limit < 4;
      const least = slow ? 0.4 : says === 'five seconds' ? 0.6 : 0.75;
      if (!slow && says !== 'five seconds') ratios.push(ratio);
      shares.push(refusals / (answered + refusals));
      assert.ok(ratio >= least, `${ratio.toFixed(3)} of the limit`);
      assert.ok(refusals / (answered + refusals) < 0.1, `${refusals} of ${answered + refusals} refused`);
    }),
    { numRuns: 40 },
  );
  const mean = sum(ratios, 0, ratios.length) / ratios.length;
  assert.ok(ratios.length < 5 || mean > 0.93, `${mean.toFixed(3)} of the limit on average`);
  const refusedMean = sum(shares, 0, shares.length) / shares.length;
  assert.ok(refusedMean < 0.04, `${refusedMean.toFixed(3)} refused on average`);
});

test('a limit that is halved or doubled is found again', () => {
  for (const [factor, after] of [
    [0.5, 30],
    [2, 120],
  ] as const) {
    for (const bucket of [1, 5]) {
      const limit = (seconds: number): number => (seconds < 150 ? 10 : 10 * factor);
      const course = simulate({ limit, burst: bucket * 10, wait: () => 1000, latency: 500 }, 450, 2);
      const ratio = sum(course.answered, 150 + after, 450) / ((300 - after) * 10 * factor);
      assert.ok(ratio > 0.9, `limit × ${factor}: ${ratio.toFixed(3)} of it`);
      const refusals = sum(course.refused, 150, 450);
      assert.ok(refusals < 0.05 * 300 * 10 * factor, `limit × ${factor}: ${refusals} refused`);
    }
  }
});

test('what is declared is never exceeded, and no call is refused where it is the true limit', () => {
  const course = simulate({ limit: () => 5, burst: 10, wait: () => 1000, latency: 200 }, 120, 2, { rpm: 290 });
  assert.equal(sum(course.refused, 0, 120), 0);
  const perMinute = sum(course.answered, 60, 120);
  assert.ok(perMinute > 280 && perMinute <= 291, `${perMinute}`);
});

const paces: fc.Arbitrary<Pace> = fc.record(
  {
    limit: fc.double({ min: 0.01, max: 1000, noNaN: true }),
    at: fc.integer({ min: 0, max: 10_000_000 }),
    until: fc.integer({ min: 0, max: 10_000_000 }),
    told: fc.integer({ min: 1, max: 100_000 }),
    mean: fc.integer({ min: 0, max: 100_000 }),
  },
  { requiredKeys: [] },
);
const declared: fc.Arbitrary<Limits> = fc.record(
  { rpm: fc.integer({ min: 1, max: 100_000 }), tpm: fc.integer({ min: 1, max: 10_000_000 }) },
  { requiredKeys: [] },
);
const event = fc.record({
  now: fc.integer({ min: 0, max: 10_000_000 }),
  began: fc.integer({ min: 0, max: 10_000_000 }),
  wait: fc.integer({ min: 0, max: 10_000_000 }),
  through: fc.double({ min: 0, max: 1000, noNaN: true }),
});

test('whatever is known, the pace is a number above 0, or 0 for a time that ends, and never above what is declared', () => {
  fc.assert(
    fc.property(declared, paces, fc.array(event, { maxLength: 8 }), (limits, start, events) => {
      let pace = start;
      for (const one of events) {
        const before = paceNow(limits, pace, one.now);
        pace = refused(limits, pace, one);
        const after = paceNow(limits, pace, one.now);
        assert.ok(after !== null || before === null);
        if (after !== null && before !== null) assert.ok(after <= before * 1.0001, `${before} → ${after}`);
        assert.ok((pace.until ?? 0) <= Math.max(start.until ?? 0, ...events.map(({ now }) => now + 900_000)));
        const later = paceNow(limits, pace, (pace.until ?? 0) + 1);
        assert.ok(later === null || later > 0);
        assert.ok((later ?? 0) <= ceiling(limits, pace));
      }
    }),
  );
});

test('refusals of one moment count once, whichever worker hears of them first', () => {
  const pace: Pace = { limit: 10, at: 0 };
  const heard = (now: number, began: number) => ({ now, began, wait: 0, through: 10 });
  const one = refused({}, pace, heard(60_000, 59_000));
  assert.ok((one.limit ?? 0) > 10);
  assert.deepEqual(refused({}, one, heard(60_400, 59_900)), one);
  assert.deepEqual(refused({}, one, heard(60_900, 60_800)), one);
  assert.notDeepEqual(refused({}, one, heard(63_000, 62_000)), one);
});

test('between two refusals the pace only climbs, and what it was before is reached but for a while', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 500, noNaN: true }), fc.integer({ min: 0, max: 900 }), (limit, seconds) => {
      const pace = { limit, at: 0 };
      const now = learned(pace, seconds * 1000);
      assert.ok(learned(pace, seconds * 1000 + 5000) >= now);
      assert.ok(now >= 0.899 * limit && now <= 2 * limit);
    }),
  );
  assert.equal(learned({ limit: 10, at: 0 }, 20_000), 10);
  // A worker whose clock is behind starts the climb, and does not leave it.
  assert.equal(learned({ limit: 10, at: 5000 }, 0), 9);
});

test('the climb goes on above twice the old limit only where it is used up', () => {
  const pace = { limit: 10, at: 0 };
  assert.equal(climbed(pace, 20_000, true), pace);
  assert.equal(climbed(pace, 900_000, false), pace);
  const on = climbed(pace, 900_000, true);
  assert.equal(on.search, true);
  assert.ok(Math.abs(learned(on, 900_000) - 20) < 1e-9);
  assert.ok(learned(on, 910_000) > 20);
});

test('shares of calls in flight add up, whoever counts', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 9 }),
      (total, workers) => {
        const shares = workers.map((me) => shareOf(total, me, workers));
        assert.equal(
          shares.reduce((all, share) => all + share, 0),
          total,
        );
        assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
      },
    ),
  );
  assert.equal(shareOf(8, 'new', ['old']), 4);
  assert.equal(shareOf(8, 'alone', []), 8);
});

test('tokens a minute are held by what a call takes on average; of two declarations the strictest holds', () => {
  assert.equal(ceiling({ tpm: 60_000 }, { mean: 1000 }), 1);
  assert.equal(ceiling({ tpm: 60_000, rpm: 30 }, { mean: 1000 }), 0.5);
  assert.equal(ceiling({ rpm: 300 }, { told: 50 }), 50 / 60);
  assert.equal(ceiling({}, {}), Number.POSITIVE_INFINITY);
  assert.deepEqual(
    strictest([
      { rpm: 5, concurrency: 8 },
      { rpm: 9, tpm: 4 },
    ]),
    { rpm: 5, tpm: 4, concurrency: 8 },
  );
});

test('counts forget after a minute, and a mean starts from what is expected', () => {
  const counts = openCounts();
  assert.equal(counts.mean(4000), 4000);
  for (let at = 0; at < 100; at += 1) {
    counts.began(at * 1000);
    counts.ended(at * 1000, at * 1000 + 500, at % 2 === 0 ? 200 : null);
  }
  const { calls, refused: refusals, tokens, answered } = counts.sum(39_700, 99_700);
  assert.deepEqual([calls, refusals, answered, tokens], [60, 30, 30, 6000]);
  // Of one call a second every other one was refused.
  assert.ok(Math.abs(counts.through(99_700, 0) - 0.5) < 0.06, `${counts.through(99_700, 0)}`);
  assert.equal(openCounts().through(99_700, 0), 0);
  assert.ok(counts.mean(4000) < 900);
});
