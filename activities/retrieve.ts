/** Finds examples for the agent's prompt (paper, Algorithm 2): by the observation (BM25) and by a query that a model wrote (dense). */
import { isAbsolute, join, resolve } from 'node:path';
import { fitExamples } from '../core/retrieval-text.ts';
import type { FullStage } from '../schemas/pipeline/stage.ts';
import { openIndex, type RetrievalIndex } from '../store/retrieval.ts';
import type { Deps } from './deps.ts';

const opened = new Map<string, Promise<RetrievalIndex>>();

/** Folder of an index: a path, or the run that made it. @param indexes folder of the runs' indexes */
export const indexFolder = (indexes: string, name: string): string =>
  isAbsolute(name) || name.includes('/') ? resolve(name) : join(indexes, name);

/** The examples as text for the prompt, within the token budget; empty without `knowledge`. */
export async function retrieve(
  deps: Deps,
  stage: FullStage<'interact'>,
  observation: string,
  query: string | undefined,
): Promise<string> {
  const { knowledge } = stage;
  if (knowledge === undefined) return '';
  const folder = indexFolder(deps.indexes, knowledge.index);
  const dense = (knowledge.model?.k ?? 0) > 0;
  const index = await (opened.get(`${folder} ${dense}`) ?? open(deps, folder, dense));
  const byObservation =
    knowledge.observation === undefined ? [] : await index.byObservation(observation, knowledge.observation.k);
  const ids = byObservation.map(({ id }) => id);
  const byModel =
    knowledge.model === undefined || !dense || query === undefined
      ? []
      : await index.byQuery(query, knowledge.model.k, ids);
  return fitExamples([...byObservation, ...byModel], knowledge.max_tokens).join('\n\n');
}

/** An index of words alone is opened without an embedder: it has no vectors to compare with. */
function open(deps: Deps, folder: string, dense: boolean): Promise<RetrievalIndex> {
  const opening = (async () => openIndex(folder, dense ? await deps.embedder() : undefined))();
  const key = `${folder} ${dense}`;
  opened.set(key, opening);
  opening.catch(() => opened.delete(key));
  return opening;
}
