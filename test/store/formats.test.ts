/** Every format: its records are what its readers expect, and lead back to the row; masks and added turns are where they belong. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { Json } from '../../schemas/common.ts';
import type { Row } from '../../schemas/dataset.ts';
import { formats } from '../../schemas/format.ts';
import {
  AdpMetadata,
  AdpTrajectory,
  AtifTrajectory,
  DatasetInfo,
  OpenAiChat,
  ShareGpt,
  TrlCompletion,
  TrlConversation,
} from '../../schemas/formats.ts';
import type { Telling } from '../../store/dataset/conversation.ts';
import { toAdp } from '../../store/dataset/formats/adp.ts';
import { toAtif } from '../../store/dataset/formats/atif.ts';
import { filesOf } from '../../store/dataset/formats/formats.ts';
import { toChat, toSteps } from '../../store/dataset/formats/openai.ts';
import { parquetBytes } from '../../store/dataset/formats/parquet.ts';
import { toShareGpt } from '../../store/dataset/formats/sharegpt.ts';
import { toTrl } from '../../store/dataset/formats/trl.ts';
import { hashOf } from '../../store/json.ts';
import { fromAdp, fromAtif, fromChat, fromParquet, fromShareGpt, fromTrl, toldOf } from './read-back.ts';
import { contextOf, plainTelling, sampleActions, sampleConversation, sampleFacts } from './sample.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const someText = fc.string({ unit: 'grapheme', maxLength: 60 });

/**
 * Any row. What the formats of text cannot hold is left out here and tested apart: tags that end the block of an observation,
 * placeholders of media, and texts that look like the frame around an observation.
 */
const plain = someText.filter((text) => !/<|The action failed|What the place/i.test(text));
const anyArguments = fc.dictionary(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((key) => !/^name_*$|^__proto__$/.test(key)),
  fc.jsonValue({ maxDepth: 2 }).filter((value) => value !== null) as fc.Arbitrary<Json>,
  { maxKeys: 4 },
);
const anyStep = fc.record(
  {
    reason: plain,
    action: fc.constantFrom('click', 'bash', 'type'),
    arguments: anyArguments,
    error: plain.map((text) => `failed: ${text.replaceAll('\n', ' ')}`),
    observation: plain,
  },
  { requiredKeys: ['reason', 'action', 'arguments', 'observation'] },
);
const anyRow: fc.Arbitrary<Row> = fc
  .record({
    example: hex(64),
    head: hex(64),
    split: fc.constantFrom('train' as const, 'validation' as const, 'test' as const),
    instruction: plain,
    style: fc.constantFrom('new-task' as const, 'replicate' as const, 'original' as const),
    observation: plain,
    steps: fc.array(anyStep, { minLength: 1, maxLength: 5 }),
    document: fc.option(fc.record({ id: plain, source: plain, title: plain })),
    scripted: fc.boolean(),
    known: fc.boolean(),
  })
  .map(({ head, known, steps, ...rest }) => {
    const row: Row = {
      ...rest,
      ...(known ? { actions: hashOf(sampleActions) } : {}),
      steps,
      id: rest.example.slice(0, 16),
      environment: 'wiki',
      task: { id: 'task', instruction: 'Try it' },
      trajectory: { head, from: 0, to: steps.length, steps: steps.map((_, at) => at + 1) },
      votes: [
        {
          vote: head,
          member: 'judge',
          model: 'm',
          yes: true,
          confidence: 0.5,
          criteria: { aligned: { yes: true, reason: 'it is' } },
        },
      ],
    };
    // as it is after storing: -0 and the like are gone
    return JSON.parse(JSON.stringify(row)) as Row;
  });
const tellings = fc.record({
  chat: fc.constantFrom('turns' as const, 'steps' as const),
  finish: fc.constantFrom('reply' as const, 'none' as const),
  repeated_steps: fc.constantFrom('train' as const, 'context' as const),
});

const conforms = (schema: TSchema, value: unknown): void => {
  if (Value.Check(schema, value)) return;
  const [first] = Value.Errors(schema, value);
  assert.fail(`${first?.instancePath} ${first?.message}: ${JSON.stringify(value)}`);
};

