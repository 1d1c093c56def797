/** Asks the agent for its next action; before that, where the pipeline says so, for a query and the examples it finds. */
import { decisionSchema, narrowDecisionSchema, readDecision } from '../core/action-schema.ts';
import { agentPrompt, historyText, latestText } from '../core/agent-prompt.ts';
import { describeAction, type ShownStep } from '../core/describe.ts';
import { fillPrompt } from '../core/prompt.ts';
import { querySchema, readQuery } from '../core/query-schema.ts';
import type { Message, ModelReply, ModelRequest, Part } from '../models/model.ts';
import type { Json } from '../schemas/common.ts';
import type { Decision } from '../schemas/decision.ts';
import type { DecideInput, DecideResult, QueryResult } from '../schemas/flow.ts';
import type { ActionDefinition } from '../schemas/observation.ts';
import type { FullStage } from '../schemas/pipeline/stage.ts';
import type { Plan } from '../schemas/plan.ts';
import type { Step } from '../schemas/step.ts';
import type { Task } from '../schemas/task.ts';
import { getJson, putJson } from '../store/json.ts';
import { ask } from './ask.ts';
import { askReadable } from './ask-again.ts';
import { readTrajectory, shownSteps } from './chain.ts';
import type { Deps } from './deps.ts';
import { placeOf, promptOf, samplingOf, stageOf } from './plans.ts';
import { retrieve } from './retrieve.ts';

/** What the agent knows at this moment. */
interface Situation {
  stage: FullStage<'interact'>;
  task: Task;
  actions: ActionDefinition[];
  first: string;
  steps: ShownStep[];
  latest: Step;
}

async function situation(deps: Deps, plan: Plan, input: DecideInput): Promise<Situation> {
  const [root, ...steps] = await readTrajectory(deps.store, input.head);
  return {
    stage: stageOf(plan, 'interact'),
    task: await getJson<Task>(deps.store, input.task),
    actions: root.actions === undefined ? [] : await getJson<ActionDefinition[]>(deps.store, root.actions),
    first: root.observation.text,
    steps: shownSteps(steps),
    latest: steps.at(-1) ?? root,
  };
}

export const query =
  (deps: Deps) =>
  async (input: DecideInput): Promise<QueryResult> => {
    const plan = await deps.plan(input.plan);
    const now = await situation(deps, plan, input);
    const name = now.stage.knowledge?.model?.query_model ?? now.stage.model;
    const { system, user } = fillPrompt(promptOf(plan, 'interact/query'), {
      task: now.task.instruction,
      history: historyText(now.steps, now.stage.history_chars),
      observation: latestText(now.first, now.steps),
    });
    const request: ModelRequest = {
      role: 'query',
      system,
      messages: [{ role: 'user', content: [{ type: 'text', text: user }] }],
      schema: querySchema(),
      ...samplingOf(plan, name),
    };
    const { reply, usage } = await ask(deps, plan, name, request, { seed: now.task.seed, attempt: now.task.attempt });
    const text = reply.value === undefined ? undefined : readQuery(reply.value);
    return {
      query: text === undefined ? null : await putJson(deps.store, text),
      usage,
      readable: text !== undefined,
      detail: reply.detail,
    };
  };

export const decide =
  (deps: Deps) =>
  async (input: DecideInput): Promise<DecideResult> => {
    const plan = await deps.plan(input.plan);
    const now = await situation(deps, plan, input);
    const name = now.stage.model;
    const model = await deps.model(plan, name);
    const written = input.query === null ? undefined : await getJson<string>(deps.store, input.query);
    const found = await retrieve(deps, now.stage, {
      task: now.task,
      observation: latestText(now.first, now.steps),
      query: written,
    });
    const asking = { prompt: promptOf(plan, 'interact'), place: placeOf(plan), historyChars: now.stage.history_chars };
    const { actions, first, steps } = now;
    const { system, user } = agentPrompt(asking, { task: now.task.instruction, actions, first, steps, ...found });
    const content: Part[] = [{ type: 'text', text: user }];
    const { screenshot } = now.latest.observation;
    if (model.images && screenshot !== undefined)
      content.push({ type: 'image', mime: 'image/png', data: await deps.store.get(screenshot) });
    const messages: Message[] = [{ role: 'user', content }];
    const mayFinish = now.latest.index >= now.stage.min_steps;
    const narrow = narrowDecisionSchema(now.actions, now.latest.observation.elements ?? [], mayFinish);
    const { attempt, seed } = now.task;
    const decisionIn = ({ value, detail }: ModelReply) => understood(value, now.actions, detail);
    const { reply, usage } = await askReadable(deps, plan, {
      model: name,
      request: (time) => ({
        role: 'decide',
        system,
        messages,
        schema: decisionSchema(now.actions, mayFinish),
        ...(narrow === undefined ? {} : { narrowSchema: narrow }),
        // Far from the seeds of the loop's own second question.
        ...samplingOf(plan, name, seed + attempt * 1000 + input.retry + time * 100),
      }),
      salt: { attempt, retry: input.retry },
      understood: (given) => decisionIn(given).kind !== 'unreadable',
      again: input.again === true,
    });
    const decision = decisionIn(reply);
    const ref = await putJson(deps.store, { ...decision, model: reply.model, usage: reply.usage });
    return {
      decision: ref,
      kind: decision.kind,
      title:
        decision.kind === 'act' && decision.action !== undefined
          ? describeAction(decision.action)
          : decision.answer || decision.kind,
      usage,
      readable: decision.kind !== 'unreadable',
      detail: decision.detail ?? '',
    };
  };

/** The reply as a decision; whatever cannot be read is a result with a reason. */
function understood(
  value: Json | undefined,
  actions: ActionDefinition[],
  detail: string,
): Omit<Decision, 'model' | 'usage'> {
  if (value === undefined) return { kind: 'unreadable', reason: '', detail: detail || 'no value' };
  try {
    return readDecision(value, actions);
  } catch (error) {
    return { kind: 'unreadable', reason: '', detail: error instanceof Error ? error.message : String(error) };
  }
}
