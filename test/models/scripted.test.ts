import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ModelError } from '../../core/errors.ts';
import type { Model, ModelContext, ModelRequest } from '../../models/model.ts';
import { recordRequest, requestHash } from '../../models/scripted/recording.ts';
import { scriptedModel } from '../../models/scripted.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-script-'));
});
after(() => rm(folder, { recursive: true }));

const context: ModelContext = {
  secret: (name) => assert.fail(`asked for the secret ${name}`),
  weights: (sha256) => assert.fail(`asked for the weights ${sha256}`),
  file: (path) => join(folder, path),
};
const live = new AbortController().signal;

let scripts = 0;
async function script(
  text: string,
  more: { delay?: number; price?: { input: number; output: number } } = {},
): Promise<Model> {
  const name = `script-${scripts++}.yaml`;
  await writeFile(join(folder, name), text);
  return scriptedModel({ provider: 'scripted', script: name, ...more }, context);
}

const anything = { type: 'object' };
const ask = (user: string | string[], more: Partial<ModelRequest> = {}): ModelRequest => ({
  role: 'decide',
  system: 'You act in a wiki.',
  messages: [user].flat().map((text) => ({ role: 'user', content: [{ type: 'text', text }] })),
  schema: anything,
  maxTokens: 100,
  ...more,
});
const answered = async (model: Model, request: ModelRequest) => (await model.complete(request, { signal: live })).value;

const isSpecError = (expected: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ModelError, String(error));
  assert.equal(error.kind, 'spec');
  assert.match(error.message, expected);
  return true;
};

const wiki = `
current: '^Current observation:'
rules:
  - role: decide
    step: 0
    pick: button "New tiddler"
    reply: { reason: open a draft, action: { name: click, element: 'button "New tiddler"', ref: '\${ref}' } }
  - role: decide
    pick: { box: textbox "Title", save: button "Save (all)" }
    unless: { user: 'typed' }
    when: { user: 'Task: write about (?<topic>.+)' }
    reply: { reason: 'the box is there', action: { name: type, ref: '\${box}', text: '\${topic}, for $$5', save: '\${save}' } }
  - role: [relabel, query]
    when: '"(.+?)" was clicked'
    reply: { instruction: 'Click $1' }
fallback:
  reply: { reason: done, finish: true }
`;

const page = (ref: string, ...more: string[]) =>
  ['Current observation:', '- heading "Wiki"', `  - button "New tiddler" [disabled] [ref=${ref}]:`, ...more].join('\n');

test('a rule finds the ref of an element in the current observation, not in an earlier one', async () => {
  const model = await script(wiki);
  const value = await answered(model, ask([`Task: go\n${page('e3')}`, page('e12')]));
  assert.deepEqual(value, {
    reason: 'open a draft',
    action: { name: 'click', element: 'button "New tiddler"', ref: 'e12' },
  });
  const gone = await answered(model, ask([page('e3'), 'Current observation:\n- button "New tiddler here" [ref=e4]']));
  assert.deepEqual(gone, { reason: 'done', finish: true }, 'an element that is gone is not picked from the past');
});

test('the step is the number of actions in the history, and conditions combine', async () => {
  const model = await script(wiki);
  const boxes = ['- textbox "Title" [ref=e9]', '- button "Save (all)" [ref=e10]'];
  const later = ask(['Task: write about bears', 'Action 1: click e3', page('e12', ...boxes)]);
  assert.deepEqual(await answered(model, later), {
    reason: 'the box is there',
    action: { name: 'type', ref: 'e9', text: 'bears, for $5', save: 'e10' },
  });
  const typed = ask(['Task: write about bears', 'Action 1: typed', page('e12', ...boxes)]);
  assert.deepEqual(await answered(model, typed), { reason: 'done', finish: true });
});

test('captures come from the last match, and the role must fit', async () => {
  const model = await script(wiki);
  const request = ask('"Old" was clicked\n"New" was clicked', { role: 'relabel' });
  assert.deepEqual(await answered(model, request), { instruction: 'Click New' });
  assert.deepEqual(await answered(model, { ...request, role: 'instruct' }), { reason: 'done', finish: true });
});

