/** One shell session: a folder, commands that are run in it one at a time, and what is seen after each. */
import { createHash } from 'node:crypto';
import { EnvironmentError } from '../../core/errors.ts';
import type { Action, ActionDefinition, Observation, StepError } from '../../schemas/observation.ts';
import type { ShellSpec } from '../../schemas/pipeline/environment.ts';
import { checkAction } from '../check-action.ts';
import type { Evaluation, Session, SessionContext, SessionTask, StepResult } from '../environment.ts';
import { openJournal } from '../journal.ts';
import { brief, listChanges, showStart, showStep } from './observation.ts';
import { normalise, shorten } from './output.ts';
import { createPlace, type Place, removePlace } from './place.ts';
import { type CommandResult, isRoot, runCommand, sandboxFault } from './sandbox.ts';
import { type Change, compareTrees, type Look, readTree, type Tree } from './tree.ts';
import { verify } from './verify.ts';

const MAX_COMMAND = 16_000;
/** Seconds one command may take where the pipeline says nothing, and the least that a setup command gets. */
const STEP_TIMEOUT = 30;
const SETUP_TIMEOUT = 300;

const BASH: ActionDefinition = {
  name: 'bash',
  description:
    'Runs a command with bash in the folder /work. The current folder and exported variables stay for the next command; ' +
    'there is no network, nothing can be typed in while a command runs, and everything it started ends with it.',
  parameters: {
    type: 'object',
    properties: { command: { type: 'string', minLength: 1, maxLength: MAX_COMMAND, description: 'The command line.' } },
    required: ['command'],
    additionalProperties: false,
  },
};

/** All that can be seen of the place between two commands. */
interface Reading {
  work: Tree;
  home: Tree;
  folder: string;
  variables: string;
}

/** Opens the session; nothing runs before `reset`. */
export const createShellSession = async (spec: ShellSpec, context: SessionContext): Promise<Session> => {
  const journal = await openJournal(context.workdir);
  const stopping = new AbortController();
  const signal = AbortSignal.any([context.signal, stopping.signal]);
  let shell: Shell | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const alone = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    const turn = running.then(() => {
      if (stopping.signal.aborted) throw notOpen();
      return work();
    });
    running = turn.catch(() => {});
    return turn;
  };
  return {
    actions: [BASH],
    reset: (task) =>
      alone(async () => {
        await journal.clear();
        shell = undefined;
        const opened = await openShell(spec, context, task, signal);
        shell = opened.shell;
        return opened.observation;
      }),
    step: async (action, index) => {
      if (stopping.signal.aborted) throw notOpen();
      return journal.once(index, { name: action.name, arguments: action.arguments }, () =>
        alone(async () => {
          if (shell === undefined) throw notOpen();
          return shell.act(action);
        }),
      );
    },
    ...(spec.verify === undefined
      ? {}
      : {
          evaluate: () =>
            alone(async () => {
              if (shell === undefined) throw notOpen();
              return shell.verify(spec.verify ?? '');
            }),
        }),
    close: async () => {
      stopping.abort();
      await running;
      await removePlace(context);
    },
  };
};

interface Shell {
  act(action: Action): Promise<StepResult>;
  verify(command: string): Promise<Evaluation>;
}

const openShell = async (
  spec: ShellSpec,
  context: SessionContext,
  task: SessionTask,
  signal: AbortSignal,
): Promise<{ shell: Shell; observation: Observation }> => {
  const place = await createPlace(spec, context, userOf(task));
  // An empty command first: it shows that the sandbox works and leaves the state that every later one leaves.
  const empty = await runCommand(place.sandbox, ':', { timeout: SETUP_TIMEOUT, signal });
  if (empty.exitCode !== 0) throw sandboxFault(empty.output);
  for (const command of spec.setup ?? []) await setUp(place, command, spec, signal);
  let reading = await read(place);
  const observation = observeStart(spec, reading);
  let last = observation;
  const options = { timeout: spec.step_timeout ?? STEP_TIMEOUT, signal };
  const act = async (action: Action): Promise<StepResult> => {
    const invalid = checkAction([BASH], action) ?? checkText(action);
    if (invalid !== undefined) return refuse(spec, last, invalid);
    const result = await runCommand(place.sandbox, String(action.arguments.command), options);
    if (result.stopped !== undefined) await place.writeState(reading);
    const after = await read(place, reading);
    const seen = observeStep(spec, result, reading, after);
    reading = after;
    last = seen.observation;
    return seen;
  };
  return { shell: { act, verify: (command) => verify(place, command, options) }, observation };
};

