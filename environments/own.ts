/** Places of the user's own: what a module has to give, and the guard that makes the whole contract of it. */
import { createHash } from 'node:crypto';
import type { TObject, TProperties } from 'typebox';
import { canonical } from '../core/canonical.ts';
import { EnvironmentError } from '../core/errors.ts';
import { bounded, ownMistake } from '../core/own-mistake.ts';
import type { JsonObject } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { Action, ActionDefinition, Observation, StepError } from '../schemas/observation.ts';
import type { FullOwnEnvironment } from '../schemas/pipeline/environment.ts';
import type { Full } from '../schemas/pipeline/key.ts';
import { checkAction } from './check-action.ts';
import type {
  EnvironmentDriver,
  Evaluation,
  Finding,
  Session,
  SessionContext,
  SessionTask,
  StepResult,
} from './environment.ts';
import { memoryJournal } from './journal.ts';

/** What is seen. Without `stateHash`, two observations are of the same state when `state` (or, without one, `text`) is equal. */
export type OwnObservation = Pick<Observation, 'text'> & Partial<Omit<Observation, 'text'>>;

export interface OwnStepResult {
  observation: OwnObservation;
  /** Set when the action failed: that is an observation too. */
  error?: StepError;
}

/** A place while an episode holds it. Steps come one after another, and each is carried out once. */
export interface OwnSession {
  readonly actions: ActionDefinition[];
  /** The place as at the beginning, whatever was done to it. */
  reset(task: SessionTask): Promise<OwnObservation> | OwnObservation;
  /** `action` fits its definition. Throws only when the place itself is broken. */
  step(action: Action): Promise<OwnStepResult> | OwnStepResult;
  /** Scores the place as it is and leaves it so; with a key `verify` in the schema, asked once at the end where the pipeline sets it. */
  evaluate?(): Promise<Evaluation> | Evaluation;
  close?(): Promise<void> | void;
}

/** The parameters that `open` is given: those of the module's schema, and those that every place has. */
export type OwnEnvironmentParameters<P extends TProperties> = Full<TObject<P>> & Omit<FullOwnEnvironment, 'kind'>;

export interface EnvironmentDefinition<P extends TProperties = TProperties> {
  name?: string;
  /** Raise it when the same actions show something else: part of the identity of every trajectory. */
  version: string;
  /** What the place is, in words, for the writer of tasks and the agent; `about` of the pipeline comes first. */
  about?: string;
  /** Its keys in the pipeline file, made with `text`, `whole`, `list` … */
  schema: P;
  /** True when nothing of it is real: all output is then labelled. */
  scripted?: boolean;
  /** Documentation that the place brings itself, for `sources: [{ environment: … }]`; always the same for the same parameters. */
  docs?(parameters: OwnEnvironmentParameters<P>, context: SessionContext): AsyncIterable<Document>;
  doctor?(parameters: OwnEnvironmentParameters<P>): Promise<Finding[]>;
  open(parameters: OwnEnvironmentParameters<P>, context: SessionContext): Promise<OwnSession> | OwnSession;
}

export interface OwnEnvironment<P extends TProperties = TProperties>
  extends EnvironmentDriver<OwnEnvironmentParameters<P>> {
  readonly made: 'learn-by-interact/environment';
  readonly definition: EnvironmentDefinition<P>;
}

/** A place of one's own: `export default defineEnvironment({ … })`, named in the pipeline as `kind: ./my-place.ts`. */
export const defineEnvironment = <const P extends TProperties>(
  definition: EnvironmentDefinition<P>,
): OwnEnvironment<P> => ({
  made: 'learn-by-interact/environment',
  definition,
  kind: definition.name ?? 'own',
  version: definition.version,
  doctor: async (parameters) => (await definition.doctor?.(parameters)) ?? [],
  open: async (parameters, context) => guarded(definition, parameters, context),
  ...(definition.docs === undefined ? {} : { docs: definition.docs }),
});

