/** Keys in what a provider says: crossed out in every form, whatever stands beside them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conceal, concealIn, formsOf } from '../../models/conceal.ts';

const key = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 12,
  maxLength: 80,
});
/** Long enough a part of a key to be worth something. */
const parts = (secret: string): string[] => [secret.slice(0, 9), secret.slice(-9)];

test('a key is not left over, in clear, in an address, in hex or in base64 within a longer text', () => {
  fc.assert(
    fc.property(key, fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), (secret, before, after) => {
      const forms = formsOf(secret);
      for (const encode of [
        (text: string) => text,
        (text: string) => Buffer.from(text).toString('base64'),
        (text: string) => Buffer.from(text).toString('base64url'),
        (text: string) => Buffer.from(text).toString('hex'),
      ]) {
        const safe = conceal(encode(before + secret + after), forms);
        assert.ok(safe.includes('[key]'), encode(secret));
        assert.ok(!safe.includes(encode(secret).slice(4, -6)) || encode(secret).length < 16, safe);
        for (const part of parts(secret)) assert.ok(!Buffer.from(safe, 'base64').toString('latin1').includes(part));
      }
      assert.equal(conceal(encodeURIComponent(secret), forms).includes(encodeURIComponent(secret)), false);
    }),
  );
});

test('a reply without a key comes back as it is, one with a key keeps its shape', () => {
  fc.assert(
    fc.property(key, fc.jsonValue(), (secret, value) => {
      const forms = formsOf(secret);
      const whole = { value, said: `the key ${secret}`, list: [secret] };
      const safe = concealIn(whole, forms);
      assert.ok(!JSON.stringify(safe).includes(JSON.stringify(secret).slice(1, -1)));
      assert.deepEqual(Object.keys(safe), Object.keys(whole));
      assert.equal(concealIn({ quiet: true }, forms).quiet, true);
    }),
  );
  const reply = { text: 'nothing of the kind', probabilities: { '/a': 0.5 } };
  assert.equal(concealIn(reply, formsOf('opensesame-0123456789')), reply);
});
