/** Backward construction: an instruction for what really happened in a window (paper §2.2, Table 30). */
import { describeAction, renderTrajectory } from '../core/describe.ts';
import { LbiError } from '../core/errors.ts';
import { fillPrompt } from '../core/prompt.ts';
import { readRelabel, relabelSchema } from '../core/relabel-schema.ts';
import { noUsage } from '../core/usage.ts';
import type { Example } from '../schemas/example.ts';
import type { RelabelInput, RelabelResult } from '../schemas/flow.ts';
import type { Task } from '../schemas/task.ts';
import { getJson, putJson } from '../store/json.ts';
import { askReadable } from './ask-again.ts';
import type { Deps } from './deps.ts';
import { promptOf, samplingOf, stageOf } from './plans.ts';
import { readWindow } from './windows.ts';

export const relabel =
  (deps: Deps) =>
  async (input: RelabelInput): Promise<RelabelResult> => {
    const plan = await deps.plan(input.plan);
    const task = await getJson<Task>(deps.store, input.task);
    const environment = stageOf(plan, 'interact').environment;
    const keep = async (instruction: string): Promise<{ example: string; title: string }> => {
      const { style, window, head } = input;
      const example: Example = { instruction, style, window, head, task: input.task, environment };
      return { example: await putJson(deps.store, example), title: instruction.slice(0, 100) };
    };
    if (input.style === 'original')
      return { ...(await keep(task.instruction)), usage: noUsage, readable: true, detail: '' };

    const stage = stageOf(plan, 'construct');
    const { model } = stage;
    if (model === undefined)
      throw new LbiError('spec', `construct names no model to write instructions of the style ${input.style}`);
    const { first, steps } = await readWindow(deps.store, input.head, input.window);
    const trajectory = renderTrajectory(first, steps, { chars: stage.observation_chars });
    const { system, user } = fillPrompt(promptOf(plan, `construct/${input.style}`), { trajectory });
    const { reply, usage } = await askReadable(deps, plan, {
      model,
      request: (time) => ({
        role: `relabel-${input.style}`,
        system,
        messages: [{ role: 'user', content: [{ type: 'text', text: user }] }],
        schema: relabelSchema(),
        ...samplingOf(plan, model, plan.spec.seed + time),
      }),
      salt: null,
      understood: ({ value }) => value !== undefined,
      again: input.again === true,
    });
    const instruction = reply.value === undefined ? undefined : readRelabel(reply.value);
    if (instruction === undefined) {
      // An empty instruction is an answer: the writer saw nothing accomplished.
      const readable = reply.value !== undefined;
      const what = steps.map(({ action }) => describeAction(action)).join('; ');
      return { example: null, title: what.slice(0, 100), usage, readable, detail: reply.detail };
    }
    return { ...(await keep(instruction)), usage, readable: true, detail: '' };
  };
