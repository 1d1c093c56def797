/** The environment kind `scripted`: a deterministic board of lamps without any outside parts, for trying the engine. */
import { createHash } from 'node:crypto';
import { EnvironmentError } from '../core/errors.ts';
import type { Document } from '../schemas/document.ts';
import type { Action, ActionDefinition, Observation } from '../schemas/observation.ts';
import type { ScriptedSpec } from '../schemas/pipeline/environment.ts';
import { checkAction } from './check-action.ts';
import type { EnvironmentDriver, Evaluation, Session, SessionTask, Start, StepResult } from './environment.ts';
import { memoryJournal } from './journal.ts';

const ITEMS = 4;
const MAX_CHARS = 6000;

const ACTIONS: ActionDefinition[] = [
  {
    name: 'switch',
    description: 'Switches a lamp: on when it was off, off when it was on.',
    parameters: {
      type: 'object',
      properties: {
        lamp: { type: 'string', minLength: 1, maxLength: 20, description: 'Name of the lamp, e.g. lamp-1.' },
      },
      required: ['lamp'],
      additionalProperties: false,
    },
  },
  {
    name: 'read',
    description: 'Looks at the board again.',
    parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  },
];

/** Lamps from `lamp-1`; true means on. */
type Board = boolean[];

/** The seed of the task decides which lamps burn at the start. */
const startBoard = (spec: ScriptedSpec, task: SessionTask): Board =>
  Array.from({ length: spec.items ?? ITEMS }, (_, lamp) => ((task.seed >>> (lamp % 32)) & 1) === 1);

const show = (board: Board, spec: ScriptedSpec, note = ''): Observation => {
  const lines = board.map((on, lamp) => `lamp-${lamp + 1}: ${on ? 'on' : 'off'}`);
  const text = `Scripted board of ${board.length} lamps.\n${note}${lines.join('\n')}`;
  return {
    text: text.slice(0, spec.observation?.max_chars ?? MAX_CHARS).toWellFormed(),
    state: { on: board.filter(Boolean).length, scripted: true },
    stateHash: createHash('sha256').update(lines.join()).digest('hex'),
  };
};

/** Changes `board` and gives what is seen after. */
const act = (board: Board, action: Action, spec: ScriptedSpec): StepResult => {
  const invalid = checkAction(ACTIONS, action);
  if (invalid !== undefined) return { observation: show(board, spec, `${invalid.message}\n`), error: invalid };
  if (action.name === 'read') return { observation: show(board, spec) };
  const name = String(action.arguments.lamp);
  const lamp = /^lamp-[1-9]\d{0,6}$/.test(name) ? Number(name.slice('lamp-'.length)) - 1 : -1;
  const was = board[lamp];
  if (was === undefined) {
    const message = `There is no lamp "${name}"; the lamps are lamp-1 to lamp-${board.length}.`;
    return { observation: show(board, spec, `${message}\n`), error: { class: 'failed', message } };
  }
  board[lamp] = !was;
  return { observation: show(board, spec, `${name} is now ${was ? 'off' : 'on'}.\n`) };
};

/** As many lamps as wanted score 1, fewer their share. */
const evaluate = (board: Board | undefined, wanted: number): Evaluation => {
  if (board === undefined) throw notOpen();
  const on = board.filter(Boolean).length;
  return { score: Math.min(1, on / wanted), detail: `${on} lamps on, ${wanted} wanted` };
};

const notOpen = () =>
  new EnvironmentError('session-lost', 'The scripted session is not open: it was closed, or never reset.');

const open = async (spec: ScriptedSpec): Promise<Session> => {
  const journal = memoryJournal();
  let board: Board | undefined;
  let closed = false;
  return {
    actions: ACTIONS,
    reset: async (task) => {
      if (closed) throw notOpen();
      await journal.clear();
      board = startBoard(spec, task);
      return show(board, spec);
    },
    step: async (action, index) => {
      const lamps = board;
      if (lamps === undefined) throw notOpen();
      return journal.once(index, { name: action.name, arguments: action.arguments }, async () =>
        act(lamps, action, spec),
      );
    },
    goal: async () => goalOf(spec),
    ...(spec.verify === undefined ? {} : { evaluate: async () => evaluate(board, spec.verify ?? 1) }),
    close: async () => {
      closed = true;
      board = undefined;
    },
  };
};

const goalOf = ({ items = ITEMS, verify = 1 }: ScriptedSpec): string =>
  `Switch lamps until ${Math.min(verify, items)} of ${items} ${verify === 1 ? 'is' : 'are'} on.`;

/** Only the lamps that burn at the start differ. */
const starts = async (_spec: ScriptedSpec, _context: unknown, seeds: number[]): Promise<Start[]> =>
  seeds.map((seed) => ({ id: `lamps#${seed}`, seed, setup: null }));

/** One short page. */
async function* docs(spec: ScriptedSpec): AsyncGenerator<Document> {
  const lamps = spec.items ?? ITEMS;
  const actions = ACTIONS.map(({ name, description }) => `- \`${name}\`: ${description}`).join('\n');
  yield {
    id: 'board',
    source: 'scripted board',
    title: 'The board of lamps',
    text: `# The board of lamps\n\nThe board has ${lamps} lamps, lamp-1 to lamp-${lamps}. Each is on or off. It is scripted: a place for trying the engine.\n\n${actions}\n`,
  };
}

/** A board of lamps: everything it shows says that it is scripted. */
export const scriptedDriver: EnvironmentDriver<ScriptedSpec> = {
  kind: 'scripted',
  version: '1',
  doctor: async () => [{ what: 'scripted environment', ok: true, detail: 'needs nothing' }],
  open,
  docs,
  starts,
};
