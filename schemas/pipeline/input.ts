/** `inputs:` of the pipeline file: what a person may give at the start of a run, one variant per type. */
import { type Static, Type } from 'typebox';
import { flag, list, number, strict, text, variants, whole } from './key.ts';

const common = {
  about: text('nothing', 'What it is for, in words: shown when it is missing or wrong.', {
    optional: true,
    example: 'How many pages are read.',
  }),
  required: flag('nothing', 'It must be given with every run, even where there is a default.', { optional: true }),
};

const says = 'Its value when none is given; without a default it must be given.';
const unit = 'the unit of the key where it is used';

export const IntegerInput = strict(
  {
    type: Type.Literal('integer'),
    default: whole('nothing', says, { unit, optional: true, example: 20 }),
    min: whole('nothing', 'Least that may be given.', { unit, optional: true, example: 1 }),
    max: whole('nothing', 'Most that may be given.', { unit, optional: true, example: 500 }),
    ...common,
  },
  { title: 'A whole number' },
);
export const NumberInput = strict(
  {
    type: Type.Literal('number'),
    default: number('nothing', says, { unit, optional: true, example: 0.7 }),
    min: number('nothing', 'Least that may be given.', { unit, optional: true, example: 0 }),
    max: number('nothing', 'Most that may be given.', { unit, optional: true, example: 2 }),
    ...common,
  },
  { title: 'A number' },
);
export const TextInput = strict(
  {
    type: Type.Literal('text'),
    default: text('nothing', says, { optional: true, example: 'docs/**/*.md' }),
    ...common,
  },
  { title: 'A text' },
);
export const BooleanInput = strict(
  { type: Type.Literal('boolean'), default: flag('nothing', says, { optional: true }), ...common },
  { title: 'true or false' },
);
export const ChoiceInput = strict(
  {
    type: Type.Literal('choice'),
    choices: list('nothing', 'The texts that may be given.', Type.String({ minLength: 1 }), {
      min: 1,
      unique: true,
      example: ['unanimous', 'majority'],
    }),
    default: text('nothing', says, { optional: true, example: 'unanimous' }),
    ...common,
  },
  { title: 'One of a few texts' },
);

export const InputSpec = variants('type', [IntegerInput, NumberInput, TextInput, BooleanInput, ChoiceInput]);
export type InputType = Static<typeof InputSpec>['type'];
/** What an input is once a run begins. */
export type InputValue = string | number | boolean;
