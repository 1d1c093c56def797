/** The shape of the agent's reply, made of the actions that a place offers, and its way back into an action. */
import type { Json, JsonObject, JsonSchema } from '../schemas/common.ts';
import type { Action, ActionDefinition, ElementReference } from '../schemas/observation.ts';
import { LbiError } from './errors.ts';
import { asObject, strictSchema, withoutNulls } from './strict-schema.ts';

/** Small models run on: every string that a model writes is bounded. */
const reasonChars = 300;
const answerChars = 600;
/** Alternatives of a narrow schema; beyond about this many a grammar gets slow and the page is too long to choose from. */
const maxAlternatives = 150;

/** What a reply says. */
export type ReadDecision =
  | { kind: 'act'; reason: string; action: Action }
  | { kind: 'finish'; reason: string; answer: string };

/**
 * `{"reason": …, "action": {"name": "click", "element": "Save", "ref": "e12"}}`: the reason first, so that it can guide the choice,
 * and an element's name before its ref, the only order that small models learn. All properties are required and
 * optional ones may be null, as strict modes of providers want it. Without `finish` the agent has to act.
 */
export function decisionSchema(actions: ActionDefinition[], finish = true): JsonSchema {
  return replySchema(
    actions.map((action) => alternative(action)),
    finish,
  );
}

/**
 * The same, with each action on an element spelled out for the elements that can take it now, in their order and up to a
 * cap; a select's value is one of its options. Undefined when no action names elements: there is nothing to narrow.
 */
export function narrowDecisionSchema(
  actions: ActionDefinition[],
  elements: ElementReference[],
  finish = true,
): JsonSchema | undefined {
  const onElements = actions.filter(takesElement);
  if (onElements.length === 0) return undefined;
  const others = actions.filter((action) => !takesElement(action)).map((action) => alternative(action));
  const room = Math.max(0, maxAlternatives - others.length - 1);
  const choices = elements.flatMap((element) =>
    onElements
      .filter((action) => element.actions.includes(action.name))
      .map((action) => alternative(action, pinned(action, element))),
  );
  return replySchema([...choices.slice(0, room), ...others], finish);
}

/**
 * The decision in a reply that satisfies `decisionSchema(actions)`; nulls that stand for left-out arguments are gone. Throws `fatal`
 * for a reply that does not satisfy it: whoever asks checks replies first.
 */
export function readDecision(value: Json, actions: ActionDefinition[]): ReadDecision {
  const { reason, action } = asObject(value);
  const { name, ...given } = asObject(action);
  if (typeof reason !== 'string' || typeof name !== 'string') throw unreadable('it has no reason or no action name');
  if (name === 'finish') {
    if (typeof given.answer !== 'string') throw unreadable('finish has no answer');
    return { kind: 'finish', reason, answer: given.answer };
  }
  const definition = actions.find((candidate) => candidate.name === name);
  if (definition === undefined) {
    const known = [...actions.map((candidate) => candidate.name), 'finish'].join(', ');
    throw unreadable(`there is no action "${name}"; known are ${known}`);
  }
  const argumentsOf = Object.fromEntries(Object.entries(given).map(([key, member]) => [definitionName(key), member]));
  return {
    kind: 'act',
    reason,
    action: { name, arguments: asObject(withoutNulls(argumentsOf, definition.parameters)) },
  };
}

/** A parameter's name in replies: the same, except that `name` is the action's own, so a parameter of that name is `name_`. */
export function replyName(parameter: string): string {
  return /^name_*$/.test(parameter) ? `${parameter}_` : parameter;
}

function definitionName(key: string): string {
  return /^name_+$/.test(key) ? key.slice(0, -1) : key;
}

function replySchema(alternatives: JsonSchema[], withFinish: boolean): JsonSchema {
  const finish = objectOf({
    name: { type: 'string', const: 'finish' },
    answer: { type: 'string', maxLength: answerChars },
  });
  const anyOf = withFinish ? [...alternatives, finish] : alternatives;
  return objectOf({ reason: { type: 'string', maxLength: reasonChars }, action: { anyOf } });
}

function alternative(action: ActionDefinition, fixed: JsonObject = {}): JsonSchema {
  const strict = asObject(strictSchema(action.parameters).properties);
  const { element, ref, ...rest } = strict;
  const elementFirst = {
    ...(element === undefined ? {} : { element }),
    ...(ref === undefined ? {} : { ref }),
    ...rest,
  };
  const properties = Object.entries({ ...elementFirst, ...fixed }).map(([key, schema]) => [replyName(key), schema]);
  return objectOf({ name: { type: 'string', const: action.name }, ...Object.fromEntries(properties) });
}

function pinned(action: ActionDefinition, element: ElementReference): JsonObject {
  const choice = ['value', 'option'].find((name) => name in asObject(action.parameters.properties));
  const options = element.options ?? [];
  return {
    element: { type: 'string', const: element.name },
    ref: { type: 'string', const: element.ref },
    ...(choice === undefined || options.length === 0
      ? {}
      : { [choice]: { type: 'string', enum: [...new Set(options)] } }),
  };
}

function takesElement(action: ActionDefinition): boolean {
  const properties = asObject(action.parameters.properties);
  return 'element' in properties && 'ref' in properties;
}

function objectOf(properties: JsonObject): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

function unreadable(what: string): LbiError {
  return new LbiError(
    'fatal',
    `The agent's reply cannot be read: ${what}. It should have been checked against its schema.`,
  );
}
