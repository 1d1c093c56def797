/** The reply to the query prompt (paper, Table 35): one search query. */
import type { Json, JsonSchema } from '../schemas/common.ts';

export const querySchema = (): JsonSchema => ({
  type: 'object',
  properties: { query: { type: 'string', maxLength: 300 } },
  required: ['query'],
  additionalProperties: false,
});

/** The query, or undefined when there is none. */
export function readQuery(value: Json): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const text = typeof value.query === 'string' ? value.query.trim() : '';
  return text === '' ? undefined : text;
}
