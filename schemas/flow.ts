/**
 * What travels between workflows and activities: types only, so that nothing of a schema library enters the workflow bundle.
 * Everything large is a `Ref`; a person reading a history sees names, counts and one-line titles.
 */

import type { Ref, Usage } from './common.ts';
import type { Candidate } from './episode.ts';
import type { Style, Window } from './example.ts';
import type { Outcome } from './step.ts';
import type { StepFacts } from './step-facts.ts';
import type { AcceptRule } from './vote.ts';

/** The stages that ask models. */
export type PaidStage = 'instruct' | 'interact' | 'construct' | 'filter';

/** How long one try may take, and how often and at what distance a call is tried. All times in seconds. */
export interface CallPatience {
  seconds: number;
  attempts: number;
  firstWait: number;
  longestWait: number;
}

/** `rate` and `after` are null when no share of failures ends the run. */
export interface FailureRule {
  stop: boolean;
  rate: number | null;
  after: number;
}

/** What each stage may spend in a run, where it is capped: `interactUsd`, `filterTokens`. Flat, so that one can be raised alone. */
export type StageCaps = Partial<Record<`${PaidStage}${'Usd' | 'Tokens'}`, number>>;

/** Caps raised by `lbi resume`; what is left out stays. */
export interface BudgetChange extends StageCaps {
  budgetUsd?: number;
  budgetTokens?: number;
  budgetHours?: number;
}

/** Lanes made wider or narrower by `lbi tune`; what is left out stays. */
export interface LaneChange {
  concurrency?: number;
  ahead?: number;
}

/** Whose failure it was (core/failure-class.ts). */
export type FailureClass = 'infrastructure' | 'model' | 'agent' | 'judge' | 'spec';
export type FailureCounts = Partial<Record<FailureClass, number>>;

/** `lbi retry`: failed items are taken up again, all of them or those of one class. */
export interface RetryRequest {
  id: string;
  class: FailureClass | null;
}

/** A retry at work: which page of the run is looked through next. */
export interface RetryWork extends RetryRequest {
  of: 'documents' | 'episodes';
  page: number;
  /** pages that were there when it was asked for */
  documentPages: number;
  episodePages: number;
}

/** How a person steers a run that is going on; carried over continue-as-new. */
export interface Steering {
  /** since when it is paused, in milliseconds since the epoch; null while it goes on */
  pausedAt: number | null;
  retries: RetryWork[];
  /** requests that were heard, so that one is not carried out twice; the newest few */
  heard: string[];
}

/** Seconds until what is blocked is tried again by itself: the first time, and at most. */
export interface ProbeTiming {
  first: number;
  longest: number;
}

/** The compiled part of a plan that workflows branch on. Made once by the activity `prepare`, handed to every episode. */
export interface Flow extends StageCaps {
  pipeline: string;
  run: string;
  plan: Ref;
  seed: number;
  queues: {
    instruct: string;
    decide: string;
    query: string | null;
    relabel: string;
    /** the committee in its order; a run that began before votes had voters knows its members by name alone */
    votes: { member: string; queue: string; voter?: string; weight?: number; optional?: boolean }[];
    environment: string;
    /** polled where the run was started: what reads or writes files there is done there; the main queue when left out */
    files?: string;
  };
  /** stage/model under which usage is counted: "interact/actor" */
  accounts: { instruct: string; decide: string; query: string; relabel: string };
  interact: {
    environment: string;
    maxSteps: number;
    stuckAfter: number;
    /** true when the place scores what was reached */
    verify?: true;
    /** what has to be held while a session of the place is open */
    lease?: { name: string; slots: number };
    /** what a run may spend on the actions of one task; left out where it is not capped */
    taskBudget?: { usd?: number; tokens?: number };
  };
  construct: {
    styles: Style[];
    maxWindows: number;
    maxWindowSteps: number;
    /** windows in work at once; left out or null, all */
    concurrency?: number | null;
  } | null;
  filter: {
    dropRepeated: boolean;
    drop_failed: boolean;
    drop_unchanged: boolean;
    accept: AcceptRule;
    /** outcomes of the trajectories that are used; all when left out */
    outcomes?: Outcome[];
    minScore?: number;
    steps?: { min?: number; max?: number };
    /** true when members are asked one by one until the verdict stands */
    untilDecided?: true;
  } | null;
  index: boolean;
  export: boolean;
  /** stages of the user's own, by what they work on; left out where there are none */
  own?: OwnFlow;
  /** true when bookkeeping is done by the worker that carries the workflow on; runs of earlier versions queue it */
  local?: true;
  /** episodes in flight at once */
  concurrency: number;
  /** documents whose tasks are asked for ahead of the episodes */
  ahead: number;
  budgetUsd: number | null;
  /** caps besides money; left out by runs of earlier versions, as is `calls` */
  budgetTokens?: number | null;
  budgetHours?: number | null;
  /** how patiently each stage calls its models */
  calls?: Record<PaidStage, CallPatience>;
  /** when failures end the run */
  failures?: Record<'instruct' | 'interact', FailureRule>;
  timing: {
    lostAfterSeconds: number;
    heartbeatSeconds: number;
    modelSeconds: number;
    stepSeconds: number;
    /** seconds between two looks after episodes that ended without a word */
    sweepSeconds: number;
    /** events of history after which a run continues as new; null leaves it to the server's advice */
    historyEvents: number | null;
  };
}

