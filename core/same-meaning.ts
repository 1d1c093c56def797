/** Texts that mean the same, by their embeddings: exact, without comparing most pairs to the end. */

/** Numbers of a vector that are compared before it is asked again whether the rest can matter. */
const stretch = 16;

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
  const dimensions = ordered[0]?.vector.length ?? 0;
  const order = byVariance(ordered, dimensions);
  const matrix = new Float32Array(ordered.length * dimensions);
  /** Vectors beyond this squared distance are no duplicates; equal ones always are, in spite of rounding. */
  const farthest = Math.max(2 - 2 * threshold, 1e-6);
  const kept: string[] = [];
  const dropped = new Map<string, string>();
  for (const { id, vector } of ordered) {
    const own = kept.length * dimensions;
    for (let at = 0; at < dimensions; at += 1) matrix[own + at] = vector[order[at] ?? 0] ?? 0;
    const nearest = nearestOf(matrix, kept.length, dimensions, farthest);
    // A dropped vector is overwritten by the next one.
    if (nearest < 0) kept.push(id);
    else dropped.set(id, kept[nearest] ?? '');
  }
  return dropped;
}

/** The number of the vector nearest to the one behind the first `count`, or -1 when none is nearer than `farthest`. */
function nearestOf(matrix: Float32Array, count: number, dimensions: number, farthest: number): number {
  const own = count * dimensions;
  let nearest = -1;
  let least = farthest;
  for (let number = 0; number < count; number += 1) {
    const other = number * dimensions;
    let sum = 0;
    for (let from = 0; from < dimensions && sum < least; from += stretch) {
      const end = Math.min(dimensions, from + stretch);
      for (let at = from; at < end; at += 1) {
        const difference = (matrix[own + at] as number) - (matrix[other + at] as number);
        sum += difference * difference;
      }
    }
    if (sum < least) {
      least = sum;
      nearest = number;
    }
  }
  return nearest;
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
