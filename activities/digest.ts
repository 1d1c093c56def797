/** What counting needs of a candidate, read once when its episode is concluded. */
import { describeAction } from '../core/describe.ts';
import type { Candidate, Digest } from '../schemas/episode.ts';
import type { Example } from '../schemas/example.ts';
import type { Task } from '../schemas/task.ts';
import type { Vote } from '../schemas/vote.ts';
import { getJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { readWindow } from './windows.ts';

export async function digestOf(store: Store, candidate: Candidate): Promise<Digest> {
  const { instruction, style, head, window } = await getJson<Example>(store, candidate.example);
  const { steps } = await readWindow(store, head, window);
  const ballots = candidate.votes.map(async (ref): Promise<Digest['ballots'][number]> => {
    const { voter, parsed, criteria } = await getJson<Vote>(store, ref);
    const answers = Object.entries(criteria).map(([name, { reason: _reason, ...answer }]) => [name, answer] as const);
    return { vote: ref, voter, parsed, criteria: Object.fromEntries(answers) };
  });
  return {
    instruction,
    style,
    actions: steps.map(({ action }) => describeAction(action)),
    ballots: await Promise.all(ballots),
  };
}

/** What a task was made from: the page, whose parts (`page#2`) belong together, or the task itself. */
export const familyOf = ({ documentId, id }: Task): string => documentId?.split('#')[0] ?? id;
