import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv } from 'ajv';
import { ModelError } from '../../core/errors.ts';
import { localModel } from '../../models/local.ts';
import type { Model, ModelContext, ModelReply, ModelRequest } from '../../models/model.ts';
import { findWeights } from '../../models/weights.ts';
import type { JsonSchema } from '../../schemas/common.ts';

const cache = process.env.LBI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbi');
const context: ModelContext = {
  secret: (name) => assert.fail(`asked for the secret ${name}`),
  file: (path) => path,
  async weights(sha256) {
    const found = await findWeights(sha256, cache);
    return found?.path ?? assert.fail(`the weights ${sha256} are not installed`);
  },
};
const live = new AbortController().signal;
const local = (model: string, more: { context?: number; threads?: number } = {}) =>
  localModel({ provider: 'local', model, threads: 1, ...more }, context);

let small: Model;
before(async () => {
  small = await local('qwen2.5-coder-0.5b');
});
after(() => small.close());

const object = (properties: JsonSchema): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const sentence = { type: 'string', maxLength: 80 };
const ask = (user: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  role: 'decide',
  system: 'You are a helpful assistant that answers in JSON.',
  messages: [{ role: 'user', content: [{ type: 'text', text: user }] }],
  schema: object({ text: sentence }),
  maxTokens: 120,
  ...more,
});

async function complete(model: Model, request: ModelRequest, signal = live): Promise<ModelReply> {
  const started = performance.now();
  const reply = await model.complete(request, { signal });
  const { input, cached, output } = reply.usage;
  const seconds = ((performance.now() - started) / 1000).toFixed(2);
  console.log(`${request.role}: ${seconds} s, ${input} in (${cached} cached), ${output} out: ${reply.text}`);
  return reply;
}

function fits(reply: ModelReply, schema: JsonSchema): void {
  assert.equal(reply.stop, 'complete', reply.detail);
  const ajv = new Ajv({ strict: false });
  assert.ok(ajv.validate(schema, reply.value), `${reply.text}: ${ajv.errorsText()}`);
}

const click = (refs: string[]) =>
  object({ name: { const: 'click' }, element: { type: 'string', maxLength: 30 }, ref: { enum: refs } });
const type = object({
  name: { const: 'type' },
  ref: { enum: ['e4'] },
  text: { type: 'string', minLength: 1, maxLength: 40 },
});
const decision = object({ reason: sentence, action: { anyOf: [click(['e1', 'e2']), type] } });
const wide = object({ reason: sentence, action: { type: 'object' } });
const rules = `You operate a web page. ${'Give one short reason, then one action on an element of the page. '.repeat(6)}`;
const page = '- button "New tiddler" [ref=e1]\n- button "Save" [ref=e2]\n- textbox "Search" [ref=e4]\n\nTask: ';

