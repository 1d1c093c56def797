/** One place where a provider's text becomes a reply: parsed as JSON and checked against the request's schema. */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ModelError } from '../core/errors.ts';
import type { Json, JsonSchema } from '../schemas/common.ts';
import type { ModelReply, ModelRequest } from './model.ts';

/** What a provider knows about its reply besides the text; `stop` and `detail` only when the reply did not come to its end. */
export type ReplyFacts = Pick<ModelReply, 'usage' | 'model'> &
  Partial<Pick<ModelReply, 'stop' | 'detail' | 'probabilities'>>;

const compiled = new Map<string, ValidateFunction>();
const mostCompiled = 100;

/**
 * The reply for `text`: `complete` with its checked value, or one of the other stops with a reason. Tolerates a Markdown fence around
 * the JSON and nothing more. Throws ModelError `spec` when the request's schema itself is not a JSON Schema.
 */
export const checkReply = (request: ModelRequest, text: string, facts: ReplyFacts): ModelReply => {
  const { probabilities, ...known } = facts;
  const reply = { value: undefined, text, stop: 'complete', detail: '', ...known } satisfies ModelReply;
  if (reply.stop !== 'complete') return reply;
  const parsed = parse(text);
  if ('problem' in parsed) return { ...reply, stop: 'unparseable', detail: parsed.problem };
  const validate = validator(request.schema);
  if (!validate(parsed.value)) return { ...reply, stop: 'unparseable', detail: mismatch(validate.errors ?? []) };
  return { ...reply, value: parsed.value, ...(probabilities && { probabilities }) };
};

const parse = (text: string): { value: Json } | { problem: string } => {
  const bare = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/i.exec(text)?.[1] ?? text;
  if (bare.trim() === '') return { problem: 'The reply is empty.' };
  try {
    return { value: JSON.parse(bare) as Json };
  } catch (error) {
    return { problem: `The reply is not JSON: ${error instanceof Error ? error.message : String(error)}.` };
  }
};

const mismatch = (errors: ErrorObject[]): string => {
  const named = errors.slice(0, 3).map((error) => `${error.instancePath || 'it'} ${error.message ?? error.keyword}`);
  const more = errors.length > 3 ? ` and ${errors.length - 3} more` : '';
  return `The reply does not match the schema: ${named.join('; ')}${more}.`;
};

/** Checks values against a schema; compiled once, however often the same schema comes. */
export const validator = (schema: JsonSchema): ValidateFunction => {
  const key = JSON.stringify(schema);
  const known = compiled.get(key);
  if (known) return known;
  const made = compile(schema);
  if (compiled.size >= mostCompiled) compiled.delete(compiled.keys().next().value ?? '');
  compiled.set(key, made);
  return made;
};

const compile = (schema: JsonSchema): ValidateFunction => {
  // One Ajv for each schema: a shared one keeps every schema it has ever seen, and refuses two with the same $id.
  const ajv = new Ajv2020({ allErrors: true, strict: false, logger: false });
  addFormats.default(ajv);
  const { $schema: _, ...dialectless } = schema;
  try {
    return ajv.compile(dialectless);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(
      'spec',
      `The schema asked of a model is not a valid JSON Schema: ${reason}. Correct the schema.`,
    );
  }
};
