/** What holds for every model, for the tests of one's own: `modelContract('mine', async () => …)`. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ModelError } from '../core/errors.ts';
import type { Model, ModelReply, ModelRequest } from '../models/model.ts';

/** A question that is answered with `{ answer: 'yes' | 'no', reason }`. */
export const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  role: 'vote',
  system: 'You judge sentences.',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Is water wet? Answer yes or no.' }] }],
  schema: {
    type: 'object',
    properties: { answer: { type: 'string', enum: ['yes', 'no'] }, reason: { type: 'string', maxLength: 40 } },
    required: ['answer', 'reason'],
    additionalProperties: false,
  },
  maxTokens: 64,
  ...more,
});

export const ask = (
  model: Model,
  more: Partial<ModelRequest> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ModelReply> => model.complete(request(more), { signal });

const good = '{"answer":"yes","reason":"It is."}';

/** Declares one case: `says` tells the service behind the model what to answer, where it can be told. */
type Check = (title: string, body: (model: Model, says: (text: string) => void) => Promise<void>) => void;

export const generalModelCases = (check: Check): void => {
  check('gives a value that satisfies the schema', async (model, says) => {
    says(good);
    const reply = await ask(model);
    assert.equal(reply.stop, 'complete', reply.detail);
    assert.ok(['yes', 'no'].includes((reply.value as { answer: string }).answer));
    assert.deepEqual(reply.value, JSON.parse(reply.text));
    assert.equal(reply.detail, '');
    assert.ok(reply.usage.calls === 1 && reply.usage.input > 0 && reply.usage.output > 0);
    assert.ok(reply.model.length > 0);
  });
  check('has an identity', async (model) => assert.ok(model.identity.length > 0));
  check('refuses a schema that is none as a fault of the pipeline', async (model, says) => {
    says(good);
    const reply = ask(model, { schema: { type: 'object', properties: { answer: { type: 'word' } } } });
    await reply.then(
      () => assert.fail('it resolved'),
      (error) => assert.equal(error.kind, 'spec', error.message),
    );
  });
};

/**
 * Declares the tests of the contract for a model of one's own. `open` opens it anew for each; `says`, where the service behind it
 * can be told what to answer, is called before a question with the JSON text of the answer.
 */
export const modelContract = (
  name: string,
  open: () => Promise<Model>,
  says: (text: string) => void = () => {},
): void => {
  describe(`model contract: ${name}`, () => {
    const check: Check = (title, body) =>
      test(title, async () => {
        const model = await open();
        await body(model, says);
        await model.close();
      });
    generalModelCases(check);
    check('a call cancelled before it began does not answer', async (model) => {
      await assert.rejects(
        ask(model, {}, AbortSignal.abort()),
        (error) => error instanceof Error && (!(error instanceof ModelError) || error.kind === 'transient'),
      );
    });
  });
};
