/** The tasks of a run so far, kept so that the next one is compared with the few that could resemble it, not with all. */
import { taskWords } from './task-words.ts';

interface Member {
  instruction: string;
  words: Set<string>;
}

/** A member in the list of a word: how many words it has, and how many from this one on. */
interface Posting {
  number: number;
  size: number;
  left: number;
}

export interface TaskSet {
  /** tasks that were added */
  size(): number;
  add(instruction: string): void;
  /**
   * Goes through the candidates in order: a duplicate has the words of a task of the set or of an earlier fresh candidate, or
   * overlaps with it by more than the threshold. `of` is the first instruction that it repeats. The set stays as it is.
   */
  distinct<T extends { instruction: string }>(candidates: T[]): { fresh: T[]; duplicates: { item: T; of: string }[] };
}

/** @param threshold Jaccard similarity of two tasks' words above which they are the same, 0 to 1 */
export function taskSet(threshold: number): TaskSet {
  const members: Member[] = [];
  const postings = new Map<string, Posting[]>();
  /** of the candidates looked at last: those that are taken are mostly added next */
  let looked = new Map<string, Set<string>>();

  const insert = (member: Member): void => {
    const size = member.words.size;
    for (const [at, word] of signature(member.words, threshold).entries()) {
      const posting = { number: members.length, size, left: size - at };
      const known = postings.get(word);
      if (known === undefined) postings.set(word, [posting]);
      else known.push(posting);
    }
    members.push(member);
  };

  /** The first member that the words repeat. */
  const resembled = (words: Set<string>): Member | undefined => {
    let first = Number.POSITIVE_INFINITY;
    for (const [at, word] of signature(words, threshold).entries()) {
      const left = words.size - at;
      for (const { number, size, left: theirs } of postings.get(word) ?? []) {
        if (number >= first) break;
        // When this is the first word they share, they share no more than what is left of the shorter.
        if (Math.min(left, theirs) < (threshold * (words.size + size)) / (1 + threshold) - 1e-9) continue;
        const other = members[number];
        if (other !== undefined && isDuplicate(overlap(words, other.words, threshold), threshold)) first = number;
      }
    }
    return members[first];
  };

  const remove = (from: number): void => {
    for (const member of members.splice(from)) {
      for (const word of signature(member.words, threshold)) postings.get(word)?.pop();
    }
  };

  return {
    size: () => members.length,
    add: (instruction) => insert({ instruction, words: looked.get(instruction) ?? taskWords(instruction) }),
    distinct: (candidates) => {
      const before = members.length;
      looked = new Map(candidates.map(({ instruction }) => [instruction, taskWords(instruction)]));
      const fresh: typeof candidates = [];
      const duplicates: { item: (typeof candidates)[number]; of: string }[] = [];
      for (const item of candidates) {
        const words = looked.get(item.instruction) ?? new Set();
        const same = resembled(words);
        if (same !== undefined) {
          duplicates.push({ item, of: same.instruction });
          continue;
        }
        fresh.push(item);
        insert({ instruction: item.instruction, words });
      }
      remove(before);
      return { fresh, duplicates };
    },
  };
}

/**
 * Words of which two sets share one whenever their similarity reaches the threshold: of n words in one fixed order, all but the
 * last ⌈threshold·n⌉ − 1. Long words come first, because they are rare.
 */
function signature(words: Set<string>, threshold: number): string[] {
  // A task without words is like any other without words.
  if (words.size === 0) return [''];
  const ordered = [...words].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return ordered.slice(0, Math.min(words.size, words.size - Math.ceil(threshold * words.size - 1e-9) + 1));
}

export function isDuplicate(shared: number, threshold: number): boolean {
  return shared > threshold || shared === 1;
}

/** Jaccard similarity; 0 as soon as the sizes show that it cannot reach `least`. */
export function overlap(a: Set<string>, b: Set<string>, least = 0): number {
  if (a.size === 0 && b.size === 0) return 1;
  if (Math.min(a.size, b.size) / Math.max(a.size, b.size) < least) return 0;
  let shared = 0;
  for (const word of a) if (b.has(word)) shared += 1;
  return shared / (a.size + b.size - shared);
}
