/** Answers from outside as the store keeps them: an interrupted reading asks for nothing twice, and a later one can ask what changed. */
import { createHash } from 'node:crypto';
import { findPage, writePage } from '../../store/json.ts';
import type { SourceContext } from './context.ts';

/** An answer, and the run that it was given to last. */
export interface Answer<T> {
  run: string;
  question: string;
  value: T;
}

const pathOf = (kind: string, question: string): string => {
  const hash = createHash('sha256').update(question).digest('hex');
  return `sources/${kind}/${hash.slice(0, 2)}/${hash.slice(2)}.json`;
};

type Kept = { store: SourceContext['store'] };

/** The last answer to a question, or undefined. */
export const lastAnswer = async <T>(
  { store }: Kept,
  kind: string,
  question: string,
): Promise<Answer<T> | undefined> => {
  const found = await findPage<Answer<T>>(store, pathOf(kind, question));
  return found?.question === question ? found : undefined;
};

export const keepAnswer = async (
  { store }: Kept,
  kind: string,
  answer: { run: string; question: string; value: object | string },
): Promise<void> => writePage(store, pathOf(kind, answer.question), answer);
