/** Invents tasks from a document (paper, Algorithm 1 line 5 and Table 29). */
import { clip } from '../core/describe.ts';
import { inFence } from '../core/document/code.ts';
import { readTasks, tasksSchema } from '../core/instruct-schema.ts';
import { fillPrompt, type Prompt } from '../core/prompt.ts';
import { noUsage } from '../core/usage.ts';
import type { ModelReply } from '../models/model.ts';
import type { Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { DocumentEntry, InstructResult } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { getJson, putJson } from '../store/json.ts';
import { askReadable } from './ask-again.ts';
import type { Deps } from './deps.ts';
import { placeOf, promptOf, samplingOf, stageOf } from './plans.ts';

/** Characters of a document in the prompt; longer ones were split when they were read. */
const maxChars = 24_000;

export const instruct =
  (deps: Deps) =>
  async (input: { plan: Ref; document: DocumentEntry; again?: true }): Promise<InstructResult> => {
    const plan = await deps.plan(input.plan);
    const stage = stageOf(plan, 'instruct');
    const document = await getJson<Document>(deps.store, input.document.ref);
    // What the place asks for itself is a task as it stands: nobody has to be asked.
    if (document.kind === 'goal')
      return {
        tasks: await putJson(deps.store, [document.text]),
        count: 1,
        usage: noUsage,
        readable: true,
        detail: '',
      };
    const wanted = stage.per_document;
    const { system, user } = fillPrompt(promptFor(plan, document), {
      document: shown(document),
      title: document.title,
      count: String(wanted),
      place: placeOf(plan),
      hints: stage.hints ?? '',
    });
    const tasksIn = ({ value }: ModelReply): string[] => (value === undefined ? [] : readTasks(value, wanted));
    const { reply, usage } = await askReadable(deps, plan, {
      model: stage.model,
      request: (time) => ({
        role: 'instruct',
        system,
        messages: [{ role: 'user', content: [{ type: 'text', text: user }] }],
        schema: tasksSchema(wanted),
        ...samplingOf(plan, stage.model, plan.spec.seed + time),
      }),
      salt: null,
      understood: (given) => tasksIn(given).length > 0,
      again: input.again === true,
    });
    const tasks = tasksIn(reply);
    const readable = tasks.length > 0;
    return {
      tasks: readable ? await putJson(deps.store, tasks) : null,
      count: tasks.length,
      usage,
      readable,
      detail: readable ? '' : reply.detail || 'no usable task in the reply',
    };
  };

/** Source code stands in a fence that names its language. */
const shown = ({ text, language }: Document): string => {
  const clipped = clip(text, maxChars);
  return language === undefined ? clipped : inFence(clipped, language);
};

/** What is seen of a place is no documentation of it: it has a prompt of its own, unless the pipeline brings one for all. */
const promptFor = (plan: Plan, document: Document): Prompt => {
  const observed = document.kind === 'observation' && plan.prompts['instruct/observation'] !== undefined;
  return promptOf(plan, observed ? 'instruct/observation' : 'instruct');
};
