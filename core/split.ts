/** Which side of the dataset an example goes to: decided by its family alone. */
import type { SplitBy } from '../schemas/dataset.ts';
import type { Split } from '../schemas/format.ts';
import { mixBits, textHash } from './text-hash.ts';

/** What the family of an example is read from. */
export interface FamilyFacts {
  documentId: string | null;
  /** the instruction that was tried, the same in every attempt */
  task: string;
  environment: string;
}

/**
 * The name of what must not be on two sides: all parts of one page (`page#2`), or the task where there was no document; the
 * task with all its attempts; the environment.
 */
export function familyOf({ documentId, task, environment }: FamilyFacts, by: SplitBy): string {
  if (by === 'environment') return environment;
  if (by === 'document' && documentId !== null) return documentId.replace(/#\d+$/, '');
  return task;
}

export interface Shares {
  test: number;
  validation: number;
}

/**
 * The side of a family: a hash of its name and the seed, so that adding a family moves no other, and asking for a validation
 * split takes families from train alone.
 */
export function splitOf(family: string, { test, validation }: Shares, seed: number): Split {
  const at = textHash(family, mixBits(seed)) / 2 ** 32;
  if (at < test) return 'test';
  return at < test + validation ? 'validation' : 'train';
}
