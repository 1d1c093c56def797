/** Finds candidates for near-duplicates among very many sets without comparing all pairs: MinHash signatures in LSH bands. */
import { randomSource } from './random.ts';
import { mixBits } from './text-hash.ts';

/** Length of a signature. */
const hashes = 128;
const random = randomSource(1);
const seeds = Uint32Array.from({ length: hashes }, () => Math.floor(random() * 2 ** 32));
const factors = Uint32Array.from({ length: hashes }, () => Math.floor(random() * 2 ** 32) | 1);

/** For each of 128 permutations the smallest element: two sets agree in a share of places near their Jaccard similarity. */
export function minHashes(elements: Uint32Array): Uint32Array {
  const signature = new Uint32Array(hashes).fill(0xffffffff);
  for (const element of elements) {
    for (let at = 0; at < hashes; at += 1) {
      // Bijections of 32 bits, so each is a permutation of the elements.
      const permuted = Math.imul(element ^ (seeds[at] as number), factors[at] as number) >>> 0;
      const spread = (permuted ^ (permuted >>> 15)) >>> 0;
      if (spread < (signature[at] as number)) signature[at] = spread;
    }
  }
  return signature;
}

/**
 * Rows of a band for a threshold: the most (fewest false candidates) with which a pair exactly at the threshold still meets in
 * some band with a probability of 99 %.
 */
export function bandRows(threshold: number): number {
  for (let rows = 32; rows > 1; rows -= 1) {
    if (1 - (1 - threshold ** rows) ** Math.floor(hashes / rows) >= 0.99) return rows;
  }
  return 1;
}

/** Signatures by band. `add` numbers them 0, 1, 2 …; `visit` calls back once for each of those that shares a band. */
interface BandIndex {
  add(signature: Uint32Array): void;
  visit(signature: Uint32Array, callback: (number: number) => void): void;
}

export function bandIndex(rows: number): BandIndex {
  const bands = Array.from({ length: Math.floor(hashes / rows) }, () => new Map<number, number[]>());
  /** by number, the last visit that met it */
  const met: number[] = [];
  let visits = 0;
  const keyOf = (signature: Uint32Array, band: number) => {
    let key = band;
    for (let at = band * rows; at < (band + 1) * rows; at += 1) key = mixBits(key ^ (signature[at] as number)) + at;
    return key;
  };
  return {
    add(signature) {
      bands.forEach((buckets, band) => {
        const key = keyOf(signature, band);
        const bucket = buckets.get(key);
        if (bucket === undefined) buckets.set(key, [met.length]);
        else bucket.push(met.length);
      });
      met.push(0);
    },
    visit(signature, callback) {
      visits += 1;
      bands.forEach((buckets, band) => {
        for (const number of buckets.get(keyOf(signature, band)) ?? []) {
          if (met[number] === visits) continue;
          met[number] = visits;
          callback(number);
        }
      });
    },
  };
}