/** A stage of the user's own as workflows call it. */
export interface OwnCall {
  /** its place in the spec's stages */
  stage: number;
  name: string;
  /** most items of one call */
  batch: number;
  seconds: number;
  /** the queue of the model it asks, so that the provider's limits hold; null for the main one */
  queue: string | null;
}
export interface OwnFlow {
  documents: OwnCall[];
  tasks: OwnCall[];
  trajectories: OwnCall[];
  examples: OwnCall[];
  kept: OwnCall[];
  files: OwnCall[];
}

export interface PipelineInput {
  pipeline: string;
  run: string;
  plan: Ref;
  /** when blocked work is tried again without being asked to; runs that began under an earlier version have none */
  probe?: ProbeTiming;
  /** set where the run takes up again what failed in earlier runs of the same plan: of one class, or all */
  retry?: { class: FailureClass | null };
  /** the folder of runs (`.lbi`) that it was started in; left out by runs of earlier versions */
  tree?: string;
  /** set when the run was continued as new */
  carried?: Carried;
}

export interface DocumentEntry {
  ref: Ref;
  id: string;
  title: string;
}

/** A document that gave no tasks because the call failed or its reply could not be read. */
export interface FailedDocument {
  document: DocumentEntry;
  class: FailureClass;
  /** the kind of house error, or `unreadable` */
  kind: string;
  detail: string;
  at: number;
}

export interface TaskEntry {
  ref: Ref;
  id: string;
  /** the instruction, shortened for people */
  title: string;
  /** its trajectory, when it was sealed under the same identity before */
  attempt?: Ref;
  /** above 0, the results stored under lower numbers are failures that are made anew: part of the identity of its results */
  again?: number;
  /** true when stored replies that cannot be read are asked anew */
  anew?: true;
  /** times that it was taken up again in this run: part of its workflow id */
  tries?: number;
  /** what stands if taking it up again comes to nothing */
  before?: EpisodeEntry;
}

/** A sealed trajectory as its episode goes on from it. */
export interface RecalledAttempt {
  trajectory: Ref;
  head: Ref;
  initialState: string;
  facts: StepFacts[];
  outcome: Outcome;
  detail: string;
  /** what the place said of its end, where it was asked */
  verification?: Verification;
}

/** What an episode reports to its run: a page of these is a manifest. */
export interface EpisodeEntry {
  task: Ref;
  id: string;
  title: string;
  /** the record, or null when the episode failed before there was one */
  record: Ref | null;
  outcome: Outcome;
  detail: string;
  steps: number;
  windows: number;
  voted: number;
  kept: number;
  unreadable: number;
  dropped: Record<string, number>;
  usage: Record<string, Usage>;
  /** true when nothing had to run: the record was found under its identity */
  reused: boolean;
  /** true when the trajectory was there already and only its windows were worked on */
  recalled: boolean;
  /** what failed in it, by class; left out where nothing did */
  failures?: FailureCounts;
  /** the kind of error behind a missing record */
  kind?: string;
  /** when it ended; left out where it was reused */
  endedAt?: number;
  again?: number;
  tries?: number;
}

/** The funnel of a run: how many of what went in and came out of every stage. */
export interface Funnel {
  documents: number;
  documentsTotal: number;
  /** documents whose tasks could not be asked for */
  documentsFailed?: number;
  tasks: number;
  taskDuplicates: number;
  episodes: number;
  episodesReused: number;
  /** trajectories that were there already, in episodes that had more to do */
  attemptsRecalled: number;
  outcomes: Record<string, number>;
  steps: number;
  windows: number;
  dropped: Record<string, number>;
  voted: number;
  kept: number;
  unreadable: number;
  /** failed items by class; left out by runs of earlier versions */
  failures?: FailureCounts;
  /** items that were taken up again after they had failed */
  retried?: number;
}

