/** What every model keeps to, run against each provider; a case is skipped only by name and with a reason. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ErrorKind, ModelError } from '../../core/errors.ts';
import type { Model, ModelReply, ModelRequest } from '../../models/model.ts';
import { ask, generalModelCases, request } from '../../testing/model.ts';
import { type Failure, foreignKey, type Reply, testKey, type VendorServer } from './vendor-servers/vendor-server.ts';

export { ask, request };

export interface Subject {
  /** The model under test; `unreachable` points it at a port where nothing listens. `timeout` in seconds. */
  open(options?: { timeout?: number; unreachable?: boolean }): Promise<Model>;
  /** The scripted vendor behind it; without one, the cases that tell the vendor what to say do not exist for this subject. */
  vendor?: VendorServer;
  close(): Promise<void>;
}

const good = '{"answer":"yes","reason":"It is."}';
/** A one-pixel PNG. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

export const rejects = async (call: Promise<unknown>, kind: ErrorKind): Promise<ModelError> => {
  const error = await call.then(
    () => assert.fail('it resolved'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ModelError, `not a ModelError: ${error}`);
  assert.equal(error.kind, kind, error.message);
  const everything = `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
  for (const key of [testKey, foreignKey]) assert.ok(!everything.includes(key), 'a key is in the error');
  return error;
};

/** Runs the contract. `skips` names cases and says why they cannot hold for this subject. */
export const modelContract = (
  name: string,
  start: () => Promise<Subject>,
  skips: Record<string, string> = {},
): void => {
  describe(`model contract: ${name}`, () => {
    let subject: Subject;
    before(async () => {
      subject = await start();
    });
    after(() => subject.close());
    const check = (title: string, body: (model: Model, subject: Subject) => Promise<void>) =>
      test(title, { skip: skips[title] ?? false }, async () => {
        const model = await subject.open();
        await body(model, subject);
        await model.close();
      });
    const scripted = (title: string, body: (model: Model, vendor: VendorServer) => Promise<void>) =>
      check(title, async (model, { vendor }) => {
        assert.ok(vendor, 'this case needs a scripted vendor: skip it by name where there is none');
        const calls = vendor.received.length;
        await body(model, vendor);
        assert.equal(vendor.received.length - calls, 1, 'requests made for one call');
      });
    generalCases(check);
    replyCases(scripted);
    failureCases(scripted);
    lifetimeCases(check, scripted);
  });
};

type Check = (title: string, body: (model: Model, subject: Subject) => Promise<void>) => void;
type Scripted = (title: string, body: (model: Model, vendor: VendorServer) => Promise<void>) => void;

/** What holds for every model, one's own too; here with what the vendor received. */
const generalCases = (check: Check): void => {
  generalModelCases((title, body) =>
    check(title, (model, { vendor }) => body(model, (text) => vendor?.says({ text }))),
  );
  check('keeps its key to itself', async (model, { vendor }) => {
    vendor?.says({ text: good });
    assert.ok(!JSON.stringify(await ask(model)).includes(testKey));
    assert.ok(!model.identity.includes(testKey));
  });
  check('carries every script and sign both ways', async (model, { vendor }) => {
    const text = 'naïve “quotes” 日本語 🦊 \\ "x" </script> \u2028 line\nnext';
    vendor?.says({ text: JSON.stringify({ answer: 'no', reason: text.slice(0, 40) }) });
    const reply = await ask(model, { messages: [{ role: 'user', content: [{ type: 'text', text }] }] });
    assert.equal(reply.stop, 'complete', reply.detail);
    if (!vendor) return;
    assert.equal((reply.value as { reason: string }).reason, text.slice(0, 40));
    assert.ok(JSON.stringify(vendor.received.at(-1)?.body).includes(JSON.stringify(text).slice(1, -1)));
  });
};

const replyCases = (scripted: Scripted): void => {
  const stops = (
    title: string,
    says: Reply,
    stop: ModelReply['stop'],
    detail: RegExp,
    more: Partial<ModelRequest> = {},
  ) =>
    scripted(title, async (model, vendor) => {
      vendor.says(says);
      const reply = await ask(model, more);
      assert.equal(reply.stop, stop);
      assert.equal(reply.value, undefined);
      assert.match(reply.detail, detail);
      assert.equal(reply.usage.output, says.output ?? 5, 'a reply of no use is paid for too');
    });
  stops('refusal is a value', { text: '', stop: 'refusal' }, 'refusal', /./);
  stops('cut-off is a value', { text: '{"answer":"y', stop: 'length' }, 'length', /64 tokens/);
  stops(
    'cut-off says what reasoning took',
    { text: '', stop: 'length', output: 64, reasoning: 60 },
    'length',
    /60 of them reasoning/,
  );
  stops('bad JSON is a value', { text: 'Sure! {"answer":"yes"}' }, 'unparseable', /not JSON/);
  stops('an empty reply is a value', { text: '' }, 'unparseable', /empty/);
  stops(
    'JSON that breaks the schema is a value',
    { text: '{"answer":"maybe","reason":""}' },
    'unparseable',
    /\/answer/,
  );
  const long = `{"answer":"yes","reason":"${'x'.repeat(41)}"}`;
  stops('bounds that the vendor does not keep are checked', { text: long }, 'unparseable', /\/reason/);
  scripted('a Markdown fence is tolerated', async (model, vendor) => {
    vendor.says({ text: `\`\`\`json\n${good}\n\`\`\`` });
    assert.equal((await ask(model)).stop, 'complete');
  });
  scripted('usage is what the vendor reported', async (model, vendor) => {
    vendor.says({ text: good, input: 1000, cached: 600, output: 70, reasoning: 20 });
    const { usage } = await ask(model);
    assert.deepEqual({ ...usage, usd: 0 }, { calls: 1, input: 1000, cached: 600, cacheWrites: 0, output: 70, usd: 0 });
    assert.ok(usage.usd > 0, 'the model under test has a known price');
  });
  scripted('cache writes are counted in', async (model, vendor) => {
    vendor.says({ text: good, input: 1000, cacheWrites: 300 });
    const { usage } = await ask(model);
    assert.equal(usage.input, 1000);
    assert.equal(usage.cacheWrites, 300);
  });
  scripted('images are sent', async (model, vendor) => {
    vendor.says({ text: good });
    assert.equal(model.images, true);
    const content = [
      { type: 'text' as const, text: 'See:' },
      { type: 'image' as const, mime: 'image/png', data: pixel },
    ];
    await ask(model, { messages: [{ role: 'user', content }] });
    assert.ok(JSON.stringify(vendor.received.at(-1)?.body).includes(pixel.toString('base64')));
  });
  scripted('an object with any keys can be asked for', async (model, vendor) => {
    vendor.says({ text: '{"arguments":{"a":1}}' });
    const schema = { type: 'object', properties: { arguments: { type: 'object' } }, required: ['arguments'] };
    const reply = await ask(model, { schema });
    assert.deepEqual(reply.value, { arguments: { a: 1 } });
    assert.ok(JSON.stringify(vendor.received.at(-1)?.body).includes('arguments'), 'the model is told of the schema');
  });
};

