/** What a run notes of an episode that gave nothing (yet): the base that results are filled into. */
import type { EpisodeEntry, TaskEntry } from '../schemas/flow.ts';

/** @param detail why there is nothing, in words */
export const emptyEntry = (task: TaskEntry, detail: string): EpisodeEntry => ({
  task: task.ref,
  id: task.id,
  title: task.title,
  record: null,
  outcome: 'failed',
  detail,
  steps: 0,
  windows: 0,
  voted: 0,
  kept: 0,
  unreadable: 0,
  dropped: {},
  usage: {},
  reused: false,
  recalled: false,
  ...(task.again === undefined ? {} : { again: task.again }),
  ...(task.tries === undefined ? {} : { tries: task.tries }),
});