/** State that a run carries over continue-as-new. */
export interface Carried {
  flow: Flow;
  pages: number;
  /** the next document: page and index within it */
  cursor: { page: number; index: number };
  batch: number;
  waiting: TaskEntry[];
  inFlight: { id: string; task: TaskEntry }[];
  manifestPages: number;
  buffer: EpisodeEntry[];
  funnel: Funnel;
  usage: Record<string, Usage>;
  startedAt: number;
  firstKeptAt: number | null;
  /** what needs a person, by workflow id */
  blocked: Record<string, string>;
  /** pages of documents that own stages have passed on, and are counted so */
  passedPages?: number;
  steering?: Steering;
  /** failed documents that are not in a page yet, and how many pages there are */
  failedDocuments?: FailedDocument[];
  failedPages?: number;
  /** documents that are asked again */
  documentsAgain?: DocumentEntry[];
  /** by reason: since when, and how often it was tried again */
  blocks?: Record<string, { since: number; tries: number }>;
}

/** Work that waits for a person, by its reason. */
export interface Wait {
  on: string;
  /** workflows that wait for it */
  count: number;
  since: number;
  /** when it is tried again by itself, or null where it is not */
  next: number | null;
}

export type Phase = 'reading' | 'running' | 'finishing' | 'done' | 'cancelled' | 'failed';

/** Answer of the query `progress`: what a person wants to know of a run, at any moment. */
export interface Progress {
  phase: Phase;
  funnel: Funnel;
  usage: Record<string, Usage>;
  inFlight: number;
  waiting: number;
  /** what needs a person, by workflow id; the first hundred */
  blocked: Record<string, string>;
  /** the same by reason, all of them */
  waits?: Wait[];
  pausedAt?: number | null;
  /** episodes in flight at most */
  concurrency?: number;
  /** documents asked ahead at most */
  ahead?: number;
  /** retries that are still being looked through */
  retrying?: RetryRequest[];
  startedAt: number;
  /** null while the run goes on */
  endedAt: number | null;
  firstKeptAt: number | null;
  dataset: DatasetSummary | null;
  recent: string[];
}

/** Results of the last stages. */
export interface DatasetSummary {
  /** the list of the kept examples; index and export make rows of it (activities/rows.ts) */
  rows: Ref;
  kept: number;
  /** examples dropped at the end, by reason; the vote's reasons included */
  dropped: Record<string, number>;
  train: number;
  validation: number;
  test: number;
  /** votes that were never cast, by member and reason */
  absent?: Record<string, number>;
  /** what `expect:` of the filter did not find as expected, in words */
  unexpected?: string[];
  index: string | null;
  folder: string | null;
  /** the dataset's files; a folder of one file per example is one entry, its sum that of its lines in the checksums */
  files: { path: string; sha256: string; rows: number }[];
  /** what stages of the user's own wrote, by the stage's name */
  own?: { name: string; folder: string; files: { path: string; sha256: string; rows: number }[] }[];
}

export interface EpisodeInput {
  flow: Flow;
  task: TaskEntry;
  /** workflow id of the run that waits for this episode */
  parent: string;
  /** true when it begins while its run is paused */
  paused?: true;
  /** set when the episode was continued as new */
  carried?: EpisodeCarried;
}

/** What an episode carries over continue-as-new: references and counts, never what grows with its length. */
export interface EpisodeCarried {
  usage: Record<string, Usage>;
  session: SessionCarried;
  /** while it walks: what was walked so far */
  walk?: WalkSoFar;
  /** once the trajectory is sealed: what was made of it so far; `done` counts the pairs of window and style that were worked on */
  construct?: { trajectory: Ref; unreadable: number; done: number; harvest: Harvest | null };
}

/** The session as an episode hands it to the execution that goes on. */
export interface SessionCarried {
  /** sessions opened so far, which numbers them */
  opened: number;
  /** of them in a row without an action done */
  lost: number;
  place: SessionPlace | null;
}

/** What a walk goes on from (core/walk.ts). */
export interface WalkSoFar {
  head: Ref;
  initialState: string;
  /** number of actions */
  steps: number;
  unreadable: number;
  usage: Usage;
  /** of each time that it began anew: after which action the place answered otherwise than before */
  diverged: number[];
  /** of the last actions, as many as the rule for going nowhere looks at */
  recent: StepFacts[];
}

/** What was made of a trajectory. */
export interface Harvest {
  windows: number;
  dropped: Record<string, number>;
  candidates: Candidate[];
  voted: number;
  kept: number;
  unreadable: number;
  /** what was kept, in words, for the live page */
  titles: string[];
}

