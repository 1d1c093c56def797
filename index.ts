/** The public API of the package: reading a pipeline file into a plan, the shapes of everything a run makes, and the errors it throws. */
export { EnvironmentError, type ErrorKind, LbiError, ModelError, StoreError } from './core/errors.ts';
export { makePlan } from './core/plan.ts';
export { withDefaults } from './core/spec/defaults.ts';
export type { Files } from './core/spec/extend.ts';
export { type Loaded, loadSpec, type SpecInput } from './core/spec/load.ts';
export type { Problem } from './core/spec/problem.ts';
export type {
  EnvironmentDriver,
  Evaluation,
  Finding,
  Session,
  SessionContext,
  SessionTask,
  StepResult,
} from './environments/environment.ts';
export type { Embedder, Model, ModelContext, ModelReply, ModelRequest } from './models/model.ts';
export type { DatasetFacts, Row, RowStep } from './schemas/dataset.ts';
export type { Document } from './schemas/document.ts';
export type { Episode } from './schemas/episode.ts';
export type { Example, Style, Window } from './schemas/example.ts';
export type { Funnel, Progress } from './schemas/flow.ts';
export type { Action, ActionDefinition, Observation } from './schemas/observation.ts';
export type { FullSpec, PipelineSpec } from './schemas/pipeline/pipeline.ts';
export type { Plan } from './schemas/plan.ts';
export type { Outcome, Step, Trajectory } from './schemas/step.ts';
export type { Task } from './schemas/task.ts';
export type { AcceptRule, Committee, PassRule, Verdict, Vote } from './schemas/vote.ts';
export type { Store } from './store/store.ts';
