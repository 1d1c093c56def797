/** Checks an action against the definitions that the agent was told of. */
import { Ajv, type ValidateFunction } from 'ajv';
import type { Action, ActionDefinition, StepError } from '../schemas/observation.ts';

const ajv = new Ajv({ allErrors: true, strict: true });
const compiled = new WeakMap<ActionDefinition, ValidateFunction>();

/** Why `action` cannot be run, as an error of class `invalid` that tells the agent what was expected; undefined when it can. */
export const checkAction = (definitions: ActionDefinition[], action: Action): StepError | undefined => {
  const definition = definitions.find(({ name }) => name === action.name);
  if (definition === undefined) {
    const known = definitions.map(({ name }) => name).join(', ');
    return {
      class: 'invalid',
      message: `There is no action "${action.name.slice(0, 60)}". The actions are: ${known}.`,
    };
  }
  const validate = compiled.get(definition) ?? ajv.compile(definition.parameters);
  compiled.set(definition, validate);
  if (validate(action.arguments)) return undefined;
  const problems = (validate.errors ?? []).map((error) => {
    const extra =
      error.keyword === 'additionalProperties' ? ` ("${String(error.params.additionalProperty).slice(0, 60)}")` : '';
    return `${error.instancePath === '' ? 'the arguments' : error.instancePath.slice(1)} ${error.message}${extra}`;
  });
  return { class: 'invalid', message: `The arguments of "${action.name}" do not fit: ${problems.join('; ')}.` };
};