const alarm = (seconds: number, ring: () => void): (() => void) => {
  const timer = setTimeout(ring, seconds * 1000);
  return () => clearTimeout(timer);
};

/** Seconds that opening and closing may take. */
const openSeconds = 120;
const closeSeconds = 30;

/** Steps are journalled and checked, observations held to the limit, and nothing waits for ever. */
async function guarded<P extends TProperties>(
  definition: EnvironmentDefinition<P>,
  parameters: OwnEnvironmentParameters<P>,
  context: SessionContext,
): Promise<Session> {
  const name = `the environment ${definition.name ?? ''}`.trim();
  const within = <T>(what: string, seconds: number, work: () => Promise<T> | T): Promise<T> =>
    bounded({ name, what, seconds, alarm, signal: context.signal }, work);
  const inner = await within('opening', openSeconds, () => definition.open(parameters, context));
  const { step_timeout: stepSeconds, observation } = parameters as FullOwnEnvironment;
  const see = (seen: OwnObservation): Observation => observed(name, seen, observation.max_chars);
  const journal = memoryJournal();
  let last: Observation | undefined;
  let closing: Promise<void> | undefined;
  const open = (): Observation | undefined => {
    if (closing !== undefined) throw lost(name);
    return last;
  };
  const act = async (action: Action, before: Observation): Promise<StepResult> => {
    const invalid = checkAction(inner.actions, action);
    if (invalid !== undefined) return { observation: before, error: invalid };
    const { observation: seen, error } = await within('a step', stepSeconds, () => inner.step(action));
    last = see(seen);
    return { observation: last, ...(error === undefined ? {} : { error }) };
  };
  return {
    actions: inner.actions,
    reset: async (task) => {
      open();
      await journal.clear();
      last = see(await within('the reset', openSeconds, () => inner.reset(task)));
      return last;
    },
    step: async (action, index) => {
      const before = open();
      if (before === undefined) throw lost(name);
      return journal.once(index, { name: action.name, arguments: action.arguments }, () => act(action, last ?? before));
    },
    ...(inner.evaluate === undefined
      ? {}
      : {
          evaluate: async () => {
            open();
            const score = within('the evaluation', stepSeconds, async () => inner.evaluate?.());
            const given = await score.catch((error: unknown) => notScored(name, error));
            if (typeof given?.score === 'number' && given.score >= 0 && given.score <= 1) return given;
            return notScored(name, new Error('expected { score: 0 to 1, detail: … }'));
          },
        }),
    close: () => {
      closing ??= within('closing', closeSeconds, async () => inner.close?.());
      return closing;
    },
  };
}

const lost = (name: string): EnvironmentError =>
  new EnvironmentError('session-lost', `The session of ${name} is not open: it was closed, or never reset.`);

/** A verifier that fails gives no score, and does not end the session. */
const notScored = (name: string, error: unknown): never => {
  throw new EnvironmentError('fatal', ownMistake(name, error).message, { cause: error });
};

/** The observation as the house keeps it: plain data, within the limit, with a hash of its state. */
function observed(name: string, seen: OwnObservation, maxChars: number): Observation {
  if (typeof seen?.text !== 'string' || seen.text === '')
    throw new EnvironmentError(
      'fatal',
      `${name} gave an observation without a text: expected { text: '…', state: { … } }`,
    );
  const text = clipped(seen.text, maxChars).toWellFormed();
  const state: JsonObject = seen.state ?? {};
  const known = seen.state === undefined ? seen.text : canonical(state);
  const plain: unknown = JSON.parse(JSON.stringify({ ...seen, text, state, stateHash: seen.stateHash ?? hash(known) }));
  return plain as Observation;
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

const clipped = (text: string, max: number): string => {
  if (text.length <= max) return text;
  const note = `\n… ${text.length - max} characters more`;
  return `${text.slice(0, Math.max(0, max - note.length))}${note}`.slice(0, max);
};
