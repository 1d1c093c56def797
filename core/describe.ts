/** Actions, steps and trajectories as text: for prompts, and for people. */
import type { Json, JsonSchema } from '../schemas/common.ts';
import type { Action, ActionDefinition } from '../schemas/observation.ts';
import { replyName } from './action-schema.ts';
import { asObject } from './strict-schema.ts';

/** A step as prompts show it: `observation` is what was seen after the action, `error` why the action failed. */
export interface ShownStep {
  reason: string;
  action: Action;
  observation: string;
  error?: string;
}

/** Characters of one argument; a longer one is clipped. */
const argumentChars = 600;

/** One line: `click "New tiddler" [e12]`, `type "Title" [e5]: "Milk"`, `$ npm pkg get name`, `wait seconds=2`. */
export function describeAction(action: Action): string {
  const { element, ref, ...rest } = action.arguments ?? {};
  const command = rest.command;
  if (typeof command === 'string' && Object.keys(rest).length === 1 && element === undefined && ref === undefined) {
    return `$ ${clip(command, argumentChars).replaceAll('\n', '\\n')}`;
  }
  const target = [
    ...(element === undefined ? [] : [shown(element)]),
    ...(ref === undefined ? [] : [`[${typeof ref === 'string' ? ref : JSON.stringify(ref)}]`]),
  ];
  const values = Object.values(rest);
  const only = values[0];
  if (values.length === 1 && typeof only === 'string') {
    return [action.name, ...target].join(' ') + (target.length > 0 ? ': ' : ' ') + shown(only);
  }
  return [action.name, ...target, ...Object.entries(rest).map(([key, value]) => `${key}=${shown(value)}`)].join(' ');
}

/** The action that the engine adds to those of a place. */
export const finishAction: ActionDefinition = {
  name: 'finish',
  description: 'End the episode: the task is done, or it cannot be done here.',
  parameters: {
    type: 'object',
    properties: {
      answer: { type: 'string', description: 'What the task asked to find out, or "done", or why not.' },
    },
    required: ['answer'],
  },
};

/** The actions as a Markdown list with their arguments, `finish` last: what the agent is told it may do. */
export function describeActions(actions: ActionDefinition[]): string {
  return [...actions, finishAction].map(describeDefinition).join('\n');
}

/**
 * At most `chars` characters of a text: its head (two thirds) and its tail, and between them how many were left out.
 * Below about 60 there is no room for that note and the head alone stays.
 */
export function clip(text: string, chars: number): string {
  if (text.length <= chars) return text;
  const note = (left: number) => ` … ${left} characters left out … `;
  const room = chars - note(text.length).length;
  if (room < 20) return wholeCharacters(text, 0, Math.max(0, chars - 1)) + (chars > 0 ? '…' : '');
  const head = wholeCharacters(text, 0, Math.ceil((room * 2) / 3));
  const tail = wholeCharacters(text, text.length - Math.floor(room / 3), text.length);
  return head + note(text.length - head.length - tail.length) + tail;
}

/**
 * Observations and actions in turn, beginning and ending on an observation (paper, Table 30). Reasons are left out on
 * purpose: they tell the task that the agent was given, which those who label and judge a window must not be told.
 * `chars` bounds each observation.
 */
export function renderTrajectory(first: string, steps: ShownStep[], options: { chars: number }): string {
  const turns = steps.map(({ action, observation, error }, at) =>
    [
      `Action ${at + 1}: ${describeAction(action)}`,
      ...failure(error),
      '',
      observed(`Observation ${at + 1}`, observation, options.chars),
    ].join('\n'),
  );
  return [observed('Observation 0', first, options.chars), ...turns].join('\n\n');
}

/**
 * What the agent did so far, with its reasons. The observation after the last step is left out: it is the current one, which a prompt
 * shows in full. Blocks are called `seen`, so that they differ from the prompt's own `observation`. Empty when nothing was done yet.
 */
export function renderHistory(steps: ShownStep[], options: { chars: number }): string {
  return steps
    .map(({ reason, action, observation, error }, at) =>
      [
        `Step ${at + 1}`,
        `Reason: ${reason}`,
        `Action: ${describeAction(action)}`,
        ...failure(error),
        ...(at < steps.length - 1 ? [observed('Then seen', observation, options.chars, 'seen')] : []),
      ].join('\n'),
    )
    .join('\n\n');
}

function observed(title: string, text: string, chars: number, block = 'observation'): string {
  // What a page says must not end the block that marks it as data.
  const data = text.replace(new RegExp(`<(/?)\\s*${block}\\s*>`, 'gi'), `<$1 ${block}>`);
  return `${title}:\n<${block}>\n${clip(data, chars)}\n</${block}>`;
}

function failure(error: string | undefined): string[] {
  return error === undefined ? [] : [`Failed: ${clip(error, argumentChars)}`];
}

function shown(value: Json): string {
  return typeof value === 'string'
    ? JSON.stringify(clip(value, argumentChars))
    : clip(JSON.stringify(value), argumentChars);
}

function describeDefinition({ name, description, parameters }: ActionDefinition): string {
  const properties = Object.entries(asObject(parameters.properties));
  const required = Array.isArray(parameters.required) ? parameters.required : [];
  return [
    `- \`${name}\`: ${description}`,
    ...properties.map(([key, schema]) => {
      const notes = [typeName(asObject(schema)), ...(required.includes(key) ? [] : ['or null to leave it out'])].join(
        ', ',
      );
      const meaning = asObject(schema).description;
      return `  - \`${replyName(key)}\` (${notes})${typeof meaning === 'string' ? `: ${meaning}` : ''}`;
    }),
  ].join('\n');
}

function typeName(schema: JsonSchema): string {
  const choices = schema.enum;
  if (Array.isArray(choices)) return choices.map((choice) => JSON.stringify(choice)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const type = schema.type;
  if (typeof type === 'string') return type;
  return Array.isArray(type) ? type.join(' | ') : 'JSON';
}

/** A slice that never cuts a surrogate pair in two. */
function wholeCharacters(text: string, from: number, to: number): string {
  const start = isLowSurrogate(text, from) && from > 0 ? from + 1 : from;
  const end = isLowSurrogate(text, to) ? to - 1 : to;
  return text.slice(start, Math.max(start, end));
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}
