/** The actions of a browser as the agent is told of them, and the check of what it gives. */
import { Ajv, type ErrorObject } from 'ajv';
import type { JsonSchema } from '../../schemas/common.ts';
import type { Action, ActionDefinition, StepError } from '../../schemas/observation.ts';

const text = (description: string, maxLength: number): JsonSchema => ({ type: 'string', description, maxLength });

/** Every property is required: some providers accept no other form. */
const define = (name: string, description: string, properties: { [key: string]: JsonSchema }): ActionDefinition => ({
  name,
  description,
  parameters: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
});

const target = {
  element: text('Name of the element, as it stands in the observation', 200),
  ref: text('Its ref, for example e12', 12),
};

export const browserActions: ActionDefinition[] = [
  define('click', 'Click an element.', target),
  define('type', 'Replace the content of a text box, date or slider with a text.', {
    ...target,
    text: text('The text', 5000),
    submit: { type: 'boolean', description: 'Press Enter afterwards' },
  }),
  define('select', 'Choose an option of a select box.', {
    ...target,
    option: text('The option, as it stands in the observation', 200),
  }),
  define('press', 'Press a key or a combination on the focused element.', {
    key: text('For example Enter, Escape, Tab, ArrowDown, Backspace, a, Control+a', 40),
  }),
  define('scroll', 'Scroll the page by most of a screen.', {
    direction: { type: 'string', enum: ['up', 'down', 'left', 'right'] },
  }),
  define('goto', 'Open an address in the current tab.', {
    url: text('Full address, or a path of the current site', 2000),
  }),
  define('back', 'Go back to the page before; in a tab without one, close it and return to the tab before.', {}),
  define('dialog', 'Answer the dialog that is open.', {
    accept: { type: 'boolean', description: 'true for OK, false for Cancel' },
    text: text('What to enter into a prompt; empty otherwise', 1000),
  }),
];

/** What `perform` works on: one of the definitions above, checked. */
export type BrowserAction =
  | { name: 'click'; arguments: { element: string; ref: string } }
  | { name: 'type'; arguments: { element: string; ref: string; text: string; submit: boolean } }
  | { name: 'select'; arguments: { element: string; ref: string; option: string } }
  | { name: 'press'; arguments: { key: string } }
  | { name: 'scroll'; arguments: { direction: 'up' | 'down' | 'left' | 'right' } }
  | { name: 'goto'; arguments: { url: string } }
  | { name: 'back'; arguments: Record<string, never> }
  | { name: 'dialog'; arguments: { accept: boolean; text: string } };

const ajv = new Ajv({ allErrors: true });
const validators = new Map(browserActions.map((action) => [action.name, ajv.compile(action.parameters)]));

/** Class `invalid` for an action that is not among those offered, or arguments that do not fit its schema. */
export const checkAction = (
  action: Action,
  offered = browserActions,
): { action: BrowserAction } | { error: StepError } => {
  const names = offered.map(({ name }) => name);
  const validate = names.includes(action.name) ? validators.get(action.name) : undefined;
  if (validate === undefined) return invalid(`There is no action "${action.name}". Actions: ${names.join(', ')}.`);
  if (validate(action.arguments)) return { action: action as BrowserAction };
  return invalid(`${action.name}: ${(validate.errors ?? []).map(sentence).join('; ')}.`);
};

const invalid = (message: string): { error: StepError } => ({ error: { class: 'invalid', message } });

const sentence = (error: ErrorObject): string => {
  const where = error.instancePath.slice(1);
  if (error.keyword === 'additionalProperties') return `unknown argument "${error.params.additionalProperty}"`;
  if (error.keyword === 'required') return `the argument "${error.params.missingProperty}" is missing`;
  if (error.keyword === 'enum') return `"${where}" must be one of ${error.params.allowedValues.join(', ')}`;
  return `"${where}" ${error.message ?? 'is not valid'}`;
};
