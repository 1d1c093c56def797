/** Stages of the user's own: what each kind is given, what it gives back, and how a module says so. */
import type { TObject, TProperties } from 'typebox';
import type { ModelReply, ModelRequest } from '../models/model.ts';
import type { JsonObject, Ref } from '../schemas/common.ts';
import type { Row } from '../schemas/dataset.ts';
import type { Document } from '../schemas/document.ts';
import type { Style } from '../schemas/example.ts';
import type { StageItems } from '../schemas/own-module.ts';
import type { Full } from '../schemas/pipeline/key.ts';
import type { Outcome } from '../schemas/step.ts';

export interface StageTask {
  instruction: string;
}

/** A task with the document that it was invented from. */
export interface StageTaskItem extends StageTask {
  document: Document;
}

export interface StageStep {
  reason: string;
  action: { name: string; arguments: Record<string, unknown> };
  /** what was seen after the action */
  observation: string;
  /** why the action failed */
  error?: string;
}

export interface StageTrajectory {
  task: { id: string; instruction: string };
  outcome: Outcome;
  /** how it ended, in a sentence */
  detail: string;
  /** the observation before the first action */
  first: string;
  steps: StageStep[];
}

export interface StageExample {
  readonly id: string;
  instruction: string;
  style: Style;
  task: { id: string; instruction: string };
  first: string;
  steps: StageStep[];
}

/** What a stage is given, by what it takes. */
export interface StageTakes {
  documents: Document;
  tasks: StageTaskItem;
  trajectories: StageTrajectory;
  examples: StageExample;
  kept: Row;
}

/** What may come back of it: documents and tasks can be others, examples may have another instruction, the rest can only be fewer. */
interface StageReturns {
  documents: Document;
  tasks: StageTask;
  trajectories: StageTrajectory;
  examples: StageExample;
  kept: Row;
}

/** A question to a model of the pipeline. An equal one is asked, and paid for, once. */
export type StageQuestion = Pick<ModelRequest, 'schema'> &
  Partial<ModelRequest> & {
    /** What to ask, where there is no need for `messages`. */
    user?: string;
  };

export interface StageModel {
  /** A refusal, a cut-off and an unreadable reply are results: see `stop`. */
  complete(question: StageQuestion): Promise<ModelReply>;
}

/** What a stage is given besides its items. */
export interface StageContext<P extends TProperties> {
  parameters: Full<TObject<P>>;
  /** A model of the pipeline by its name, which must be the value of a key with `names: 'model'`. */
  model(name: string): StageModel;
  /** Says why an item is left out; without a word it is the stage's name. Gives false, so that `items.filter(…)` can return it. */
  drop(item: object, reason: string): false;
  /** Keeps bytes or text in the store of the run. */
  put(content: Uint8Array | string): Promise<Ref>;
  get(ref: Ref): Promise<Uint8Array>;
  /** Writes a line into the worker's log. */
  log(line: string): void;
  /** Aborted when the time is up or the run is cancelled. */
  signal: AbortSignal;
  /** The same for the same items in every run. */
  seed: number;
}

export interface FilesContext<P extends TProperties> extends StageContext<P> {
  /** An empty folder to write into: it is put in its place when the stage has ended. */
  folder: string;
  run: string;
  pipeline: string;
}

interface Said<P extends TProperties> {
  /** What accounts, counts and messages call it; left out, the name of the file. */
  name?: string;
  /** Raise it when the same items and parameters give something else. */
  version: string;
  /** Its keys in the pipeline file, made with `text`, `whole`, `list` … */
  schema: P;
}

/** A stage that passes on what it takes: fewer of it, or otherwise, as its kind allows. */
export interface PassingStage<P extends TProperties, K extends StageItems> extends Said<P> {
  takes: K;
  gives: NoInfer<K>;
  run(items: StageTakes[K][], context: StageContext<P>): Promise<StageReturns[K][]> | StageReturns[K][];
}

/** A stage that writes files of what was kept. */
export interface FilesStage<P extends TProperties> extends Said<P> {
  takes: 'kept';
  gives: 'files';
  run(rows: AsyncIterable<Row>, context: FilesContext<P>): Promise<void> | void;
}

export type StageDefinition<P extends TProperties = TProperties> =
  | { [K in StageItems]: PassingStage<P, K> }[StageItems]
  | FilesStage<P>;

export interface OwnStage {
  readonly made: 'learn-by-interact/stage';
  readonly definition: StageDefinition;
}

/** One call of a stage, as whoever lets it work is told of it. */
export interface StageCall {
  /** what messages call the stage */
  name: string;
  /** what it is to do, in words */
  what: string;
  seconds: number;
  signal: AbortSignal;
  parameters: JsonObject;
  /** the models that the parameters name */
  models: string[];
  seed: number;
  /** what it works on; the kept examples come one by one from the host when it writes files */
  items: object[];
  files?: { folder: string; run: string; pipeline: string };
}

/** What a stage can ask for while it works. */
export interface StageHost {
  complete(model: string, question: StageQuestion): Promise<ModelReply>;
  put(content: Uint8Array | string): Promise<Ref>;
  get(ref: Ref): Promise<Uint8Array>;
  log(line: string): void;
  /** The kept example at that place; undefined after the last. */
  row(index: number): Promise<Row | undefined>;
}

export interface StageOutcome {
  returned: unknown[];
  /** why items were left out, for those of which it was said */
  reasons: string[];
}

/**
 * Lets a stage work where it can neither hold up nor end the worker. Throws `module` for what the stage threw, or when its time is
 * up; `transient` when it was stopped for another's sake.
 */
export interface StageRunner {
  run(call: StageCall, host: StageHost): Promise<StageOutcome>;
}

/** A stage of one's own: `export default defineStage({ … })`, named in the pipeline as `uses: ./my-stage.ts`. */
export function defineStage<const P extends TProperties>(definition: FilesStage<P>): OwnStage;
export function defineStage<const P extends TProperties, const K extends StageItems>(
  definition: PassingStage<P, K>,
): OwnStage;
export function defineStage(definition: object): OwnStage {
  return { made: 'learn-by-interact/stage', definition: definition as StageDefinition };
}
