/** Finds what the agent's prompt is given: examples by the task, the observation, or a query that a model wrote (paper, Algorithm 2), and documents by the task. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { LbiError } from '../core/errors.ts';
import { fitKnowledge } from '../core/retrieval-text.ts';
import type { FullStage } from '../schemas/pipeline/stage.ts';
import type { Task } from '../schemas/task.ts';
import { openIndex, type RetrievalIndex } from '../store/retrieval.ts';
import { openCorpus } from './corpus.ts';
import type { Deps } from './deps.ts';

type Knowledge = NonNullable<FullStage<'interact'>['knowledge']>;

/** What is looked up with. */
export interface Asked {
  task: Task;
  /** what the place shows now */
  observation: string;
  /** what a model says would help; undefined when it wrote none */
  query: string | undefined;
}

const opened = new Map<string, Promise<RetrievalIndex>>();

/** Folder of an index: a path, or the run that made it. @param indexes folder of the runs' indexes */
export const indexFolder = (indexes: string, name: string): string =>
  isAbsolute(name) || name.includes('/') ? resolve(name) : join(indexes, name);

/** Whether the examples of an index are looked up at all. */
export const wantsExamples = ({ instruction, observation, model }: Knowledge): boolean =>
  instruction !== undefined || observation !== undefined || model !== undefined;

/** Whether anything is found by meaning, which takes vectors and the embedder. */
export const wantsVectors = ({ instruction, model, documents }: Knowledge): boolean =>
  instruction?.by === 'meaning' || (model?.k ?? 0) > 0 || documents?.by === 'meaning';

/** Examples and documents as text for the prompt, within the token budget; both empty without `knowledge`. */
export async function retrieve(
  deps: Deps,
  { knowledge }: FullStage<'interact'>,
  asked: Asked,
): Promise<{ knowledge: string; documents: string }> {
  if (knowledge === undefined) return { knowledge: '', documents: '' };
  const found = fitKnowledge(
    {
      examples: await findExamples(deps, knowledge, asked),
      documents: await findDocuments(deps, knowledge, asked.task),
    },
    knowledge.max_tokens,
  );
  const joined = (texts: string[]): string =>
    (knowledge.order === 'best_last' ? texts.toReversed() : texts).join('\n\n');
  return { knowledge: joined(found.examples), documents: joined(found.documents) };
}

/** By the task, then by the observation, then by the model, none twice. */
async function findExamples(deps: Deps, knowledge: Knowledge, { task, observation, query }: Asked): Promise<string[]> {
  if (!wantsExamples(knowledge) || knowledge.index === undefined) return [];
  const byMeaning = knowledge.instruction?.by === 'meaning' && knowledge.instruction.k > 0;
  const index = await openOnce(deps, knowledge.index, byMeaning || (knowledge.model?.k ?? 0) > 0);
  const hits = await index[byMeaning ? 'byQuery' : 'byInstruction'](task.instruction, knowledge.instruction?.k ?? 0);
  const ids = (): string[] => hits.map(({ id }) => id);
  hits.push(...(await index.byObservation(observation, knowledge.observation?.k ?? 0, ids())));
  if (query !== undefined && (knowledge.model?.k ?? 0) > 0)
    hits.push(...(await index.byQuery(query, knowledge.model?.k ?? 0, ids())));
  return hits.map(({ text }) => text);
}

async function findDocuments(deps: Deps, { documents }: Knowledge, task: Task): Promise<string[]> {
  if (documents === undefined) return [];
  if (task.corpus === undefined)
    throw new LbiError('fatal', `the task ${task.id} does not say which documents it may be shown`);
  const index = await openCorpus(deps, task.corpus, documents.by);
  return index[documents.by === 'meaning' ? 'byMeaning' : 'byWords'](task.instruction, documents.k);
}

/** An index of words alone is opened without an embedder: it has no vectors to compare with. */
function openOnce(deps: Deps, name: string, dense: boolean): Promise<RetrievalIndex> {
  const folder = indexFolder(deps.indexes, name);
  const key = `${folder} ${dense}`;
  const known = opened.get(key);
  if (known !== undefined) return known;
  if (!existsSync(folder))
    throw new LbiError(
      'operator',
      `the index of knowledge is not on this machine: copy it to ${folder}, or start a worker where it is, then resume the run`,
    );
  const opening = (async () => openIndex(folder, dense ? await deps.embedder() : undefined))();
  opened.set(key, opening);
  opening.catch(() => opened.delete(key));
  return opening;
}
