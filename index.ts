/** The public API of the package: modules of one's own, reading a pipeline file into a plan, the shapes of everything a run makes, its errors. */

export { Type } from 'typebox';
export {
  defineStage,
  type FilesContext,
  type FilesStage,
  type OwnStage,
  type PassingStage,
  type StageContext,
  type StageDefinition,
  type StageExample,
  type StageModel,
  type StageQuestion,
  type StageStep,
  type StageTask,
  type StageTaskItem,
  type StageTrajectory,
} from './activities/own-stage.ts';
export { EnvironmentError, type ErrorKind, LbiError, ModelError, StoreError } from './core/errors.ts';
export { makePlan } from './core/plan.ts';
export { withDefaults } from './core/spec/defaults.ts';
export type { Files } from './core/spec/extend.ts';
export { type Loaded, loadSpec, modulesOf, type SpecInput } from './core/spec/load.ts';
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
export {
  defineEnvironment,
  type EnvironmentDefinition,
  type OwnEnvironment,
  type OwnEnvironmentParameters,
  type OwnObservation,
  type OwnSession,
  type OwnStepResult,
} from './environments/own.ts';
export type { Embedder, Model, ModelContext, ModelReply, ModelRequest } from './models/model.ts';
export {
  defineModel,
  type ModelDefinition,
  type OwnModel,
  type OwnModelContext,
  type OwnModelParameters,
  type OwnModelSession,
  type OwnReply,
} from './models/own.ts';
export type { DatasetFacts, Row, RowStep } from './schemas/dataset.ts';
export type { Document } from './schemas/document.ts';
export type { Episode } from './schemas/episode.ts';
export type { Example, Style, Window } from './schemas/example.ts';
export type { Funnel, Progress } from './schemas/flow.ts';
export type { Action, ActionDefinition, Observation } from './schemas/observation.ts';
export { choice, type Full, flag, list, number, record, section, text, whole } from './schemas/pipeline/key.ts';
export type { FullSpec, PipelineSpec } from './schemas/pipeline/pipeline.ts';
export type { Plan } from './schemas/plan.ts';
export type { Outcome, Step, Trajectory } from './schemas/step.ts';
export type { Task } from './schemas/task.ts';
export type { AcceptRule, Committee, PassRule, Verdict, Vote } from './schemas/vote.ts';
export type { Store } from './store/store.ts';
