/** The shape of the reply that holds a window's instruction, and how it is read. */
import type { Json, JsonSchema } from '../schemas/common.ts';
import { asObject } from './strict-schema.ts';

/** Room for a replicated trajectory told step by step. */
const instructionChars = 1000;

/** `{"instruction": "…"}`; empty when the window accomplishes nothing that anybody would ask for. */
export function relabelSchema(): JsonSchema {
  return {
    type: 'object',
    properties: { instruction: { type: 'string', maxLength: instructionChars } },
    required: ['instruction'],
    additionalProperties: false,
  };
}

/** The instruction, trimmed; undefined when there is none, when it says "none", or when it was cut at the bound. */
export function readRelabel(value: Json): string | undefined {
  const given = asObject(value).instruction;
  if (typeof given !== 'string') return undefined;
  const instruction = given.trim();
  if (instruction.length >= instructionChars || /^["'`.(\s]*(?:none|n\/a|nothing|null)?["'`.)\s]*$/i.test(instruction))
    return undefined;
  return instruction;
}
