/** What a committee member is asked, and how strictly its reply is read. */
import type { Json, JsonObject, JsonSchema } from '../schemas/common.ts';
import type { Answer } from '../schemas/vote.ts';
import { LbiError } from './errors.ts';
import { asObject } from './strict-schema.ts';

/** Small models run on: a reason is a sentence, and a short one where it stands for all answers. */
const reasonChars = { each: 240, one: 120 };

/** The four criteria of the paper (§2.3, Table 31) as yes/no questions in our own words. */
export const paperCriteria: Record<string, string> = {
  aligned: 'Does the trajectory really accomplish what the instruction asks, all of it, as the observations show?',
  coherent: 'Does each action follow sensibly from the observation before it, without contradicting earlier actions?',
  natural: 'Would a person who uses this application act like this?',
  reasonable:
    'Is the way direct: no needless detour, no going back and forth, no repeated action, and no step missing?',
};

/**
 * The shape of a vote. `each`: `{"aligned": {"reason": …, "answer": "yes"}, …}`, a reason before every answer; `one`:
 * `{"aligned": "yes", …, "reason": …}`, answers first and one reason, for small models. `yesNo` are JSON Pointers of the answers.
 */
export function voteSchema(names: string[], reasons: 'each' | 'one'): { schema: JsonSchema; yesNo: string[] } {
  if (reasons === 'one' && names.includes('reason')) {
    throw new LbiError(
      'spec',
      'A criterion cannot be named "reason" with `reasons: one`: the reason has that name. Rename it.',
    );
  }
  const reason: JsonSchema = { type: 'string', maxLength: reasonChars[reasons] };
  const answer: JsonSchema = { type: 'string', enum: ['yes', 'no'] };
  const asked = names.map((name) => [name, reasons === 'each' ? objectOf({ reason, answer }) : answer]);
  const schema = objectOf({ ...Object.fromEntries(asked), ...(reasons === 'one' ? { reason } : {}) });
  return { schema, yesNo: names.map((name) => answerPointer(name, reasons)) };
}

/**
 * Reads a vote, criterion by criterion. Only the exact word "yes" is a yes; whatever else, and whatever is missing, is a no. `probabilities` are
 * P(yes) by JSON Pointer; one does not rescue an answer that cannot be read.
 */
export function readVote(
  value: Json,
  criteria: string[],
  reasons: 'each' | 'one',
  probabilities: Record<string, number> = {},
): Record<string, Answer> {
  const reply = asObject(value);
  const answers = criteria.map((name): [string, Answer] => {
    const given =
      reasons === 'each' ? asObject(reply[name]) : { answer: reply[name] ?? null, reason: reply.reason ?? '' };
    const readable = given.answer === 'yes' || given.answer === 'no';
    const probability = readable ? probabilities[answerPointer(name, reasons)] : undefined;
    return [
      name,
      {
        yes: given.answer === 'yes',
        reason: typeof given.reason === 'string' ? given.reason.trim() : '',
        ...(probability === undefined ? {} : { probability }),
      },
    ];
  });
  return Object.fromEntries(answers);
}

function answerPointer(name: string, reasons: 'each' | 'one'): string {
  const token = name.replaceAll('~', '~0').replaceAll('/', '~1');
  return reasons === 'each' ? `/${token}/answer` : `/${token}`;
}

function objectOf(properties: JsonObject): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}
