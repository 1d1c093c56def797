/** The contract between workflows and activities: what each activity takes and gives. One verb per file in activities/. */
import type { Ref, Usage } from './common.ts';
import type { EpisodeDraft } from './episode.ts';
import type {
  ActInput,
  ActResult,
  DatasetSummary,
  DecideInput,
  DecideResult,
  DocumentEntry,
  EpisodeEntry,
  ExportInput,
  FailedDocument,
  FailureClass,
  Flow,
  InstructResult,
  LeaseRequest,
  LeaseState,
  OpenInput,
  OpenResult,
  PipelineInput,
  QueryResult,
  RecalledAttempt,
  RelabelInput,
  RelabelResult,
  SessionPlace,
  TakenUp,
  TakeUpInput,
  TaskEntry,
  TransformInput,
  TransformResult,
  Verification,
  VoteInput,
  VoteResult,
} from './flow.ts';
import type { Trajectory } from './step.ts';

export interface Activities {
  /** Compiles the plan for the workflows and makes this worker poll the queues the plan needs. */
  prepare(input: PipelineInput): Promise<Flow>;
  /** Reads all sources into pages of the run; idempotent. */
  read(input: { plan: Ref; run: string }): Promise<{ pages: number; documents: number }>;
  /** One page of documents. */
  page(input: { run: string; page: number }): Promise<DocumentEntry[]>;
  instruct(input: { plan: Ref; document: DocumentEntry; again?: true }): Promise<InstructResult>;
  /** Takes new tasks into the run: duplicates go, attempts are spread, and tasks already finished under their identity come back done. */
  admit(input: {
    plan: Ref;
    run: string;
    batch: number;
    document: DocumentEntry | null;
    tasks: Ref | null;
    retry?: { class: FailureClass | null };
  }): Promise<{
    fresh: TaskEntry[];
    finished: EpisodeEntry[];
    duplicates: number;
  }>;
  /** Asks for a lease; whoever gets it hears so by a signal. Says how the lease stood then, or null when that could not be told. */
  lease(input: { name: string; checkSeconds: number; request: LeaseRequest }): Promise<LeaseState | null>;
  /** Which of these episodes are no longer running. */
  gone(input: { ids: string[] }): Promise<string[]>;
  open(input: OpenInput): Promise<OpenResult>;
  query(input: DecideInput): Promise<QueryResult>;
  decide(input: DecideInput): Promise<DecideResult>;
  act(input: ActInput): Promise<ActResult>;
  /** Scores what was reached, before the session is closed; a verifier that fails is an answer. */
  evaluate(input: SessionPlace): Promise<Verification>;
  close(input: SessionPlace): Promise<void>;
  /** Reads a trajectory that an earlier run has sealed under the same identity. */
  recall(input: { trajectory: Ref }): Promise<RecalledAttempt>;
  /** Seals the trajectory under the identity of the attempt: its record names the head. */
  seal(input: {
    plan: Ref;
    trajectory: Omit<Trajectory, 'usage'>;
    finish: Ref | null;
    usage: Usage;
    again?: number;
  }): Promise<Ref>;
  relabel(input: RelabelInput): Promise<RelabelResult>;
  vote(input: VoteInput): Promise<VoteResult>;
  /** Keeps the episode's record under its identity. */
  conclude(input: { plan: Ref; record: EpisodeDraft; again?: number }): Promise<Ref>;
  /** Seals one manifest page of the run. */
  record(input: { run: string; page: number; entries: EpisodeEntry[] }): Promise<void>;
  /** Seals one page of documents that gave no tasks because something failed. */
  recordFailed(input: { run: string; page: number; documents: FailedDocument[] }): Promise<void>;
  /** Takes the failed items of a class out of a page of the run, to be tried again; the same request gets the same items. */
  takeUp(input: TakeUpInput): Promise<TakenUp>;
  /** Which of these episodes are no longer running, and what the store knows of them. */
  inspect(input: {
    plan: Ref;
    episodes: { id: string; task: TaskEntry }[];
  }): Promise<{ id: string; entry: EpisodeEntry }[]>;
  /** Counts the stored votes under the rule, drops near-duplicates, splits by document: the dataset's rows. */
  tally(input: { plan: Ref; run: string; pages: number }): Promise<DatasetSummary>;
  index(input: { plan: Ref; run: string; rows: Ref }): Promise<{ folder: string }>;
  /** Writes the dataset's folder. */
  export(input: ExportInput): Promise<Pick<DatasetSummary, 'folder' | 'files'>>;
  /** Gives a stage of the user's own what it works on, and keeps what it made of it. */
  transform(input: TransformInput): Promise<TransformResult>;
  /** Writes the run's summary page, the last thing a run does. */
  finish(input: { run: string; summary: unknown }): Promise<void>;
}
