/** Compiles the plan into what workflows branch on, and makes this worker poll the queues that the plan needs. */
import { seatsOf } from '../core/committee.ts';
import { modelsNamedBy, ownStages } from '../core/own.ts';
import type {
  CallPatience,
  FailureRule,
  Flow,
  OwnCall,
  OwnFlow,
  PaidStage,
  PipelineInput,
  StageCaps,
} from '../schemas/flow.ts';
import type { StageGives, StageItems } from '../schemas/own-module.ts';
import type { FullStage } from '../schemas/pipeline/stage.ts';
import type { Plan } from '../schemas/plan.ts';
import { temporal, treeQueue } from '../temporal.config.ts';
import { voterOf } from './committee.ts';
import type { Deps } from './deps.ts';
import { findStage, modelSpecOf, stageOf } from './plans.ts';

export const prepare =
  (deps: Deps) =>
  async (input: PipelineInput): Promise<Flow> => {
    const plan = await deps.plan(input.plan);
    await deps.openQueues(plan);
    const instruct = stageOf(plan, 'instruct');
    const interact = stageOf(plan, 'interact');
    const construct = findStage(plan, 'construct');
    const filter = findStage(plan, 'filter');
    const environment = plan.spec.environments[interact.environment];
    const queryModel = interact.knowledge?.model?.query_model;
    const relabelModel = construct?.model;
    const seats = filter === undefined ? [] : seatsOf(filter);
    const queue = (model: string): string => deps.queues.model(plan, model);
    return {
      pipeline: input.pipeline,
      run: input.run,
      plan: input.plan,
      seed: plan.spec.seed,
      queues: {
        instruct: queue(instruct.model),
        decide: queue(interact.model),
        query: queryModel === undefined ? null : queue(queryModel),
        relabel: relabelModel === undefined ? temporal.mainQueue : queue(relabelModel),
        votes: seats.map(({ name, model, weight, optional }) => ({
          member: name,
          queue: queue(model),
          voter: voterOf(plan, name),
          weight,
          optional,
        })),
        environment: deps.queues.environment(plan, interact.environment),
        ...(input.tree === undefined ? {} : { files: treeQueue(input.tree) }),
      },
      accounts: {
        instruct: `instruct/${instruct.model}`,
        decide: `interact/${interact.model}`,
        query: `query/${queryModel ?? 'none'}`,
        relabel: `construct/${relabelModel ?? 'none'}`,
      },
      interact: {
        environment: interact.environment,
        maxSteps: interact.max_steps,
        stuckAfter: interact.stuck_after,
        ...(interact.task_budget === undefined ? {} : { taskBudget: interact.task_budget }),
        ...(environment !== undefined && 'verify' in environment && environment.verify !== undefined
          ? { verify: true as const }
          : {}),
        ...(environment?.lease === undefined
          ? {}
          : { lease: { name: environment.lease.name, slots: environment.lease.slots } }),
      },
      construct:
        construct === undefined
          ? null
          : {
              styles: construct.styles,
              maxWindows: construct.max_windows,
              maxWindowSteps: construct.max_window_steps,
              concurrency: construct.concurrency ?? null,
            },
      filter: filter === undefined ? null : filterOf(filter),
      index: findStage(plan, 'index') !== undefined,
      export: findStage(plan, 'export') !== undefined,
      ...ownFlow(deps, plan),
      local: true,
      concurrency: interact.concurrency,
      ahead: instruct.concurrency ?? aheadOf(plan, instruct.model),
      budgetUsd: plan.spec.budget?.usd ?? null,
      budgetTokens: plan.spec.budget?.tokens ?? null,
      budgetHours: plan.spec.budget?.hours ?? null,
      ...stageCaps({ instruct, interact, construct, filter }),
      calls: {
        instruct: patienceOf(plan, instruct),
        interact: patienceOf(plan, interact),
        construct: patienceOf(plan, construct),
        filter: patienceOf(plan, filter),
      },
      failures: { instruct: failureRule(instruct), interact: failureRule(interact) },
      timing: {
        ...deps.timing,
        modelSeconds: modelSeconds(plan),
        stepSeconds: (environment?.step_timeout ?? 30) * 2 + 60,
      },
    };
  };

const filterOf = (filter: FullStage<'filter'>): NonNullable<Flow['filter']> => ({
  dropRepeated: filter.drop_repeated,
  drop_failed: filter.drop_failed,
  drop_unchanged: filter.drop_unchanged,
  accept: filter.committee.accept,
  ...(filter.outcomes === undefined ? {} : { outcomes: filter.outcomes }),
  ...(filter.min_score === undefined ? {} : { minScore: filter.min_score }),
  ...(filter.steps === undefined ? {} : { steps: filter.steps }),
  ...(filter.committee.ask === 'until-decided' ? { untilDecided: true } : {}),
});

/** Seconds a call may take on the slowest model of the plan: its own time-out, and some for the way there. */
const modelSeconds = (plan: Plan): number =>
  Math.max(60, ...Object.values(plan.spec.models).map((model) => model.timeout + 30));

type Calling = Pick<FullStage<PaidStage>, 'retry' | 'timeout'>;

const patienceOf = (plan: Plan, stage: Calling | undefined): CallPatience => ({
  seconds: stage?.timeout ?? modelSeconds(plan),
  attempts: stage?.retry.attempts ?? 60,
  firstWait: stage?.retry.first_wait ?? 1,
  longestWait: stage?.retry.longest_wait ?? 60,
});

type Capped = Pick<FullStage<PaidStage>, 'budget'>;

const stageCaps = (stages: Record<PaidStage, Capped | undefined>): StageCaps => {
  const caps: StageCaps = {};
  for (const [name, stage] of Object.entries(stages) as [PaidStage, Capped | undefined][]) {
    if (stage?.budget?.usd !== undefined) caps[`${name}Usd`] = stage.budget.usd;
    if (stage?.budget?.tokens !== undefined) caps[`${name}Tokens`] = stage.budget.tokens;
  }
  return caps;
};

const failureRule = (stage: FullStage<'instruct' | 'interact'>): FailureRule => ({
  stop: stage.on_error === 'stop',
  rate: stage.fail_if?.error_rate ?? null,
  after: stage.fail_if?.after ?? 1,
});
/** The stages of the user's own. One that asks a model works in that model's queue, one call a slot, so that its limits hold. */
function ownFlow(deps: Deps, plan: Plan): Pick<Flow, 'own'> {
  const calls = (takes: StageItems, gives: StageGives = takes): OwnCall[] =>
    ownStages(plan, takes, gives).map(({ index, stage, module }) => {
      const [model] = modelsNamedBy(plan, stage);
      return {
        stage: index,
        name: module.name,
        batch: stage.batch ?? 1,
        seconds: stage.timeout,
        queue: model === undefined ? null : deps.queues.model(plan, model),
      };
    });
  const own: OwnFlow = {
    documents: calls('documents'),
    tasks: calls('tasks'),
    trajectories: calls('trajectories'),
    examples: calls('examples'),
    kept: calls('kept'),
    files: calls('kept', 'files'),
  };
  return Object.values(own).every((list: OwnCall[]) => list.length === 0) ? {} : { own };
}

/** How many documents are asked for ahead: what the model answers at once, so that a slow local model is not kept from episodes. */
const aheadOf = (plan: Plan, model: string): number => {
  const spec = modelSpecOf(plan, model);
  return spec.provider === 'local' ? 1 : Math.min(16, spec.limits.concurrency);
};
