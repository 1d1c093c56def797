/** The public API of the package: the shapes of everything that a run makes, and the errors it throws. */
export { EnvironmentError, type ErrorKind, LbiError, ModelError, StoreError } from './core/errors.ts';
export type {
  EnvironmentDriver,
  Finding,
  Session,
  SessionContext,
  SessionTask,
  StepResult,
} from './environments/environment.ts';
export type { Embedder, Model, ModelContext, ModelReply, ModelRequest } from './models/model.ts';
export type { Row, RowStep } from './schemas/dataset.ts';
export type { Document } from './schemas/document.ts';
export type { Episode } from './schemas/episode.ts';
export type { Example, Style, Window } from './schemas/example.ts';
export type { Action, ActionDefinition, Observation } from './schemas/observation.ts';
export type { Outcome, Step, Trajectory } from './schemas/step.ts';
export type { Task } from './schemas/task.ts';
export type { AcceptRule, Verdict, Vote } from './schemas/vote.ts';
export type { Store } from './store/store.ts';
