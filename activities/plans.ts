/** Looking things up in a plan. */
import { LbiError } from '../core/errors.ts';
import { type Prompt, parsePrompt, promptVariables } from '../core/prompt.ts';
import type { ModelSpec } from '../schemas/pipeline/model.ts';
import type { Stage, StageName } from '../schemas/pipeline/stage.ts';
import type { Plan, PromptName } from '../schemas/plan.ts';

export function findStage<N extends StageName>(plan: Plan, name: N): Stage<N> | undefined {
  return plan.spec.stages.find((stage): stage is Stage<N> => stage.uses === name);
}

/** The stage of that name; a plan without it never schedules its activities. */
export function stageOf<N extends StageName>(plan: Plan, name: N): Stage<N> {
  const stage = findStage(plan, name);
  if (stage === undefined) throw new LbiError('spec', `the plan has no stage "${name}"`);
  return stage;
}

export function modelSpecOf(plan: Plan, name: string): ModelSpec {
  const spec = plan.spec.models[name];
  if (spec === undefined) throw new LbiError('spec', `the plan has no model "${name}"; it has ${Object.keys(plan.spec.models).join(', ')}`);
  return spec;
}

export function promptOf(plan: Plan, name: PromptName): Prompt {
  return parsePrompt(plan.prompts[name], promptVariables[name], name);
}

/** Sampling of a model: temperature and reply length as the pipeline says; the seed only matters when it samples. */
export function samplingOf(plan: Plan, name: string, seed = plan.spec.seed): { maxTokens: number; temperature: number; seed: number } {
  const spec = modelSpecOf(plan, name);
  const temperature = spec.temperature ?? 0;
  return { maxTokens: spec.max_tokens ?? 1024, temperature, seed: temperature === 0 ? 0 : (seed ?? 0) };
}