test('replies keep to the enumerated actions, and the second call reads only what is new', async () => {
  const request = (task: string) => ask(page + task, { system: rules, schema: wide, narrowSchema: decision });
  const first = await complete(small, request('Create a new tiddler.'));
  fits(first, decision);
  assert.equal(first.usage.cached, 0);
  const second = await complete(small, request('Search for bears.'));
  fits(second, decision);
  for (const { text } of [first, second])
    assert.doesNotMatch(text, / ", "action"/, 'a reason that was cut ends at a word');
  assert.ok(second.usage.input - second.usage.cached < 16, JSON.stringify(second.usage));
});

test('two roles in turn keep their prefixes', async () => {
  const relabel = (what: string) =>
    ask(what, { role: 'relabel', system: `You name what was done. ${'Be brief. '.repeat(40)}` });
  const decide = (what: string) => ask(page + what, { system: rules, schema: decision });
  await complete(small, relabel('Clicked Save.'));
  await complete(small, decide('Save the page.'));
  const again = [await complete(small, relabel('Typed bears.')), await complete(small, decide('Search for cats.'))];
  for (const reply of again) assert.ok(reply.usage.cached > 80 && reply.usage.input - reply.usage.cached < 16);
});

test('the same request has the same reply, cached or not, and another seed may have another', async () => {
  const request = ask('Name an animal.');
  const first = await complete(small, request);
  assert.equal((await complete(small, request)).text, first.text);
  const drawn = (seed: number) => complete(small, { ...request, temperature: 1.5, seed });
  const [one, same, other, third] = [await drawn(1), await drawn(1), await drawn(2), await drawn(3)];
  assert.equal(one.text, same.text);
  assert.ok(new Set([one.text, other.text, third.text]).size > 1);
});

test('every kind of schema comes out valid', async () => {
  const schema: JsonSchema = {
    ...object({
      list: { type: 'array', items: { $ref: '#/$defs/item' }, minItems: 2, maxItems: 2 },
      count: { type: 'integer' },
      price: { type: ['number', 'null'] },
      mood: { enum: ['good "quoted"', 'bäd\\😀', 3, null] },
      empty: object({}),
      both: { allOf: [object({ a: { type: 'boolean' } }), object({ b: { const: 'x' } })] },
      labels: { type: 'object', additionalProperties: { type: 'integer' }, maxProperties: 2 },
    }),
    $defs: {
      item: {
        type: 'object',
        properties: { id: { type: 'integer' }, note: { type: 'string', maxLength: 12 } },
        required: ['id'],
      },
    },
  };
  const relaxed = structuredClone(schema);
  const reply = await complete(
    small,
    ask('Describe two apples: id, note, count, price, mood.', { schema, role: 'x', maxTokens: 300 }),
  );
  const properties = relaxed.properties as Record<string, JsonSchema>;
  properties.labels = { type: 'object', additionalProperties: { type: 'integer' } };
  properties.both = { type: 'object', required: ['a', 'b'] };
  fits(reply, relaxed);
});

test('text is text: unicode survives and chat markers in a page end nothing', async () => {
  const reply = await complete(small, ask('Repeat exactly: Grüße 日本 😀', { role: 'echo' }));
  fits(reply, object({ text: sentence }));
  assert.match(reply.text, /Grüße|日本|😀/);
  const plain = await complete(small, ask('Say A.', { role: 'marker' }));
  const marked = await complete(small, ask('Say A.<|im_end|>', { role: 'marker' }));
  assert.ok(
    marked.usage.input >= plain.usage.input + 4,
    'a marker in the text is read as its letters, not as one token',
  );
});

test('a reply that is cut and a prompt that is too long are results, and the model goes on', async () => {
  const cut = await complete(small, ask('Tell a story.', { maxTokens: 8 }));
  assert.deepEqual([cut.stop, cut.value, cut.usage.output], ['length', undefined, 8]);
  const narrow = await local('qwen2.5-coder-0.5b', { context: 512 });
  try {
    const long = await complete(narrow, ask('word '.repeat(2000), { role: 'long' }));
    assert.deepEqual([long.stop, long.usage.calls], ['length', 0]);
    assert.match(long.detail, /20\d\d tokens.*holds 512.*`context`/);
    const filled = await complete(narrow, ask('word '.repeat(440), { role: 'long', maxTokens: 500 }));
    assert.ok(filled.usage.input + filled.usage.output <= 512);
    fits(await complete(narrow, ask('Say A.', { role: 'long' })), object({ text: sentence }));
  } finally {
    await narrow.close();
  }
});

test('a string that meets its bound ends at a word', async () => {
  const reply = await complete(
    small,
    ask('Explain in many words how a compiler works.', { schema: object({ text: sentence, end: { const: 1 } }) }),
  );
  const { text } = reply.value as { text: string };
  assert.ok(text.length <= 80 && text.length > 40);
  assert.match(text, /^[\x20-\x7e]*[a-z.,;:]$/i);
});

test('an abort ends a call at once, running or waiting, and the next one is right', async () => {
  const expected = (await complete(small, ask('Name a colour.'))).text;
  const controller = new AbortController();
  const running = small.complete(ask('page '.repeat(3000), { role: 'big' }), { signal: controller.signal });
  const waiting = small.complete(ask('Name a colour.'), { signal: controller.signal });
  await new Promise((done) => setTimeout(done, 300));
  const started = performance.now();
  controller.abort(new Error('enough'));
  for (const call of [running, waiting]) {
    await assert.rejects(call, (error) => error instanceof ModelError && error.kind === 'transient');
  }
  assert.ok(performance.now() - started < 200);
  assert.equal((await complete(small, ask('Name a colour.'))).text, expected);
  await assert.rejects(small.complete(ask('x'), { signal: AbortSignal.abort() }), ModelError);
});

test('calls at once are answered one after the other, each with its own answer', async () => {
  const order: number[] = [];
  const replies = await Promise.all(
    [7, 8, 9].map(async (number) => {
      const reply = await complete(
        small,
        ask(`Repeat this number: ${number}`, { schema: object({ number: { type: 'integer' } }) }),
      );
      order.push(number);
      return reply.value;
    }),
  );
  assert.deepEqual(order, [7, 8, 9]);
  assert.deepEqual(replies, [{ number: 7 }, { number: 8 }, { number: 9 }]);
});

test('one file is loaded once, and stays while anybody uses it', async () => {
  const other = await local('qwen2.5-coder-0.5b', { context: 1024 });
  const started = performance.now();
  fits(await complete(other, ask('Say A.', { maxTokens: 40 })), object({ text: sentence }));
  assert.ok(performance.now() - started < 20_000);
  await other.close();
  fits(await complete(small, ask('Say A.')), object({ text: sentence }));
  await assert.rejects(other.complete(ask('x'), { signal: live }), /called after it was closed/);
});

test('what cannot be loaded is an operator error that says what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-local-'));
  const operator = (expected: RegExp) => (error: unknown) =>
    error instanceof ModelError && error.kind === 'operator' && expected.test(error.message);
  try {
    await assert.rejects(local(join(folder, 'none.gguf')), operator(/none\.gguf.*lbi doctor --fix/s));
    await writeFile(join(folder, 'bad.gguf'), 'this is no model');
    const bad = await local(join(folder, 'bad.gguf'));
    for (let turn = 0; turn < 2; turn++) {
      await assert.rejects(bad.complete(ask('x'), { signal: live }), operator(/could not be loaded.*GGUF/s));
    }
    await bad.close();
    const wrong: ModelContext = { ...context, weights: async () => join(folder, 'bad.gguf') };
    await assert.rejects(localModel({ provider: 'local', model: 'qwen2.5-coder-0.5b' }, wrong), operator(/damaged/));
  } finally {
    await rm(folder, { recursive: true });
  }
});

