/** Tasks and examples that say the same thing again. */
import { bandIndex, bandRows, minHashes } from './min-hash.ts';
import { isDuplicate, overlap } from './task-set.ts';
import { taskWords } from './task-words.ts';
import { mixBits, textHash } from './text-hash.ts';

/** Words of a shingle of `nearDuplicates`; shorter texts are one shingle. */
const shingleWords = 3;
const empty = new Uint32Array();

export { taskShape } from './task-words.ts';

/** Jaccard similarity, 0 to 1, of the words of two tasks (masked, stemmed, without fillers). Two tasks without words are equal. */
export function similarity(a: string, b: string): number {
  return overlap(taskWords(a), taskWords(b));
}

/**
 * Finds texts that repeat another: equal sets of word shingles, or a Jaccard similarity above `threshold`. Of each group the
 * shortest stays (by `length`, ties by id). The map leads from each dropped id to the kept one that it resembles most. Depends on the set of
 * items, not on their order. Pairs are found by MinHash and LSH and then measured exactly: a few at the very threshold are
 * missed, none is dropped by mistake. 100,000 mixed texts take seconds, as many cut from one template minutes.
 */
export function nearDuplicates(
  items: { id: string; text: string; length: number }[],
  threshold: number,
): Map<string, string> {
  const index = bandIndex(bandRows(threshold));
  const kept: { id: string; shingles: Uint32Array }[] = [];
  const dropped = new Map<string, string>();
  const mostAlike = (shingles: Uint32Array, signature: Uint32Array): string | undefined => {
    let best = { number: -1, shared: threshold };
    index.visit(signature, (number) => {
      const shared = sortedOverlap(shingles, kept[number]?.shingles ?? empty, best.shared);
      const better = best.number < 0 ? isDuplicate(shared, threshold) : shared > best.shared;
      if (better || (shared === best.shared && number < best.number)) best = { number, shared };
    });
    return kept[best.number]?.id;
  };
  const ordered = [...items].sort((a, b) => a.length - b.length || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  for (const { id, text } of ordered) {
    const shingles = shinglesOf(text);
    const signature = minHashes(shingles);
    const best = mostAlike(shingles, signature);
    if (best !== undefined) {
      dropped.set(id, best);
    } else {
      index.add(signature);
      kept.push({ id, shingles });
    }
  }
  return dropped;
}

/** Jaccard similarity of sorted sets; 0 as soon as it cannot reach `least`. */
function sortedOverlap(a: Uint32Array, b: Uint32Array, least: number): number {
  if (a.length === 0 && b.length === 0) return 1;
  const total = a.length + b.length;
  // Similarity s of sets with m members in all takes m·s/(1+s) shared ones, so that many may be missed at most on each side.
  const enough = (total * least) / (1 + least) - 1e-6;
  let shared = 0;
  for (let left = 0, right = 0; left < a.length && right < b.length; ) {
    if (shared + Math.min(a.length - left, b.length - right) < enough) return 0;
    const difference = (a[left] as number) - (b[right] as number);
    if (difference === 0) shared += 1;
    if (difference <= 0) left += 1;
    if (difference >= 0) right += 1;
  }
  return shared / (total - shared);
}

/** Hashes of the distinct shingles of a text's words, sorted. */
function shinglesOf(text: string): Uint32Array {
  const words = (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => textHash(word));
  const count = words.length === 0 ? 0 : Math.max(1, words.length - shingleWords + 1);
  const shingles = new Uint32Array(count);
  for (let at = 0; at < count; at += 1) {
    let hash = 0;
    // Chained, so that the order of the words counts.
    for (let word = at; word < Math.min(words.length, at + shingleWords); word += 1)
      hash = mixBits(Math.imul(hash, 31) + (words[word] as number));
    shingles[at] = hash;
  }
  shingles.sort();
  return shingles.filter((shingle, at) => at === 0 || shingle !== shingles[at - 1]);
}