test('a pattern may ask for the first match, or for the text after a marker', async () => {
  const model = await script(`
rules:
  - when: { user: [{ match: 'n=(\\d)', first: true }, { match: 'n=(\\d)', after: '^mark' }], system: '(wiki)' }
    reply: [ $1, $2, $3 ]
`);
  assert.deepEqual(await answered(model, ask('n=1 n=2\nmark n=3\nmark n=4 n=5', { schema: { type: 'array' } })), [
    'wiki',
    '1',
    '5',
  ]);
});

test('votes carry the probabilities that were asked for', async () => {
  const model = await script(`
rules:
  - { when: all, reply: { a: 'yes' }, probability: 0.75 }
  - { when: some, reply: { a: 'yes' }, probability: { a: 0.9, /b/answer: 0.2 } }
  - { when: wrong, reply: {}, probability: { c: 1 } }
  - { when: none, reply: {} }
`);
  const vote = (text: string) => model.complete(ask(text, { yesNo: ['/a', '/b/answer'] }), { signal: live });
  assert.deepEqual((await vote('all')).probabilities, { '/a': 0.75, '/b/answer': 0.75 });
  assert.deepEqual((await vote('some')).probabilities, { '/a': 0.9, '/b/answer': 0.2 });
  assert.equal((await vote('none')).probabilities, undefined);
  await assert.rejects(vote('wrong'), isSpecError(/yaml:5: rule 3: probability of c, but asked were \/a, \/b\/answer/));
});

test('refusals, cut-offs and prose are replies with a reason', async () => {
  const model = await script(`
rules:
  - { when: refuse, stop: refusal }
  - { when: prose, text: 'I would rather not, $0.' }
  - { when: json, text: '{"a": 1}' }
`);
  const refusal = await model.complete(ask('refuse'), { signal: live });
  assert.deepEqual([refusal.stop, refusal.value], ['refusal', undefined]);
  const prose = await model.complete(ask('prose'), { signal: live });
  assert.deepEqual([prose.stop, prose.value, prose.text], ['unparseable', undefined, 'I would rather not, prose.']);
  assert.match(prose.detail, /rule 2/);
  assert.deepEqual(await answered(model, ask('json')), { a: 1 });
});

test('a reply that does not fit the schema names file, line and rule', async () => {
  const model = await script('rules:\n  - { role: other, reply: {} }\n  - reply: { action: [] }\n');
  const schema = { type: 'object', properties: { action: { type: 'string' } } };
  await assert.rejects(
    answered(model, ask('x', { schema })),
    isSpecError(/yaml:3: rule 2: .*decide.*reply\/action must be string/),
  );
});

test('a request that nothing answers is shown by its first and last lines', async () => {
  const model = await script('rules: [{ role: vote, reply: {} }]');
  const text = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n');
  await assert.rejects(
    answered(model, ask(text)),
    isSpecError(/No rule of .*yaml matches.*decide reads:\n {2}line 0\n[\s\S]*line 39$/),
  );
});

