/** What a place says of a trajectory's end: scores, and all that is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../activities/evaluate.ts';
import { EnvironmentError } from '../../core/errors.ts';
import type { Evaluation, Session } from '../../environments/environment.ts';
import type { Store } from '../../store/store.ts';
import { partsOf } from './parts.ts';

/** The activity's answer where the session's evaluation is this. */
function answerOf(evaluation: (() => Promise<Evaluation>) | undefined, closed: string[] = []) {
  const nothing = async (): Promise<never> => assert.fail('only the score is asked for');
  const session: Session = {
    actions: [],
    reset: nothing,
    step: nothing,
    close: nothing,
    ...(evaluation === undefined ? {} : { evaluate: evaluation }),
  };
  const parts = partsOf({} as Store, '/');
  const sessions = { ...parts.sessions, get: () => session, close: async (id: string) => void closed.push(id) };
  return evaluate({ ...parts, sessions })({ session: 'one', queue: 'here' });
}
const given = (score: number, detail = 'so') => answerOf(async () => ({ score, detail }));

test('a score from 0 to 1 is passed on', async () => {
  for (const score of [0, 0.25, 1]) assert.deepEqual(await given(score), { score, detail: 'so' });
});

test('what is no such number is no score', async () => {
  for (const score of [-0.1, 1.01, Number.NaN, Number.POSITIVE_INFINITY])
    assert.equal((await given(score)).score, null, String(score));
  assert.equal((await answerOf(undefined)).score, null);
});

test('a verifier that fails is an answer with its words; they are one plain line', async () => {
  const failing = answerOf(async () => {
    throw new EnvironmentError('fatal', `it broke\n\u001b[31mred\u0007 ${'x'.repeat(1000)}`);
  });
  const { score, detail } = await failing;
  assert.equal(score, null);
  assert.match(detail, /^it broke \[31mred x+$/);
  assert.ok(detail.length <= 300);
  assert.equal((await answerOf(async () => Promise.reject(new TypeError('a bug')))).detail, 'a bug');
});

test('a lost session is an error, and given up', async () => {
  const closed: string[] = [];
  const losing = answerOf(async () => Promise.reject(new EnvironmentError('session-lost', 'gone')), closed);
  await assert.rejects(losing, (error) => error instanceof EnvironmentError && error.kind === 'session-lost');
  assert.deepEqual(closed, ['one']);
});
