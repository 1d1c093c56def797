/** Looking things up in a plan. */
import { ownPromptName, type Seat } from '../core/committee.ts';
import { LbiError } from '../core/errors.ts';
import { isOwn } from '../core/own-path.ts';
import { stageOf as findStage } from '../core/plan.ts';
import { type Prompt, parsePrompt, promptVariables } from '../core/prompt.ts';
import type { FullModel } from '../schemas/pipeline/model.ts';
import type { FullStage, StageName } from '../schemas/pipeline/stage.ts';
import type { Plan } from '../schemas/plan.ts';

export { findStage };

/** The stage of that name; a plan without it never schedules its activities. */
export function stageOf<N extends StageName>(plan: Plan, name: N): FullStage<N> {
  const stage = findStage(plan, name);
  if (stage === undefined) throw new LbiError('spec', `the plan has no stage "${name}"`);
  return stage;
}

export function modelSpecOf(plan: Plan, name: string): FullModel {
  const spec = plan.spec.models[name];
  if (spec !== undefined) return spec;
  throw new LbiError('spec', `the plan has no model "${name}"; it has ${Object.keys(plan.spec.models).join(', ')}`);
}

/** Prompts of a plan and the variables that each may use. */
export const promptKinds = {
  instruct: 'instruct',
  'instruct/observation': 'instruct',
  interact: 'decide',
  'interact/query': 'query',
  'construct/new-task': 'relabel',
  'construct/replicate': 'relabel',
  filter: 'vote',
} as const satisfies Record<string, keyof typeof promptVariables>;
export type PromptName = keyof typeof promptKinds;

export function promptOf(plan: Plan, name: PromptName): Prompt {
  const text = plan.prompts[name];
  if (text === undefined) throw new LbiError('spec', `the plan has no prompt "${name}"`);
  return parsePrompt(text, promptVariables[promptKinds[name]], name);
}

/** The prompt that a committee member is asked with: its own, or the committee's. */
export function votePromptOf(plan: Plan, { name, prompt }: Seat): Prompt {
  if (prompt === undefined) return promptOf(plan, 'filter');
  const own = ownPromptName(name);
  const text = plan.prompts[own];
  if (text === undefined) throw new LbiError('spec', `the plan has no prompt "${own}"`);
  return parsePrompt(text, promptVariables.vote, own);
}

/** Sampling of a model: temperature and reply length as the pipeline says; the seed only matters when it samples. */
export function samplingOf(
  plan: Plan,
  name: string,
  seed = plan.spec.seed,
): { maxTokens: number; temperature: number; seed: number } {
  const { temperature, max_tokens: maxTokens } = modelSpecOf(plan, name);
  return { maxTokens, temperature, seed: temperature === 0 ? 0 : seed };
}

/** The place in words, for the writer and the agent: as the pipeline says it, else what its kind tells. */
export function placeOf(plan: Plan): string {
  const { environment } = stageOf(plan, 'interact');
  const spec = plan.spec.environments[environment];
  if (spec?.about !== undefined) return spec.about;
  if (spec !== undefined && isOwn(spec)) {
    const own = plan.own?.[spec.kind];
    return own?.about ?? `${own?.name ?? 'An application'}, nothing else.`;
  }
  if (spec?.kind === 'shell') {
    const files = Object.keys(spec.files ?? {});
    return `A bash shell in a folder, without network.${files.length > 0 ? ` The folder holds ${files.join(', ')}.` : ''}`;
  }
  if (spec?.kind === 'browser')
    return `A web browser on ${spec.app?.package ?? spec.app?.command[0] ?? spec.url ?? 'a web application'}, nothing else.`;
  return 'A scripted board of lamps that can be switched.';
}
