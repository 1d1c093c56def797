/** The shape of the reply that holds invented tasks, and how it is read. */
import type { Json, JsonSchema } from '../schemas/common.ts';
import { asObject } from './strict-schema.ts';

/** A longer instruction is a plan or a ramble, not a task. */
const taskChars = 400;

/** `{"tasks": ["…", …]}` with at most `count` tasks. */
export function tasksSchema(count: number): JsonSchema {
  const task: JsonSchema = { type: 'string', maxLength: taskChars };
  return {
    type: 'object',
    properties: { tasks: { type: 'array', minItems: 1, maxItems: count, items: task } },
    required: ['tasks'],
    additionalProperties: false,
  };
}

/** The first `count` tasks, each on one line and without list marks; empty, over-long, cut-off and repeated ones are refused. */
export function readTasks(value: Json, count: number): string[] {
  const given = asObject(value).tasks;
  const tasks = (Array.isArray(given) ? given : [])
    .filter((task) => typeof task === 'string')
    .map((task) => oneLine(task).replace(/^(?:[-*•]|\d{1,2}[.)])\s+/, ''))
    // A task of exactly the bound was cut there by the grammar.
    .filter((task) => task.length > 0 && task.length < taskChars);
  return [...new Set(tasks)].slice(0, count);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
