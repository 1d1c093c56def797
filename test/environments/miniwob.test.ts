/** MiniWoB++ on the browser driver: its goals, its rewards, the same state for the same seed, and nothing told that an agent must not know. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { packageFolder } from '../../cli/packages.ts';
import { EnvironmentError } from '../../core/errors.ts';
import type { Session } from '../../environments/environment.ts';
import { miniwobDriver } from '../../environments/miniwob.ts';
import type { Action, Observation } from '../../schemas/observation.ts';
import { environmentContract, temporaryContext } from './contract.ts';
import { type Oracle, oracles } from './miniwob-oracles.ts';

const spec = { kind: 'miniwob' as const, verify: 'reward' as const };

const withPlace = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
  const context = await temporaryContext({ packageFolder });
  const session = await miniwobDriver.open(spec, context);
  try {
    return await work(session);
  } finally {
    await session.close();
    await rm(context.workdir, { recursive: true, force: true });
  }
};

const begin = (session: Session, task: string, seed: number): Promise<Observation> =>
  session.reset({ id: `${task}-${seed}`, seed, setup: { task, seed } });

const scoreOf = async (session: Session): Promise<number> => (await session.evaluate?.())?.score ?? Number.NaN;

const box = (seen: Observation): Action => ({
  name: 'type',
  arguments: {
    element: '',
    ref: /textbox ".*?".*? \[ref=(e\d+)\]/.exec(seen.text)?.[1] ?? '',
    text: 'Zoë 渡辺 🦊',
    submit: false,
  },
});

environmentContract('miniwob', {
  driver: miniwobDriver,
  spec: { kind: 'miniwob', observation: { max_chars: 700 } },
  task: { id: 'contract', seed: 7, setup: { task: 'enter-text', seed: 7 } },
  context: { packageFolder },
  maxChars: 700,
  changes: box,
  looks: () => ({ name: 'press', arguments: { key: 'Shift' } }),
  fails: () => ({ name: 'click', arguments: { element: 'nothing', ref: 'e999' } }),
  unicode: { action: box, shows: 'Zoë 渡辺 🦊' },
});

/** Families that are solved, in lanes: most of the time is waiting for pages to come to rest. */
const solve = (families: [string, Oracle][], seed: number, failed: string[]): Promise<void> =>
  withPlace(async (session) => {
    for (let family = families.pop(); family !== undefined; family = families.pop()) {
      const [task, oracle] = family;
      let seen = await begin(session, task, seed);
      const goal = (await session.goal?.()) ?? '';
      for (let done = 0; seen.ended !== true && done < 20; done += 1) {
        const action = oracle(goal, seen, done);
        if (action === undefined) break;
        const result = await session.step(action, done + 1);
        if (result.error !== undefined) failed.push(`${task}: ${result.error.message}`);
        seen = result.observation;
      }
      const score = await scoreOf(session);
      if (score !== 1 || seen.ended !== true) failed.push(`${task}: ${score}, ${goal}\n${seen.text}`);
    }
  });

test('scripted solutions that see what agents see earn the full reward, in 25 families and more', async () => {
  const families = Object.entries(oracles);
  assert.ok(families.length >= 25, `${families.length}`);
  const failed: string[] = [];
  const seed = Number(process.env.LBI_MINIWOB_SEED ?? 1);
  await Promise.all([1, 2, 3].map(() => solve(families, seed, failed)));
  assert.deepEqual(failed, []);
});

test('a wrong end scores 0 and ends the attempt, and nothing tells of goal, time or reward', () =>
  withPlace(async (session) => {
    const first = await begin(session, 'click-button', 4);
    const goal = (await session.goal?.()) ?? '';
    for (const told of [goal, 'START', 'Last reward', 'Time left', 'miniwob', '127.0.0.1'])
      assert.ok(!first.text.includes(told), `${told} in\n${first.text}`);
    assert.equal(first.ended, undefined);
    assert.equal(await scoreOf(session), 0);
    const wrong = [...first.text.matchAll(/button "(.*?)" \[ref=(e\d+)\]/g)].find(
      ([, name]) => !goal.includes(`"${name}"`),
    );
    const { observation } = await session.step(
      { name: 'click', arguments: { element: wrong?.[1] ?? '', ref: wrong?.[2] ?? '' } },
      1,
    );
    assert.equal(observation.ended, true);
    assert.equal(await scoreOf(session), 0);
    assert.deepEqual(
      session.actions.map(({ name }) => name).filter((name) => name === 'goto' || name === 'back'),
      [],
    );
    const elsewhere = await session.step({ name: 'goto', arguments: { url: '/miniwob/click-test.html' } }, 2);
    assert.equal(elsewhere.error?.class, 'invalid');
  }));

test('the states: 125 tasks, one for each seed, different by seed; a task that is not there is said', async () => {
  const context = await temporaryContext({ packageFolder });
  const states = (await miniwobDriver.starts?.(spec, context, [0, 7])) ?? [];
  assert.equal(states.length, 250);
  assert.deepEqual(states[1], { id: 'ascending-numbers#7', seed: 7, setup: { task: 'ascending-numbers', seed: 7 } });
  await rm(context.workdir, { recursive: true });
  await withPlace(async (session) => {
    const one = await begin(session, 'click-checkboxes', 3);
    const other = await begin(session, 'click-checkboxes', 4);
    assert.notEqual(one.stateHash, other.stateHash);
    assert.equal((await begin(session, 'click-checkboxes', 3)).stateHash, one.stateHash);
    await assert.rejects(begin(session, '../core', 3), EnvironmentError);
    await assert.rejects(begin(session, 'no-such-task', 3), /no task "no-such-task"/);
    await assert.rejects(session.reset({ id: 'x', seed: 1 }), /take: goals/);
  });
});
