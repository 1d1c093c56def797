/** The scripted board: the contract, and what is its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EnvironmentError } from '../../core/errors.ts';
import { openDriver } from '../../environments/environments.ts';
import { scriptedDriver } from '../../environments/scripted.ts';
import type { EnvironmentKind } from '../../schemas/pipeline/environment.ts';
import { environmentContract, withSession } from './contract.ts';

const lamp = (number: number) => ({ name: 'switch', arguments: { lamp: `lamp-${number}` } });

environmentContract('scripted', {
  driver: scriptedDriver,
  spec: { kind: 'scripted' },
  maxChars: 6000,
  changes: () => lamp(1),
  looks: () => ({ name: 'read', arguments: {} }),
  fails: () => lamp(99),
  // The task's seed lights lamps 1 to 3; the change puts the first out.
  verify: { yes: { verify: 2 }, no: { items: 1, verify: 1 } },
  unicode: { action: () => ({ name: 'switch', arguments: { lamp: 'лампа-灯' } }), shows: 'лампа-灯' },
});

test('any sequence of switches leaves each lamp as its count of switches says', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 20 }), fc.nat(31), (switches, seed) =>
      withSession(
        scriptedDriver,
        { kind: 'scripted', items: 5 },
        async ({ session }) => {
          let text = '';
          for (const [index, number] of [...switches, 1, 1].entries())
            text = (await session.step(lamp(number), index + 1)).observation.text;
          for (let number = 1; number <= 5; number++) {
            const flips = switches.filter((other) => other === number).length + ((seed >> (number - 1)) & 1);
            assert.match(text, new RegExp(`^lamp-${number}: ${flips % 2 === 1 ? 'on' : 'off'}$`, 'm'));
          }
        },
        { task: { id: 'property', seed } },
      ),
    ),
    { numRuns: 30 },
  ));

test('every observation says that it is scripted, and a long board keeps to the limit', () =>
  withSession(
    scriptedDriver,
    { kind: 'scripted', items: 5000, observation: { max_chars: 300 } },
    async ({ session, first }) => {
      assert.match(first.text, /^Scripted board/);
      assert.equal(first.text.length, 300);
      const { observation, error } = await session.step(lamp(5001), 1);
      assert.equal(error?.class, 'failed');
      assert.match(observation.text, /^Scripted board/);
      for (const [index, name] of ['lamp-0', 'lamp-01', 'lamp--1', 'lamp-1e1', '1', 'length'].entries()) {
        const refused = await session.step({ name: 'switch', arguments: { lamp: name } }, index + 2);
        assert.equal(refused.error?.class, 'failed', name);
      }
    },
  ));

test('the map opens drivers by kind, and an unknown kind lists the known ones', async () => {
  assert.equal((await openDriver('scripted')).kind, 'scripted');
  assert.equal((await openDriver('shell')).kind, 'shell');
  for (const kind of ['desktop', 'constructor', ''])
    await assert.rejects(
      openDriver(kind as EnvironmentKind),
      (error) =>
        error instanceof EnvironmentError &&
        error.kind === 'spec' &&
        /shell, browser, miniwob, scripted/.test(error.message),
    );
});

test('fewer lamps than wanted score their share', () =>
  withSession(scriptedDriver, { kind: 'scripted', verify: 3 }, async ({ session }) => {
    await session.step(lamp(1), 1);
    assert.deepEqual(await session.evaluate?.(), { score: 2 / 3, detail: '2 lamps on, 3 wanted' });
  }));
