import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { decisionSchema, narrowDecisionSchema, readDecision } from '../../core/action-schema.ts';
import { LbiError } from '../../core/errors.ts';
import type { Json, JsonObject, JsonSchema } from '../../schemas/common.ts';
import type { ActionDefinition, ElementReference } from '../../schemas/observation.ts';

const text = { type: 'string', maxLength: 200 };
const parameters = (properties: JsonObject, required = Object.keys(properties)): JsonSchema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const actions: ActionDefinition[] = [
  { name: 'click', description: 'Click.', parameters: parameters({ ref: text, element: text }) },
  {
    name: 'type',
    description: 'Type.',
    parameters: parameters({ element: text, ref: text, text, submit: { type: 'boolean' } }, ['element', 'ref', 'text']),
  },
  { name: 'select', description: 'Select.', parameters: parameters({ element: text, ref: text, value: text }) },
  { name: 'back', description: 'Go back.', parameters: parameters({}) },
];
const elements: ElementReference[] = [
  { ref: 'e1', role: 'button', name: 'Save', actions: ['click'] },
  { ref: 'e2', role: 'textbox', name: 'Title "x"', actions: ['click', 'type'] },
  { ref: 'e3', role: 'combobox', name: 'Colour', actions: ['select'], options: ['red', 'green', 'red'] },
];

const accepts = (schema: JsonSchema) => new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);
const act = (action: JsonObject): Json => ({ reason: 'Because.', action });
const narrow = () => narrowDecisionSchema(actions, elements) ?? assert.fail('nothing was narrowed');

/** Every subschema, to check rules that hold at any depth. */
function everySchema(schema: JsonSchema): JsonSchema[] {
  const below = [
    schema.items,
    ...Object.values((schema.properties ?? {}) as JsonObject),
    ...((schema.anyOf ?? []) as Json[]),
  ];
  return [
    schema,
    ...below.filter((member) => member !== undefined).flatMap((member) => everySchema(member as JsonSchema)),
  ];
}

test('replies to each action and to finish satisfy the schema', () => {
  const valid = accepts(decisionSchema(actions));
  assert.ok(valid(act({ name: 'click', element: 'Save', ref: 'e1' })));
  assert.ok(valid(act({ name: 'type', element: 'Title', ref: 'e2', text: 'x', submit: null })));
  assert.ok(valid(act({ name: 'back' })));
  assert.ok(valid(act({ name: 'finish', answer: 'done' })));
});

test('unknown actions, missing and additional arguments and over-long strings do not', () => {
  const valid = accepts(decisionSchema(actions));
  assert.ok(!valid(act({ name: 'hover', element: 'Save', ref: 'e1' })));
  assert.ok(!valid(act({ name: 'click', element: 'Save' })));
  assert.ok(!valid(act({ name: 'back', ref: 'e1' })));
  assert.ok(!valid(act({ name: 'finish', answer: 'x'.repeat(5000) })));
  assert.ok(!valid({ action: { name: 'back' } }));
  assert.ok(!valid({ reason: 'x', action: { name: 'back' }, more: 1 }));
});

test('objects are closed and require all they have, strings are bounded, at any depth', () => {
  const nested: ActionDefinition = {
    name: 'call',
    description: '',
    parameters: {
      type: 'object',
      properties: {
        list: {
          type: 'array',
          items: {
            type: 'object',
            properties: { key: { type: 'string' }, note: { type: 'string' } },
            required: ['key'],
          },
        },
        mode: { type: 'string', enum: ['a', 'b'] },
        either: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
        free: { type: ['string', 'null'] },
      },
    },
  };
  for (const schema of [decisionSchema([...actions, nested]), narrow()]) {
    for (const part of everySchema(schema)) {
      if (part.type === 'object') {
        assert.equal(part.additionalProperties, false);
        assert.deepEqual(part.required, Object.keys(part.properties as JsonObject));
      }
      const isText = part.type === 'string' || (Array.isArray(part.type) && part.type.includes('string'));
      if (isText && part.const === undefined && part.enum === undefined) assert.equal(typeof part.maxLength, 'number');
      if (part.type === 'array') assert.equal(typeof part.maxItems, 'number');
    }
    accepts(schema);
  }
  const valid = accepts(decisionSchema([nested]));
  const given = { name: 'call', list: [{ key: 'k', note: null }], mode: null, either: 3, free: null };
  assert.ok(valid(act(given)));
  assert.deepEqual(readDecision(act(given), [nested]), {
    kind: 'act',
    reason: 'Because.',
    action: { name: 'call', arguments: { list: [{ key: 'k' }], either: 3 } },
  });
});