/** Where a session lives: `queue` is polled by the one worker process that holds it. */
export interface SessionPlace {
  session: string;
  queue: string;
  /** the lease that it works under */
  lease?: LeaseHeld;
}

/** A lease as its holder knows it. Every session has an epoch of its own, higher than all before: what carries a lower one is out of date. */
export interface LeaseHeld {
  name: string;
  epoch: number;
}

/** What an episode asks of a lease. `ticket` numbers its sessions: the same again is the same request. */
export interface LeaseRequest {
  holder: string;
  ticket: number;
  /** holders at once; of several requests the smallest number counts */
  slots: number;
}

/** A lease as it stands: who holds it, who waits, in the order of their turn. Times in milliseconds since the epoch. */
export interface LeaseState {
  name: string;
  holders: (LeaseRequest & { epoch: number; since: number })[];
  waiting: (LeaseRequest & { since: number })[];
  /** the highest epoch that was given */
  epoch: number;
  /** seconds between two looks whether its holders are still there */
  checkSeconds: number;
}

export interface OpenInput {
  plan: Ref;
  environment: string;
  task: Ref;
  session: string;
  /** head to rebuild by replay, or null for a fresh start */
  head: Ref | null;
  /** the lease that the session works under */
  lease?: LeaseHeld;
}
export interface OpenResult extends SessionPlace {
  head: Ref;
  /** state hash of the first observation */
  state: string;
  /** set when the replay did not lead to the same states: the step at which it parted; the head is then a fresh start */
  diverged: number | null;
}

export interface TakeUpInput extends RetryRequest {
  plan: Ref;
  run: string;
  of: RetryWork['of'];
  page: number;
}
/** What is tried again: documents, or tasks together with the entries that count no longer. */
export interface TakenUp {
  documents: FailedDocument[];
  episodes: { task: TaskEntry; entry: EpisodeEntry }[];
}

export interface ModelResult {
  usage: Usage;
  /** false when the reply was a refusal, cut off or unreadable; `detail` says which */
  readable: boolean;
  detail: string;
}
export interface InstructResult extends ModelResult {
  tasks: Ref | null;
  count: number;
}
export interface QueryResult extends ModelResult {
  query: Ref | null;
}
export interface DecideInput {
  plan: Ref;
  task: Ref;
  head: Ref;
  query: Ref | null;
  /** raised when an unreadable reply is asked again */
  retry: number;
  /** true when a stored reply that cannot be read is asked anew */
  again?: true;
}
export interface DecideResult extends ModelResult {
  decision: Ref;
  kind: 'act' | 'finish' | 'unreadable';
  /** the action in words, for the next activity's line */
  title: string;
}
export interface ActInput extends SessionPlace {
  head: Ref;
  decision: Ref;
}
export interface ActResult {
  head: Ref;
  facts: StepFacts;
  /** what went wrong with the action, in words; empty when it worked */
  error: string;
}
/** What the place says of the end of a trajectory: `score` is null when it could not be verified, and `detail` then says why. */
export interface Verification {
  score: number | null;
  detail: string;
}
export interface RelabelInput {
  plan: Ref;
  task: Ref;
  head: Ref;
  window: Window;
  style: Style;
  again?: true;
}
export interface RelabelResult extends ModelResult {
  example: Ref | null;
  title: string;
}
export interface VoteInput {
  plan: Ref;
  example: Ref;
  member: string;
  again?: true;
}
export interface VoteResult extends ModelResult {
  vote: Ref;
  yes: boolean;
  confidence: number | null;
  title: string;
}

/** What a stage of the user's own is given at once. */
export type TransformInput = { plan: Ref; run: string; stage: number } & (
  | { documents: DocumentEntry[] }
  | { tasks: Ref; document: DocumentEntry }
  | { trajectory: { task: Ref; head: Ref; outcome: Outcome; detail: string } }
  | { examples: Ref[] }
  | { rows: Ref }
);
/** What came of it: the part that belongs to what was given. */
export interface TransformResult {
  documents?: DocumentEntry[];
  tasks?: { ref: Ref | null; count: number };
  trajectory?: boolean;
  /** the example that stands in place of each, or null where it was left out */
  examples?: (Ref | null)[];
  rows?: { ref: Ref; kept: number; train: number; test: number };
  files?: { folder: string; files: DatasetSummary['files'] };
  /** how many were left out, by reason */
  dropped: Record<string, number>;
  /** by account: "my-stage/writer" */
  usage: Record<string, Usage>;
}

export interface ExportInput {
  plan: Ref;
  run: string;
  summary: DatasetSummary;
  funnel: Funnel;
  usage: Record<string, Usage>;
}
