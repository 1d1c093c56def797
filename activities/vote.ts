/** Asks one committee member about one example (paper §2.3, Table 31). */
import { criteriaOf, seatsOf } from '../core/committee.ts';
import { renderTrajectory } from '../core/describe.ts';
import { LbiError } from '../core/errors.ts';
import { fillPrompt } from '../core/prompt.ts';
import { ballotOf } from '../core/tally.ts';
import { readVote, voteSchema } from '../core/vote-schema.ts';
import type { Example } from '../schemas/example.ts';
import type { VoteInput, VoteResult } from '../schemas/flow.ts';
import type { Vote } from '../schemas/vote.ts';
import { getJson, putJson } from '../store/json.ts';
import { askReadable } from './ask-again.ts';
import { voterOf } from './committee.ts';
import type { Deps } from './deps.ts';
import { findStage, samplingOf, stageOf, votePromptOf } from './plans.ts';
import { readWindow } from './windows.ts';

export const vote =
  (deps: Deps) =>
  async (input: VoteInput): Promise<VoteResult> => {
    const plan = await deps.plan(input.plan);
    const stage = stageOf(plan, 'filter');
    const seat = seatsOf(stage).find(({ name }) => name === input.member);
    if (seat === undefined) throw new LbiError('fatal', `the committee has no member "${input.member}"`);
    const { reasons, passes } = stage.committee;
    const criteria = criteriaOf(stage);
    const names = Object.keys(criteria);
    const example = await getJson<Example>(deps.store, input.example);
    const { first, steps } = await readWindow(deps.store, example.head, example.window);
    const { system, user } = fillPrompt(votePromptOf(plan, seat), {
      instruction: example.instruction,
      trajectory: renderTrajectory(first, steps, { chars: findStage(plan, 'construct')?.observation_chars ?? 3000 }),
      criteria: Object.entries(criteria)
        .map(([name, { ask: question }]) => `- ${name}: ${question}`)
        .join('\n'),
    });
    const { schema, yesNo } = voteSchema(names, reasons);
    const { reply, usage } = await askReadable(deps, plan, {
      model: seat.model,
      request: (time) => ({
        role: 'vote',
        system,
        messages: [{ role: 'user', content: [{ type: 'text', text: user }] }],
        schema,
        yesNo,
        ...samplingOf(plan, seat.model, plan.spec.seed + time),
      }),
      salt: null,
      understood: ({ value }) => value !== undefined,
      again: input.again === true,
      asking: { account: `filter/${seat.name}` },
    });
    const parsed = reply.value !== undefined;
    const record: Vote = {
      voter: voterOf(plan, seat.name),
      member: seat.name,
      model: reply.model,
      criteria: reply.value === undefined ? {} : readVote(reply.value, names, reasons, reply.probabilities),
      parsed,
      usage: reply.usage,
    };
    const { yes, confidence = null } = ballotOf(record, { criteria, passes });
    return {
      vote: await putJson(deps.store, record),
      yes,
      confidence,
      title: yes ? `yes${confidence === null ? '' : ` (${confidence.toFixed(2)})`}` : `no: ${refused(record)}`,
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
