/** What cannot be known before a run, as ranges: from measured samples, from stated assumptions, and added up. */

/** Where a number comes from, the best first: counted, taken from an earlier run, or taken for granted. */
export type Basis = 'exact' | 'measured' | 'assumed';

/** A number that is not known for sure. `low` and `high` bound it in about four cases of five; all equal where it is exact. */
export interface Range {
  low: number;
  likely: number;
  high: number;
}

export interface Estimate extends Range {
  basis: Basis;
}

const order: Basis[] = ['exact', 'measured', 'assumed'];

export const exactly = (value: number): Estimate => ({ low: value, likely: value, high: value, basis: 'exact' });

export const nothing = exactly(0);

export const range = (low: number, likely: number, high: number, basis: Basis): Estimate => ({
  low: Math.min(low, likely),
  likely,
  high: Math.max(high, likely),
  basis,
});

/** The weaker of two origins; a sum is as well founded as the weakest of its parts that is not nothing. */
const weaker = (a: Estimate, b: Estimate): Basis => {
  if (a.high === 0) return b.basis;
  if (b.high === 0) return a.basis;
  return order[Math.max(order.indexOf(a.basis), order.indexOf(b.basis))] ?? 'assumed';
};

/** What lies around the likely value adds up in squares, as for parts that do not depend on each other. */
export function sum(parts: Estimate[]): Estimate {
  return parts.reduce<Estimate>((a, b) => {
    const likely = a.likely + b.likely;
    const below = Math.hypot(a.likely - a.low, b.likely - b.low);
    const above = Math.hypot(a.high - a.likely, b.high - b.likely);
    return { low: likely - below, likely, high: likely + above, basis: weaker(a, b) };
  }, nothing);
}

/** For parts that go up and down together. */
export const sumTogether = (parts: Estimate[]): Estimate =>
  parts.reduce<Estimate>(
    (a, b) => ({ low: a.low + b.low, likely: a.likely + b.likely, high: a.high + b.high, basis: weaker(a, b) }),
    nothing,
  );

/** A product of parts that do not depend on each other: that both lie at their ends is rare, so the ends come nearer (in logarithms). */
export function times(a: Estimate, b: Estimate | number): Estimate {
  const by = typeof b === 'number' ? exactly(b) : b;
  if (a.high === 0 || by.high === 0) return nothing;
  const basis = order[Math.max(order.indexOf(a.basis), order.indexOf(by.basis))] ?? 'assumed';
  const likely = a.likely * by.likely;
  const apart = (end: 'low' | 'high'): number =>
    a[end] > 0 && by[end] > 0 && likely > 0
      ? Math.exp(Math.hypot(Math.log(a[end] / a.likely), Math.log(by[end] / by.likely)))
      : Number.POSITIVE_INFINITY;
  const [below, above] = [apart('low'), apart('high')];
  return {
    low: Number.isFinite(below) ? likely / below : a.low * by.low,
    likely,
    high: Number.isFinite(above) ? likely * above : a.high * by.high,
    basis,
  };
}

export const atMost = (a: Estimate, most: number): Estimate => ({
  ...a,
  low: Math.min(a.low, most),
  likely: Math.min(a.likely, most),
  high: Math.min(a.high, most),
});

/** Whole numbers, and never below nothing. */
export const counted = (a: Estimate): Estimate => ({
  ...a,
  low: Math.max(0, Math.floor(a.low)),
  likely: Math.max(0, Math.round(a.likely)),
  high: Math.max(0, Math.ceil(a.high)),
});

/** Standard deviations around the mean within which four of five values lie. */
const fourOfFive = 1.28;

const mean = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0) / values.length;

/** Of one value nothing is known of its spread: half of it is taken. */
const deviation = (values: readonly number[]): number => {
  const middle = mean(values);
  if (values.length < 2) return middle / 2;
  return Math.sqrt(values.reduce((all, value) => all + (value - middle) ** 2, 0) / (values.length - 1));
};

/**
 * The sum of `number` more draws like those of the sample, which is not empty: the spread of the draws, and of the sample's own mean, within four
 * cases of five. `known` are draws whose likely value is known one by one; they vary as the others do.
 */
export function drawn(number: Estimate, sample: readonly number[], known: readonly number[] = []): Estimate {
  if (number.high + known.length === 0) return nothing;
  const middle = mean(sample);
  const spread = deviation(sample);
  const own = known.reduce((all, value) => all + value, 0);
  const around = (count: number): number =>
    fourOfFive * spread * Math.sqrt(count + known.length + (count + known.length) ** 2 / sample.length);
  return {
    low: Math.max(0, own + number.low * middle - around(number.low)),
    likely: own + number.likely * middle,
    high: own + number.high * middle + around(number.high),
    basis: number.basis === 'assumed' ? 'assumed' : 'measured',
  };
}

/** How likely a sum goes beyond a bound, 0 to 1, when it spreads normally on either side of the likely value. */
export function chanceAbove({ low, likely, high }: Range, bound: number): number {
  if (low === high) return likely > bound ? 1 : 0;
  // What may be several times more or less spreads in proportions.
  const wide = low > 0 && bound > 0 && high > 3 * low;
  const at = (value: number): number => (wide ? Math.log(value) : value);
  const side = bound > likely ? at(high) - at(likely) : at(likely) - at(low);
  if (side === 0) return bound >= likely ? 0 : 1;
  return 1 - normal(((at(bound) - at(likely)) / side) * fourOfFive);
}

/** Share of a normal distribution below z (Abramowitz and Stegun 26.2.17, good to seven digits). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - tail : tail;
}