const setUp = async (place: Place, command: string, spec: ShellSpec, signal: AbortSignal): Promise<void> => {
  const timeout = Math.max(SETUP_TIMEOUT, spec.step_timeout ?? STEP_TIMEOUT);
  const result = await runCommand(place.sandbox, command, { timeout, signal });
  if (result.exitCode === 0) return;
  const ending =
    result.exitCode === null ? `was stopped (${result.stopped})` : `ended with exit code ${result.exitCode}`;
  throw new EnvironmentError(
    'spec',
    `The setup command "${command}" of the shell environment ${ending}:\n${shorten(result.output.trim(), 2000)}`,
  );
};

const read = async (place: Place, before?: Reading): Promise<Reading> => ({
  work: await readTree(place.work, lookAtWork, before?.work),
  home: await readTree(place.home, lookAtHome, before?.home),
  ...(await place.readState()),
});

/** Inside `.git` ids hang on the time of day: only which branches and tags there are is read, and what is checked out. */
const lookAtWork: Look = (path) => {
  const inside = /(?:^|\/)\.git\/(.*)$/.exec(path)?.[1];
  if (inside === undefined || inside === 'HEAD') return 'content';
  return inside === 'refs' || inside.startsWith('refs/') ? 'name' : 'nothing';
};

/** Caches are no part of the state. */
const lookAtHome: Look = (path) => (path === '.npm' || path === '.cache' ? 'nothing' : 'content');

const limitOf = (spec: ShellSpec): number => spec.observation?.max_chars ?? 6000;

const observeStart = (spec: ShellSpec, reading: Reading): Observation => ({
  text: showStart(reading.work, reading.folder, limitOf(spec)),
  state: { cwd: brief(reading.folder), exitCode: null, changed: [] },
  stateHash: hashOf(reading, 'exit code: 0', ''),
});

const observeStep = (spec: ShellSpec, result: CommandResult, before: Reading, after: Reading): StepResult => {
  const changes = changesBetween(before, after);
  const error = errorOf(result, spec);
  const ending = error !== undefined && result.exitCode === null ? error.message : `exit code: ${result.exitCode}`;
  const complete = after.work.complete && after.home.complete;
  const observation: Observation = {
    text: showStep({ ...result, ending, folder: after.folder, changes, complete }, limitOf(spec)),
    state: { cwd: brief(after.folder), exitCode: result.exitCode, changed: listChanges(changes) },
    stateHash: hashOf(after, ending, result.output),
  };
  return error === undefined ? { observation } : { observation, error };
};

const changesBetween = (before: Reading, after: Reading): Change[] => [
  ...compareTrees(before.work, after.work),
  ...compareTrees(before.home, after.home).map((change) => ({ ...change, path: `~/${change.path}` })),
];

const errorOf = (result: CommandResult, spec: ShellSpec): StepError | undefined => {
  if (result.stopped === 'timeout')
    return { class: 'timeout', message: `The command was stopped after ${spec.step_timeout ?? STEP_TIMEOUT} seconds.` };
  if (result.stopped === 'output') return { class: 'failed', message: 'The command was stopped: it printed too much.' };
  if (result.exitCode === 0) return undefined;
  return { class: 'failed', message: `The command ended with exit code ${result.exitCode}.` };
};

const hashOf = (reading: Reading, ending: string, output: string): string => {
  const variables = reading.variables.replace(/^declare -\w+ (?:PWD|OLDPWD|SHLVL|_)(?:=.*)?$\n?/gm, '');
  const seen = [reading.work.hash, reading.home.hash, reading.folder, variables, ending, normalise(output)];
  return createHash('sha256').update(JSON.stringify(seen)).digest('hex');
};

/** A command that cannot be given to a program at all. */
const checkText = (action: Action): StepError | undefined =>
  String(action.arguments.command).includes('\0')
    ? { class: 'invalid', message: 'The command contains a zero byte, which no program can be given.' }
    : undefined;

const refuse = (spec: ShellSpec, last: Observation, error: StepError): StepResult => ({
  observation: {
    text: shorten(`The action was not run: ${error.message}`, limitOf(spec)),
    state: { ...last.state, changed: [] },
    stateHash: last.stateHash,
  },
  error,
});

/** The id inside. For root it is an unused id of the host, the same whenever the task is the same. */
const userOf = (task: SessionTask): number =>
  isRoot() ? 62_000 + (createHash('sha256').update(task.id).digest().readUInt32BE() % 2_000) : 1_000;

const notOpen = (): EnvironmentError =>
  new EnvironmentError('session-lost', 'The shell session is not open: it was closed, or never reset.');