const failureCases = (scripted: Scripted): void => {
  const fails = (failure: Failure, kind: ErrorKind, message: RegExp) =>
    scripted(`${failure} is ${kind}`, async (model, vendor) => {
      vendor.fails(failure);
      const error = await rejects(ask(model), kind);
      assert.match(error.message, message);
      assert.ok(error.status && error.status >= 400);
    });
  fails('overloaded', 'rate-limited', /slow down/);
  fails('unavailable', 'rate-limited', /slow down/);
  fails('server-fault', 'transient', /500/);
  fails('request-timeout', 'transient', /408|504/);
  fails('conflict', 'transient', /409/);
  fails('bad-key', 'operator', /TEST_KEY.*rejected/);
  fails('forbidden', 'operator', /TEST_KEY/);
  fails('no-credit', 'operator', /credit/);
  fails('no-model', 'operator', /model/);
  fails('bad-request', 'spec', /tokens/i);
  fails('too-large', 'spec', /413/);
  fails('unprocessable', 'spec', /422/);
  const waits = (title: string, headers: () => Record<string, string>, from: number, to = from) =>
    scripted(`rate limit with ${title}`, async (model, vendor) => {
      vendor.fails('rate-limited', headers());
      const { retryAfterMs = -1, status } = await rejects(ask(model), 'rate-limited');
      assert.equal(status, 429);
      assert.ok(retryAfterMs >= from && retryAfterMs <= to, `${retryAfterMs} ms`);
    });
  waits('Retry-After in seconds', () => ({ 'retry-after': '7' }), 7000);
  waits('Retry-After in parts of a second', () => ({ 'retry-after': '0.25' }), 250);
  waits(
    'Retry-After as a date',
    () => ({ 'retry-after': new Date(Date.now() + 20_000).toUTCString() }),
    15_000,
    20_000,
  );
  waits('a date that has passed', () => ({ 'retry-after': 'Thu, 01 Jan 2015 00:00:00 GMT' }), 0);
  waits('milliseconds before seconds', () => ({ 'retry-after-ms': '1234', 'retry-after': '7' }), 1234);
  scripted("a proxy's page is transient, not a reply", async (model, vendor) => {
    vendor.answers({ status: 200, body: '<html>Sign in to the network</html>' });
    await rejects(ask(model), 'transient');
  });
  scripted('an answer that is not JSON is transient', async (model, vendor) => {
    vendor.answers({ status: 502, body: '<html>Bad gateway</html>' });
    await rejects(ask(model), 'transient');
  });
};

const lifetimeCases = (check: Check, scripted: Scripted): void => {
  check('a refused connection is transient and says where', async (_, subject) => {
    const model = await subject.open({ unreachable: true });
    const error = await rejects(ask(model), 'transient');
    assert.match(error.message, /127\.0\.0\.1:\d+.*ECONNREFUSED/);
    await model.close();
  });
  for (const where of ['before headers', 'in the body'] as const) {
    check(`silence ${where} ends at the timeout`, async (_, { open, vendor }) => {
      vendor?.stalls(where);
      const model = await open({ timeout: 0.2 });
      const before = performance.now();
      const error = await rejects(ask(model), 'transient');
      assert.match(error.message, /0\.2 s/);
      assert.ok(performance.now() - before < 3000);
    });
    scripted(`a cancelled call ends at once, ${where}`, async (model, vendor) => {
      vendor.stalls(where);
      const stop = new AbortController();
      const arrival = vendor.arrival();
      const call = rejects(ask(model, {}, stop.signal), 'transient');
      await arrival;
      stop.abort();
      assert.match((await call).message, /cancelled/);
    });
  }
  check('a call cancelled before it began makes no request', async (model, { vendor }) => {
    const calls = vendor?.received.length;
    await rejects(ask(model, {}, AbortSignal.abort()), 'transient');
    assert.equal(vendor?.received.length, calls);
  });
};