test('whatever the rows and however they are told, every record is what its reader expects', () => {
  const lineSchemas: Record<string, [TSchema, TSchema]> = {
    chat: [OpenAiChat, OpenAiChat],
    trl: [TrlConversation, TrlCompletion],
    sharegpt: [ShareGpt, ShareGpt],
    adp: [AdpTrajectory, AdpTrajectory],
  };
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 4 }), tellings, (rows, telling) => {
      const context = contextOf(rows, telling);
      for (const format of formats) {
        for (const { path, content } of filesOf(format, rows, context)) {
          if (typeof content !== 'string') continue;
          const [folder = ''] = path.split('/');
          if (path.endsWith('dataset_info.json')) conforms(DatasetInfo, JSON.parse(content));
          else if (path.endsWith('metadata.json')) conforms(AdpMetadata, JSON.parse(content));
          else if (folder === 'atif') conforms(AtifTrajectory, JSON.parse(content));
          else {
            const schema = lineSchemas[folder]?.[telling.chat === 'turns' ? 0 : 1] ?? assert.fail(path);
            for (const line of content.split('\n').slice(0, -1)) conforms(schema, JSON.parse(line));
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});

describe('round trips', () => {
  test('parquet gives the whole row back but for the split, which is the name of its file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 3 }), async (rows) => {
        const back = await fromParquet(parquetBytes(rows));
        assert.deepEqual(
          back,
          rows.map(({ split: _split, ...rest }) => rest),
        );
      }),
      { numRuns: 40 },
    );
  });

  test('atif and adp give the whole row back', () => {
    fc.assert(
      fc.property(anyRow, tellings, (row, telling) => {
        const context = contextOf([row], telling);
        const conversation = sampleConversation(row, telling);
        assert.deepEqual(fromAtif(JSON.parse(JSON.stringify(toAtif(conversation, context)))), row);
        assert.deepEqual(fromAdp(JSON.parse(JSON.stringify(toAdp(conversation)))), row);
      }),
    );
  });

  test('chats of turns give instruction, observations, reasons, actions and errors back; sharegpt all but the reasons', () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const conversation = sampleConversation(row);
        const told = toldOf(row);
        assert.deepEqual(fromTrl(toTrl(conversation, plainTelling)), told);
        assert.deepEqual(fromChat(toChat(conversation)), told);
        const silent = told.steps.map(({ reason: _reason, ...rest }) => rest);
        assert.deepEqual(fromShareGpt(toShareGpt(conversation, plainTelling)), { ...told, steps: silent });
      }),
    );
  });
});

let row: Row;
before(() => {
  row = (fc.sample(anyRow, { numRuns: 1, seed: 7 })[0] ?? assert.fail()) satisfies Row;
  row = {
    ...row,
    actions: hashOf(sampleActions),
    instruction: 'Press it',
    observation: 'a page',
    steps: [
      { reason: 'r1', action: 'click', arguments: { element: 'A', ref: 'e1' }, observation: 'second page' },
      {
        reason: 'r2',
        action: 'click',
        arguments: { element: 'B', ref: 'e2' },
        error: 'failed: no B',
        observation: 'same',
      },
      { reason: 'r3', action: 'click', arguments: { element: 'C', ref: 'e3' }, observation: 'third page' },
    ],
    trajectory: { head: 'a'.repeat(64), from: 0, to: 3, steps: [1, 2, 3] },
  };
});

describe('what a reader stumbles over', () => {
  test('sharegpt: human and observation stand at odd places, placeholders of media are no placeholders', () => {
    const odd = { ...row, instruction: 'Show <image>', observation: '<video><audio>' };
    const { conversations } = toShareGpt(sampleConversation(odd), plainTelling);
    for (const [at, { from, value }] of conversations.entries()) {
      assert.ok((at % 2 === 0 ? ['human', 'observation'] : ['function_call', 'gpt']).includes(from));
      assert.doesNotMatch(value, /<(image|video|audio)>/);
    }
    assert.equal(conversations.length % 2, 0);
  });

  test('adp: every action but the added finish has an id, used once, and its observation follows', () => {
    const { content } = toAdp(sampleConversation(row));
    const actions = content.filter((item) => item.class_ === 'api_action');
    assert.deepEqual(
      actions.map(({ tool_call_id: id }) => id),
      ['call_000001', 'call_000002', 'call_000003', undefined],
    );
    for (const [at, item] of content.entries())
      if (item.class_ === 'api_action' && item.tool_call_id !== undefined)
        assert.equal(content[at + 1]?.tool_call_id, item.tool_call_id);
  });

  test('atif: steps are numbered from 1, results name the call of their step, the added finish cost no model call', () => {
    const { steps, session_id } = toAtif(sampleConversation(row), contextOf([row]));
    assert.deepEqual(
      steps.map(({ step_id }) => step_id),
      [1, 2, 3, 4, 5],
    );
    for (const { observation, tool_calls } of steps)
      if (observation !== undefined)
        assert.equal(observation.results[0]?.source_call_id, tool_calls?.[0]?.tool_call_id);
    assert.deepEqual(
      steps.map(({ llm_call_count: count }) => count),
      [undefined, 1, 1, 1, 0],
    );
    assert.equal(session_id, row.trajectory.head);
  });

  test('tools are those of the place, and finish only where an example ends on it', () => {
    const names = (finish: Telling['finish']) =>
      toTrl(sampleConversation(row, { finish }), { ...plainTelling, finish }).tools.map((tool) => tool.function.name);
    assert.deepEqual(names('reply'), ['click', 'finish']);
    assert.deepEqual(names('none'), ['click']);
  });

  test('a dataset of rows without known actions is written too', () => {
    const { actions: _actions, ...unknown } = row;
    for (const format of formats) assert.ok(filesOf(format, [unknown], contextOf([unknown])).length > 0);
  });
});