const pairs: [instruction: string, command: string, right: boolean][] = [
  ['Show the name of the package.', 'npm pkg get name', true],
  ['Set the version of the package to 1.2.3.', 'npm version 1.2.3', true],
  ['List the installed packages.', 'npm ls', true],
  ['Clear the npm cache by force.', 'npm cache clean --force', true],
  ['Delete the folder tmp.', 'npm pkg get name', false],
  ['Install the package lodash.', 'npm ls', false],
  ['Show the npm cache.', 'npm version 1.2.3', false],
  ['Write a poem about the sea.', 'npm cache clean --force', false],
];

test('the 1.5B model tells obvious votes apart by probability', async () => {
  const judge = await local('qwen2.5-coder-1.5b');
  try {
    const schema = object({ aligned: { enum: ['yes', 'no'] }, reason: { type: 'string', maxLength: 40 } });
    const system =
      'You check training data. Given an instruction and the command that was run, say whether the command does what the instruction asks: ' +
      '"aligned" is yes or no. Then give a reason in a few words. Answer in JSON.';
    const scores: { right: boolean; probability: number }[] = [];
    for (const [instruction, command, right] of pairs) {
      const user = `Instruction: ${instruction}\nCommand: ${command}\nDoes the command do what the instruction asks?`;
      const reply = await complete(judge, ask(user, { role: 'vote', system, schema, yesNo: ['/aligned'] }));
      fits(reply, schema);
      const probability = reply.probabilities?.['/aligned'] ?? Number.NaN;
      assert.equal((reply.value as { aligned: string }).aligned, probability >= 0.5 ? 'yes' : 'no');
      scores.push({ right, probability });
      console.log(`P(yes) ${probability.toFixed(3)}, expected ${right ? 'yes' : 'no'}: ${instruction} / ${command}`);
    }
    const least = Math.min(...scores.filter((score) => score.right).map((score) => score.probability));
    const most = Math.max(...scores.filter((score) => !score.right).map((score) => score.probability));
    assert.ok(least > most, `a right pair has ${least}, a wrong one ${most}`);
  } finally {
    await judge.close();
  }
});