test('every mistake of a script is shown at its line', async () => {
  const wrong = `rules:
  - reply: { a: '\${ref} $2' }
    when: '(a)'
  - wen: x
    reply: {}
  - when: { user: '(' }
    text: x
  - role: decide
  - { reply: 1, text: x }
fallback: { reply: $1 }
`;
  await assert.rejects(script(wrong), isSpecError(/yaml:4: rule 2: must NOT have additional properties: "wen"$/));
  await assert.rejects(script(wrong.replace('wen', 'when')), (error) => {
    assert.ok(error instanceof ModelError);
    const [head, ...lines] = error.message.split('\n').map((line) => line.replace(/^.*yaml/, ''));
    assert.match(head ?? '', /cannot be used/);
    assert.equal(lines.length, 6, error.message);
    assert.match(lines[0] ?? '', /^:2: rule 1 reply: \$\{ref\} is captured by nothing in this rule \(captured: 0, 1;/);
    assert.match(lines[1] ?? '', /^:2: rule 1 reply: \$2 is captured/);
    assert.match(lines[2] ?? '', /^:6: rule 3 when user: Invalid regular expression/);
    assert.match(lines[3] ?? '', /^:8: rule 4: needs exactly one of/);
    assert.match(lines[4] ?? '', /^:9: rule 5: needs exactly one of/);
    assert.match(lines[5] ?? '', /^:10: fallback reply: \$1 is captured by nothing/);
    return true;
  });
  await assert.rejects(script('rules: [\n  {a: b'), isSpecError(/yaml:\d: /));
  await assert.rejects(script('rules: {}'), isSpecError(/yaml:1: rules: must be array/));
  await assert.rejects(
    scriptedModel({ provider: 'scripted', script: 'none.yaml' }, context),
    isSpecError(/none\.yaml .*cannot be read/),
  );
});

test('the same request has the same reply, usage and price', async () => {
  const model = await script(wiki, { price: { input: 1, output: 2 } });
  const request = ask(page('e1'));
  const first = await model.complete(request, { signal: live });
  assert.deepEqual(await model.complete(request, { signal: live }), first);
  assert.equal(first.usage.usd, (first.usage.input + 2 * first.usage.output) / 1e6);
  assert.ok(model.scripted && first.usage.calls === 1 && first.usage.output > 10);
});

test('the identity is that of the content', async () => {
  const [one, same, other] = [await script(wiki), await script(wiki), await script(`${wiki}# more`)];
  assert.equal(one.identity, same.identity);
  assert.notEqual(one.identity, other.identity);
});

test('a delay is kept, and an abort ends it', async () => {
  const model = await script(wiki, { delay: 60 });
  const controller = new AbortController();
  const call = model.complete(ask('x'), { signal: controller.signal });
  setTimeout(() => controller.abort(new Error('enough')), 20);
  await assert.rejects(call, (error) => error instanceof ModelError && error.kind === 'transient');
});

test('what a rule filled in is never filled in again', async () => {
  const model = await script(`rules: [{ when: { user: '(?<all>[\\s\\S]*)' }, reply: { copy: '\${all}' } }]`);
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      assert.deepEqual(await answered(model, ask([text, `$1 $$ \${all} $&`])), { copy: `${text}\n\n$1 $$ \${all} $&` });
    }),
    { numRuns: 50 },
  );
});

test('a recording answers the requests it holds and no other', async () => {
  const model = await script(wiki);
  const request = ask(page('e7'), { seed: 3 });
  const reply = await model.complete(request, { signal: live });
  await writeFile(join(folder, 'run.jsonl'), `${recordRequest(request, reply)}\n${recordRequest(ask('other'), reply)}`);
  const replay = await scriptedModel({ provider: 'scripted', script: 'run.jsonl' }, context);
  assert.deepEqual(await replay.complete(request, { signal: live }), reply);
  assert.deepEqual(await answered(replay, { ...request, maxTokens: 5, narrowSchema: {} }), reply.value);
  await assert.rejects(
    answered(replay, { ...request, seed: 4 }),
    isSpecError(/no reply recorded under [0-9a-f]{64}.*Current observation/s),
  );
});

test('a refusal is replayed as a refusal', async () => {
  const model = await script('fallback: { stop: refusal }\nrules: []');
  const request = ask('x');
  await writeFile(
    join(folder, 'refusal.jsonl'),
    recordRequest(request, await model.complete(request, { signal: live })),
  );
  const replay = await scriptedModel({ provider: 'scripted', script: 'refusal.jsonl' }, context);
  assert.equal((await replay.complete(request, { signal: live })).stop, 'refusal');
});

test('a damaged recording names its line', async () => {
  await writeFile(
    join(folder, 'bad.jsonl'),
    `${recordRequest(ask('x'), { value: 1, text: '1', stop: 'complete', detail: '', usage: { calls: 1, input: 1, cached: 0, cacheWrites: 0, output: 1, usd: 0 }, model: 'm' })}{"request": 1}\n`,
  );
  await assert.rejects(
    scriptedModel({ provider: 'scripted', script: 'bad.jsonl' }, context),
    isSpecError(/bad\.jsonl:2: not a recorded reply/),
  );
});

test('the hash of a request does not depend on the order of keys, and does on all that is asked', () => {
  const request = ask('x', { schema: { type: 'object', required: ['a'] } });
  const image = (byte: number) =>
    ask('x', {
      messages: [{ role: 'user', content: [{ type: 'image', mime: 'image/png', data: Uint8Array.of(byte) }] }],
    });
  assert.equal(requestHash({ ...request, schema: { required: ['a'], type: 'object' } }), requestHash(request));
  const hashes = [request, ask('y'), ask('x', { role: 'vote' }), ask('x', { temperature: 0 }), image(1), image(2)].map(
    requestHash,
  );
  assert.equal(new Set(hashes).size, hashes.length);
});