describe('chats in steps', () => {
  test('a row per action that is to be learnt, the failed one in the history of the next', () => {
    const steps = toSteps(sampleConversation(row), sampleFacts);
    assert.deepEqual(
      steps.map(({ step }) => step),
      [1, 3, 4],
    );
    const [first, third, last] = steps;
    assert.match(
      first?.user ?? '',
      /Your task: Press it[\s\S]*Nothing yet\.[\s\S]*<observation>\na page\n<\/observation>/,
    );
    assert.match(third?.user ?? '', /Failed: no B/);
    assert.match(third?.user ?? '', /The last action failed: no B\n\nsame/);
    assert.match(last?.reply ?? '', /"name":"finish","answer":"done"/);
    assert.ok(steps.every(({ user }) => !/Examples from earlier work|Pages of the documentation/.test(user)));
    const without = toSteps(sampleConversation(row, { finish: 'none' }), sampleFacts);
    assert.deepEqual(
      without.map(({ step }) => step),
      [1, 3],
    );
  });
});

describe('steps that several examples hold', () => {
  const inWindow = (steps: number[], example: string, split: Row['split'] = 'train'): Row => ({
    ...row,
    split,
    example: example.repeat(64),
    id: example.repeat(16),
    steps: row.steps.filter((_, at) => steps.includes(at + 1)),
    trajectory: { ...row.trajectory, steps },
  });

  test('are a target in each of them unless the longest alone is asked for', () => {
    const rows = [inWindow([1, 2, 3], 'c'), inWindow([1], 'a'), inWindow([3], 'b'), inWindow([3], 'd', 'test')];
    const marks = (telling: Partial<Telling>) => {
      const context = contextOf(rows, telling);
      return rows.map((each) => {
        const file = filesOf('atif', [each], context)[0]?.content as string;
        const { steps } = JSON.parse(file) as AtifTrajectory;
        return steps.slice(1).map(({ is_copied_context: copied = false }) => copied);
      });
    };
    assert.ok(
      marks({})
        .flat()
        .every((copied) => !copied),
    );
    assert.deepEqual(marks({ repeated_steps: 'context' }), [
      [false, false, false, false],
      [true, false],
      [true, false],
      [false, false],
    ]);
    const chats = filesOf('openai', rows.slice(1, 2), contextOf(rows, { repeated_steps: 'context' }));
    const { messages } = JSON.parse(String(chats[0]?.content)) as OpenAiChat;
    assert.deepEqual(
      messages.filter(({ role }) => role === 'assistant').map(({ weight }) => weight),
      [0, undefined],
    );
  });

  test('each is a target exactly once, and which example keeps it does not depend on the order of the rows', () => {
    const windows = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), {
      minLength: 1,
      selector: ([from, to]) => `${Math.min(from, to)}${Math.max(from, to)}`,
    });
    fc.assert(
      fc.property(windows, (all) => {
        const rows = all.map(([one, other], at) => {
          const [from, to] = [Math.min(one, other), Math.max(one, other)];
          return inWindow(
            Array.from({ length: to - from + 1 }, (_, step) => from + step),
            'abcdef'[at] ?? '0',
          );
        });
        const { repeated } = contextOf(rows, { repeated_steps: 'context' });
        assert.deepEqual(contextOf(rows.toReversed(), { repeated_steps: 'context' }).repeated, repeated);
        const targets = rows.flatMap(({ example, trajectory }) =>
          trajectory.steps.filter((step) => repeated.get(example)?.has(step) !== true),
        );
        assert.deepEqual(
          targets.toSorted(),
          [...new Set(rows.flatMap(({ trajectory }) => trajectory.steps))].toSorted(),
        );
      }),
    );
  });
});
