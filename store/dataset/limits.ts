/** What a dataset is not, in the words of its card: who has checked it, what was added, what a trainer has to know. */
import type { DatasetFacts, Row } from '../../schemas/dataset.ts';
import type { Telling } from './conversation.ts';

export interface CardOptions {
  /** the data files beside the card */
  files: string[];
  telling: Telling;
}

export const inFolder = (files: string[], folder: string): string[] => files.filter((file) => file.startsWith(folder));

/** One sentence or two each. */
export function limitsOf(rows: Row[], facts: DatasetFacts, { files, telling }: CardOptions): string[] {
  const judges = facts.committee.members.length;
  const own = facts.models.filter(({ uses }) => uses.includes('filter') && uses.includes('construct'));
  const written = rows.some(({ style }) => style !== 'original');
  return [
    judges === 0
      ? 'Nobody has checked the examples, neither models nor by hand; expect many wrong ones.'
      : 'The committee is made of models. Nobody has checked its verdicts by hand; expect wrong examples among the kept.',
    ...(own.length === 0
      ? []
      : [`${own.map(({ name }) => name).join(', ')} judged instructions that it wrote itself.`]),
    ...(judges === 1 ? ['A single model is the whole committee.'] : []),
    ...(written
      ? [
          'The recorded reasons were written for the task that the agent was given, not for the instruction of the example.',
        ]
      : []),
    ...told(files, telling),
    ...(rows.some((row) => row.split === 'test') ? [] : ['There is no test split.']),
  ];
}

/** How the conversations are told, where there are some. */
function told(files: string[], { chat, finish, repeated_steps }: Telling): string[] {
  const has = (folder: string): boolean => inFolder(files, folder).length > 0;
  const inTurns = chat === 'turns' ? ['chat/', 'trl/', 'sharegpt/'].filter(has) : [];
  const inSteps = chat === 'steps' ? ['chat/', 'trl/', 'sharegpt/'].filter(has) : [];
  const whole = ['atif/', 'adp/'].filter(has);
  if (inTurns.length + inSteps.length + whole.length === 0) return [];
  const unmasked = [...inTurns, ...whole].filter((folder) => folder !== 'chat/').map((folder) => folder.slice(0, -1));
  return [
    finish === 'none'
      ? 'The conversations end on the last recorded action: they do not teach when to stop.'
      : 'The final `finish` of each conversation was added: no model wrote it, and its answer is always "done".',
    ...(inSteps.length > 0
      ? [
          'The chats are one row per action; actions that failed have no row of their own and are seen in the history of later ones.',
        ]
      : []),
    ...(inTurns.includes('chat/')
      ? [
          'In the chats, actions that failed have weight 0: they are context, not targets. Trainers that ignore weights learn them.',
        ]
      : []),
    ...(unmasked.length > 0
      ? [`Readers of ${unmasked.join(', ')} are not kept from actions that failed: they are learnt with the rest.`]
      : []),
    repeated_steps === 'train'
      ? 'Windows overlap: one recorded action can be a target in several examples, each time under another instruction.'
      : 'Windows overlap: a recorded action is a target in the longest of the examples that hold it, and context in the others.',
  ];
}
