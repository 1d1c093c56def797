/** Which side of the dataset a document's examples go to. */
import { mixBits, textHash } from './text-hash.ts';

/**
 * Decided by the document alone, so that no document is on both sides and adding one moves no other.
 * `share` is the part of the documents, 0 to 1, that is held out.
 */
export function splitOf(documentKey: string, share: number, seed: number): 'train' | 'test' {
  return textHash(documentKey, mixBits(seed)) / 2 ** 32 < share ? 'test' : 'train';
}
