/** What a preview tells as it happens, and how a terminal shows it. */
import { clip } from '../../core/describe.ts';
import type { Usage } from '../../schemas/common.ts';
import type { Vote } from '../../schemas/vote.ts';
import { money, paint } from '../progress.ts';

/** A vote, and what it comes to under the rules of the pipeline. */
export type CastVote = Omit<Vote, 'usage'> & { yes: boolean; confidence: number | null };

export type Event =
  | { type: 'document'; number: number; id: string; title: string; characters: number }
  | { type: 'tasks'; model: string; tasks: string[]; chosen: string; detail: string }
  | { type: 'opened'; environment: string; observation: string; seconds: number }
  | { type: 'decided'; step: number; kind: string; title: string; reason: string; detail: string }
  | { type: 'acted'; step: number; changed: boolean; error: string; observation: string }
  | { type: 'walked'; outcome: string; detail: string; steps: number }
  | { type: 'verified'; score: number | null; detail: string }
  | { type: 'windows'; cut: number; shown: number; dropped: Record<string, number> }
  | { type: 'written'; from: number; to: number; style: string; instruction: string | null; detail: string }
  | { type: 'voted'; vote: CastVote }
  | { type: 'verdict'; kept: boolean; reason: string }
  | { type: 'note'; text: string }
  | { type: 'done'; usage: Record<string, Usage>; stored: number; seconds: number; kept: boolean };

export type Tell = (event: Event) => void;

/** Lines of an observation that are shown, and characters of each. */
const shownLines = 8;
const shownChars = 110;

const observed = (text: string, indent: string): string[] => {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const shown = lines.slice(0, shownLines).map((line) => `${indent}${paint('dim', clip(line, shownChars))}`);
  return lines.length > shownLines
    ? [...shown, `${indent}${paint('dim', `… ${lines.length - shownLines} more lines`)}`]
    : shown;
};

const oneLine = (text: string, chars = 200): string => clip(text.replaceAll(/\s+/g, ' ').trim(), chars);
const title = (text: string, more: string): string => `\n${paint('bold', text)}  ${paint('dim', more)}`;

/** The lines of an event. */
export function eventLines(event: Event): string[] {
  switch (event.type) {
    case 'document':
      return [`document ${event.number}: ${event.id}, "${oneLine(event.title, 80)}", ${event.characters} characters`];
    case 'tasks':
      return tasksLines(event);
    case 'opened':
      return [
        title('interact', `${event.environment}, open after ${event.seconds.toFixed(1)} s`),
        ...observed(event.observation, '     '),
      ];
    case 'decided':
      return [
        event.kind === 'act'
          ? `  ${String(event.step).padStart(2)}. ${paint('cyan', oneLine(event.title))}`
          : event.kind === 'finish'
            ? `      finish: ${oneLine(event.title)}`
            : paint('red', `      the reply could not be read: ${oneLine(event.detail)}`),
        ...(event.reason === '' ? [] : [paint('dim', `      because: ${oneLine(event.reason)}`)]),
      ];
    case 'acted':
      return [
        event.error !== ''
          ? paint('red', `      failed: ${oneLine(event.error)}`)
          : `      ${event.changed ? 'changed the place:' : 'changed nothing'}`,
        ...(event.changed ? observed(event.observation, '        ') : []),
      ];
    case 'walked':
      return [`  ${paint('bold', event.outcome)} after ${event.steps} actions: ${oneLine(event.detail)}`];
    default:
      return judgedLines(event);
  }
}

function tasksLines({ model, tasks, chosen, detail }: Extract<Event, { type: 'tasks' }>): string[] {
  const lines = tasks.map((task) => `  ${task === chosen ? paint('cyan', '▸') : ' '} ${oneLine(task)}`);
  return [title('instruct', model), ...lines, ...(detail === '' ? [] : [`  ${detail}`])];
}

function judgedLines(
  event: Exclude<Event, { type: 'document' | 'tasks' | 'opened' | 'decided' | 'acted' | 'walked' }>,
): string[] {
  switch (event.type) {
    case 'verified':
      return [
        `  verified: ${event.score === null ? 'no score' : event.score.toFixed(2)}  ${paint('dim', oneLine(event.detail))}`,
      ];
    case 'windows': {
      const drops = Object.entries(event.dropped).map(
        ([reason, number]) => `  dropped before the vote: ${number} × ${reason}`,
      );
      return [title('construct and filter', `${event.shown} of ${event.cut} windows`), ...drops];
    }
    case 'written':
      return [
        `  actions ${event.from + 1}–${event.to}, ${event.style}`,
        event.instruction === null
          ? paint('red', `    no instruction: ${event.detail || 'the writer saw nothing accomplished'}`)
          : `    ${paint('bold', `“${oneLine(event.instruction, 300)}”`)}`,
      ];
    case 'voted':
      return voteLines(event.vote);
    case 'verdict':
      return [
        `    ${event.kept ? paint('green', '✔ would be kept') : paint('red', '✘ would be dropped')}: ${event.reason}`,
      ];
    case 'note':
      return [paint('dim', event.text)];
    case 'done':
      return doneLines(event);
  }
}

function voteLines({ member, yes, confidence, criteria, parsed }: CastVote): string[] {
  const sure = confidence === null ? '' : ` ${confidence.toFixed(2)}`;
  const head = `    ${member}: ${yes ? paint('green', 'yes') : paint('red', 'no')}${sure}`;
  if (!parsed) return [`${head}, the reply could not be read`];
  const answers = Object.entries(criteria);
  const marks = answers.map(([name, answer]) => `${answer.yes ? '✔' : '✘'} ${name}`).join('  ');
  const reasons = [...new Set(answers.map(([, { reason }]) => oneLine(reason, 160)).filter((reason) => reason !== ''))];
  return [`${head}  ${marks}`, ...reasons.map((reason) => paint('dim', `      ${reason}`))];
}

function doneLines({ usage, stored, seconds, kept }: Extract<Event, { type: 'done' }>): string[] {
  const paid = Object.entries(usage).filter(([, used]) => used.calls > 0);
  const total = paid.reduce((sum, [, { usd }]) => sum + usd, 0);
  return [
    title('cost', `${seconds.toFixed(1)} s`),
    ...paid.map(
      ([account, used]) =>
        `  ${account.padEnd(24)} ${String(used.calls).padStart(3)} calls  ${String(used.input).padStart(7)} in ${String(used.output).padStart(6)} out  ${money(used.usd)}`,
    ),
    ...(stored > 0 ? [`  ${stored} ${stored === 1 ? 'reply was' : 'replies were'} in the store already`] : []),
    `  ${money(total)}${paid.length === 0 ? '' : kept ? '; the replies are kept: a run does not pay for them again' : '; nothing is kept (--keep remembers the replies for the run)'}`,
  ];
}