test('the reason comes before the action, and the name of an element before its ref', () => {
  for (const schema of [decisionSchema(actions), narrow()]) {
    assert.deepEqual(Object.keys(schema.properties as JsonObject), ['reason', 'action']);
    for (const part of everySchema(schema)) {
      const names = Object.keys((part.properties ?? {}) as JsonObject);
      if (names.includes('ref')) assert.deepEqual(names.slice(0, 3), ['name', 'element', 'ref']);
    }
  }
});

test('the narrow schema takes only what the elements allow now', () => {
  const valid = accepts(narrow());
  assert.ok(valid(act({ name: 'click', element: 'Save', ref: 'e1' })));
  assert.ok(valid(act({ name: 'type', element: 'Title "x"', ref: 'e2', text: 'Milk', submit: null })));
  assert.ok(valid(act({ name: 'select', element: 'Colour', ref: 'e3', value: 'green' })));
  assert.ok(valid(act({ name: 'back' })));
  assert.ok(valid(act({ name: 'finish', answer: '' })));
  assert.ok(!valid(act({ name: 'click', element: 'Save', ref: 'e2' })), 'another element by that name');
  assert.ok(
    !valid(act({ name: 'type', element: 'Save', ref: 'e1', text: 'x', submit: null })),
    'a button takes no text',
  );
  assert.ok(!valid(act({ name: 'select', element: 'Colour', ref: 'e3', value: 'blue' })), 'no such option');
});

test('whatever the narrow schema takes, the wide one takes', () => {
  const wide = accepts(decisionSchema(actions));
  for (const reply of [
    act({ name: 'type', element: 'Title "x"', ref: 'e2', text: 'Milk', submit: true }),
    act({ name: 'select', element: 'Colour', ref: 'e3', value: 'red' }),
  ]) {
    assert.ok(accepts(narrow())(reply) && wide(reply));
  }
});

test('without actions on elements nothing is narrowed; without elements only the other actions remain', () => {
  assert.equal(
    narrowDecisionSchema([{ name: 'bash', description: '', parameters: parameters({ command: text }) }], elements),
    undefined,
  );
  const valid = accepts(narrowDecisionSchema(actions, []) ?? {});
  assert.ok(valid(act({ name: 'back' })));
  assert.ok(!valid(act({ name: 'click', element: 'Save', ref: 'e1' })));
});

test('on a huge page the first elements stay, and other actions and finish always', () => {
  const many = Array.from({ length: 1000 }, (_, at) => ({
    ref: `e${at}`,
    role: 'link',
    name: `${at}`,
    actions: ['click'],
  }));
  const schema = narrowDecisionSchema(actions, many) ?? {};
  const alternatives = ((schema.properties as JsonObject).action as JsonObject).anyOf as Json[];
  assert.equal(alternatives.length, 150);
  const valid = accepts(schema);
  assert.ok(valid(act({ name: 'click', element: '0', ref: 'e0' })));
  assert.ok(!valid(act({ name: 'click', element: '999', ref: 'e999' })));
  assert.ok(valid(act({ name: 'back' })) && valid(act({ name: 'finish', answer: 'x' })));
});

test('a reply becomes an action without the nulls of optional arguments', () => {
  assert.deepEqual(readDecision(act({ name: 'type', element: 'Title', ref: 'e2', text: '', submit: null }), actions), {
    kind: 'act',
    reason: 'Because.',
    action: { name: 'type', arguments: { element: 'Title', ref: 'e2', text: '' } },
  });
  assert.deepEqual(readDecision(act({ name: 'finish', answer: '42' }), actions), {
    kind: 'finish',
    reason: 'Because.',
    answer: '42',
  });
});

test('a parameter called `name` does not collide with the name of the action', () => {
  const create: ActionDefinition = {
    name: 'create',
    description: '',
    parameters: parameters({ name: text, name_: text }),
  };
  const reply = act({ name: 'create', name_: 'Rain', name__: 'second' });
  assert.ok(accepts(decisionSchema([create]))(reply));
  assert.deepEqual(readDecision(reply, [create]), {
    kind: 'act',
    reason: 'Because.',
    action: { name: 'create', arguments: { name: 'Rain', name_: 'second' } },
  });
});

test('a reply that fits no action is an error that lists the actions', () => {
  assert.throws(
    () => readDecision(act({ name: 'hover' }), actions),
    /"hover"; known are click, type, select, back, finish/,
  );
  for (const broken of [null, 'x', [], { reason: 'x' }, { action: { name: 'back' } }, act({ name: 'finish' })]) {
    assert.throws(() => readDecision(broken, actions), LbiError);
  }
});
