/** Texts that mean the same, by their embeddings: exact, without comparing most pairs to the end. */

/** Numbers of a vector that are compared before it is asked again whether the rest can matter. */
const stretch = 16;
/** Numbers of each vector that lie together: nearly all pairs are settled by them, and those of 10,000 vectors fit into a processor's cache. */
const headLength = 2 * stretch;

interface Item {
  id: string;
  length: number;
  /** unit vector */
  vector: Float32Array;
}

/**
 * Finds items whose cosine with a kept one is above `threshold`, or 1. Of each group the shortest stays (by `length`, ties by id); the map leads
 * from each dropped id to the kept one that it resembles most. Depends on the set of items, not on their order.
 *
 * Unit vectors whose cosine is c lie √(2 − 2c) apart. The squares of the differences are summed up dimension by dimension, those that vary most
 * first, and for nearly all pairs they are too many after a few.
 */
export function sameMeaning(items: Item[], threshold: number): Map<string, string> {
  const ordered = [...items].sort((a, b) => a.length - b.length || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const vectors = vectorTable(ordered);
  /** Vectors beyond this squared distance are no duplicates; equal ones always are, in spite of rounding. */
  const farthest = Math.max(2 - 2 * threshold, 1e-6);
  const kept: string[] = [];
  const dropped = new Map<string, string>();
  for (const { id, vector } of ordered) {
    // A dropped vector is overwritten by the next one.
    vectors.set(kept.length, vector);
    const nearest = vectors.nearest(kept.length, farthest);
    if (nearest < 0) kept.push(id);
    else dropped.set(id, kept[nearest] ?? '');
  }
  return dropped;
}

interface VectorTable {
  set(number: number, vector: Float32Array): void;
  /** The number of the vector nearest to that one among those before it, or -1 when none is nearer than `farthest`. */
  nearest(number: number, farthest: number): number;
}

function vectorTable(items: Item[]): VectorTable {
  const dimensions = items[0]?.vector.length ?? 0;
  const order = byVariance(items, dimensions);
  const head = Math.min(headLength, dimensions);
  const tail = dimensions - head;
  const heads = new Float32Array(items.length * head);
  const tails = new Float32Array(items.length * tail);
  return {
    set(number, vector) {
      for (let at = 0; at < dimensions; at += 1) {
        const value = vector[order[at] ?? 0] ?? 0;
        if (at < head) heads[number * head + at] = value;
        else tails[number * tail + at - head] = value;
      }
    },
    nearest(number, farthest) {
      let nearest = -1;
      let least = farthest;
      for (let other = 0; other < number; other += 1) {
        const near = distance(heads, number * head, other * head, head, least);
        if (near >= least) continue;
        const whole = near + distance(tails, number * tail, other * tail, tail, least - near);
        if (whole >= least) continue;
        least = whole;
        nearest = other;
      }
      return nearest;
    },
  };
}

/** Squared distance of two stretches of a matrix; some number of `enough` or more as soon as it is that far. */
function distance(matrix: Float32Array, one: number, other: number, length: number, enough: number): number {
  let sum = 0;
  for (let from = 0; from < length && sum < enough; from += stretch) {
    const end = Math.min(length, from + stretch);
    for (let at = from; at < end; at += 1) {
      const difference = (matrix[one + at] as number) - (matrix[other + at] as number);
      sum += difference * difference;
    }
  }
  return sum;
}

/** The dimensions, those in which the vectors differ most first. */
function byVariance(items: Item[], dimensions: number): number[] {
  const sums = new Float64Array(dimensions);
  const squares = new Float64Array(dimensions);
  for (const { vector } of items) {
    for (let at = 0; at < dimensions; at += 1) {
      const value = vector[at] ?? 0;
      sums[at] = (sums[at] ?? 0) + value;
      squares[at] = (squares[at] ?? 0) + value * value;
    }
  }
  const variance = (at: number): number => (squares[at] ?? 0) - (sums[at] ?? 0) ** 2 / Math.max(1, items.length);
  return Array.from({ length: dimensions }, (_, at) => at).sort((a, b) => variance(b) - variance(a) || a - b);
}
