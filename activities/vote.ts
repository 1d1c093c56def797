/** Asks one committee member about one example (paper §2.3, Table 31). */
import { renderTrajectory } from '../core/describe.ts';
import { fillPrompt } from '../core/prompt.ts';
import { paperCriteria, readVote, voteSchema } from '../core/vote-schema.ts';
import type { Example } from '../schemas/example.ts';
import type { VoteInput, VoteResult } from '../schemas/flow.ts';
import type { Vote } from '../schemas/vote.ts';
import { getJson, putJson } from '../store/json.ts';
import { ask } from './ask.ts';
import type { Deps } from './deps.ts';
import { findStage, promptOf, samplingOf, stageOf } from './plans.ts';
import { readWindow } from './windows.ts';

export const vote =
  (deps: Deps) =>
  async (input: VoteInput): Promise<VoteResult> => {
    const plan = await deps.plan(input.plan);
    const { committee } = stageOf(plan, 'filter');
    const criteria = committee.criteria ?? paperCriteria;
    const reasons = committee.reasons;
    const example = await getJson<Example>(deps.store, input.example);
    const { first, steps } = await readWindow(deps.store, example.head, example.window);
    const { system, user } = fillPrompt(promptOf(plan, 'filter'), {
      instruction: example.instruction,
      trajectory: renderTrajectory(first, steps, { chars: findStage(plan, 'construct')?.observation_chars ?? 3000 }),
      criteria: Object.entries(criteria)
        .map(([name, question]) => `- ${name}: ${question}`)
        .join('\n'),
    });
    const { schema, yesNo } = voteSchema(criteria, reasons);
    const request = {
      role: 'vote',
      system,
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text: user }] }],
      schema,
      yesNo,
      ...samplingOf(plan, input.member),
    };
    const { reply, usage } = await ask(deps, plan, input.member, request, null);
    const parsed = reply.value !== undefined;
    const answers =
      reply.value === undefined
        ? { yes: false, criteria: {} }
        : readVote(reply.value, criteria, reasons, reply.probabilities);
    const record: Vote = { member: input.member, model: reply.model, parsed, usage: reply.usage, ...answers };
    const confidence = record.confidence ?? null;
    return {
      vote: await putJson(deps.store, record),
      yes: record.yes,
      confidence,
      title: record.yes ? `yes${confidence === null ? '' : ` (${confidence.toFixed(2)})`}` : `no: ${refused(record)}`,
      usage,
      readable: parsed,
      detail: reply.detail,
    };
  };

/** The criteria that were answered no, with the first reason. */
function refused({ criteria, parsed }: Vote): string {
  if (!parsed) return 'the reply could not be read';
  const no = Object.entries(criteria).filter(([, answer]) => !answer.yes);
  const reason = no.find(([, answer]) => answer.reason !== '')?.[1].reason ?? '';
  return `${no.map(([name]) => name).join(', ')}${reason === '' ? '' : ` (${reason.slice(0, 120)})`}`;
}
