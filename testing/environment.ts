/** What every environment must do, run against each driver. Where one cannot, the test is skipped with the reason. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { EnvironmentError } from '../core/errors.ts';
import type { EnvironmentDriver, Session, SessionContext, SessionTask } from '../environments/environment.ts';
import type { JsonSchema } from '../schemas/common.ts';
import type { Action, Observation } from '../schemas/observation.ts';

export interface ContractSubject<Spec> {
  driver: EnvironmentDriver<Spec>;
  spec: Spec;
  /** What sessions begin from, where a place needs more than an id and a seed. */
  task?: SessionTask;
  /** Most characters of an observation that `spec` allows. */
  maxChars: number;
  /** An action that changes the place. May look at the observation, e.g. to name an element. */
  changes: (seen: Observation) => Action;
  /** An action that only looks: the state hash after it, done twice, is the same. */
  looks: (seen: Observation) => Action;
  /** An action with right arguments that the place cannot do. */
  fails: (seen: Observation) => Action;
  /** An action that brings letters outside ASCII into the place, and the text that must then be seen. */
  unicode?: { action: (seen: Observation) => Action; shows: string };
  /** `verify` of a place that was changed by `changes`, as this driver's spec takes it: satisfied, not satisfied, and one that fails itself. */
  verify?: { yes: Partial<Spec>; no: Partial<Spec>; broken?: Partial<Spec> };
  /** Parts of the context that differ from the plain one (a package folder, a pipeline folder). */
  context?: Partial<SessionContext>;
  /** Names of tests that cannot hold, with the reason. */
  skips?: Partial<Record<ContractTest, string>>;
}

type ContractTest =
  | 'reset is deterministic'
  | 'replay gives the same hashes'
  | 'a repeated index does not run again'
  | 'looking twice changes nothing'
  | 'unicode'
  | 'nothing remains after close'
  | 'sessions do not see each other';

interface Opened {
  session: Session;
  context: SessionContext;
  first: Observation;
}

const PLAIN: SessionTask = { id: 'contract', seed: 7 };

/** A context whose folder is temporary; objects are only hashed. Remove `context.workdir` afterwards. */
export const temporaryContext = async (more: Partial<SessionContext> = {}): Promise<SessionContext> => ({
  workdir: await mkdtemp(join(tmpdir(), 'lbi-environment-')),
  put: async (bytes) => createHash('sha256').update(bytes).digest('hex'),
  packageFolder: async (name) => {
    throw new Error(`the test names no package, yet "${name}" was asked for`);
  },
  file: (path) => path,
  signal: new AbortController().signal,
  ...more,
});

/** Opens and resets a session for `work` and closes it, whatever happens. */
export const withSession = async <Spec>(
  driver: EnvironmentDriver<Spec>,
  spec: Spec,
  work: (opened: Opened) => Promise<void>,
  more: { context?: Partial<SessionContext>; task?: SessionTask } = {},
): Promise<void> => {
  const context = await temporaryContext(more.context);
  try {
    const session = await driver.open(spec, context);
    try {
      await work({ session, context, first: await session.reset(more.task ?? PLAIN) });
    } finally {
      await session.close();
    }
  } finally {
    await rm(context.workdir, { recursive: true, force: true });
  }
};

/** Processes of this machine that have `folder` as their working directory or in their arguments. */
export const processesIn = async (folder: string): Promise<string[]> => {
  const found: string[] = [];
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    const cwd = await readlink(`/proc/${id}/cwd`).catch(() => '');
    const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    if (cwd.startsWith(folder) || command.includes(folder)) found.push(`${id} ${command.replaceAll('\0', ' ')}`);
  }
  return found;
};

/** Declares the tests of the contract for one driver. */
export const environmentContract = <Spec>(name: string, subject: ContractSubject<Spec>): void => {
  const TASK = subject.task ?? PLAIN;
  const skip = (test: ContractTest) => ({ skip: subject.skips?.[test] ?? false });
  const within = (work: (opened: Opened) => Promise<void>, task = TASK) =>
    withSession(subject.driver, subject.spec, work, {
      task,
      ...(subject.context === undefined ? {} : { context: subject.context }),
    });

  describe(`${name}: environment contract`, () => {
    it('actions are strict JSON Schemas with bounded strings', () =>
      within(async ({ session }) => {
        assert.ok(session.actions.length > 0);
        for (const action of session.actions) {
          assert.match(action.name, /^[a-z][a-z0-9_]*$/);
          assert.ok(action.description.length > 10, `${action.name} needs a description`);
          new Ajv({ strict: true }).compile(action.parameters);
          checkSchema(action.parameters, action.name);
        }
      }));

    it('the first observation is of a fresh place, and within the limit', () =>
      within(async ({ first }) => checkObservation(first, subject.maxChars)));

    it('reset is deterministic', skip('reset is deterministic'), async () => {
      const seen: Observation[] = [];
      for (let round = 0; round < 2; round++) await within(async ({ first }) => void seen.push(first));
      assert.deepEqual(seen[1]?.stateHash, seen[0]?.stateHash);
      assert.equal(seen[1]?.text, seen[0]?.text);
    });

    it('reset of a used session gives the fresh place again', skip('reset is deterministic'), () =>
      within(async ({ session, first }) => {
        await session.step(subject.changes(first), 1);
        const again = await session.reset(TASK);
        assert.equal(again.stateHash, first.stateHash);
        const { observation } = await session.step(subject.changes(again), 1);
        assert.notEqual(observation.stateHash, first.stateHash);
      }),
    );

    it('a change changes the hash, looking twice does not', skip('looking twice changes nothing'), () =>
      within(async ({ session, first }) => {
        const changed = await session.step(subject.changes(first), 1);
        assert.equal(changed.error, undefined);
        checkObservation(changed.observation, subject.maxChars);
        assert.notEqual(changed.observation.stateHash, first.stateHash);
        const one = await session.step(subject.looks(changed.observation), 2);
        const two = await session.step(subject.looks(one.observation), 3);
        assert.equal(two.observation.stateHash, one.observation.stateHash);
      }),
    );

    it(
      'replay of the same actions in a new session gives the same hashes',
      skip('replay gives the same hashes'),
      async () => {
        const rounds: string[][] = [];
        for (let round = 0; round < 2; round++)
          await within(async ({ session, first }) => {
            const hashes = [first.stateHash];
            let seen = first;
            for (const [index, choose] of [subject.changes, subject.looks, subject.fails, subject.changes].entries()) {
              seen = (await session.step(choose(seen), index + 1)).observation;
              hashes.push(seen.stateHash);
            }
            rounds.push(hashes);
          });
        assert.deepEqual(rounds[1], rounds[0]);
      },
    );

    it(
      'a repeated index gives the same result and does not run again',
      skip('a repeated index does not run again'),
      () =>
        within(async ({ session, first }) => {
          const action = subject.changes(first);
          const one = await session.step(action, 1);
          assert.deepEqual(await session.step(action, 1), one);
          const [left, right] = await Promise.all([session.step(action, 2), session.step(action, 2)]);
          assert.deepEqual(left, right);
          await assert.rejects(session.step(subject.looks(first), 2), isLost);
        }),
    );

    it('a failed action is an observation with an error', () =>
      within(async ({ session, first }) => {
        const failed = await session.step(subject.fails(first), 1);
        assert.ok(failed.error !== undefined && failed.error.class !== 'invalid', JSON.stringify(failed.error));
        assert.ok(failed.error.message.length > 5);
        checkObservation(failed.observation, subject.maxChars);
      }));

    it('unknown actions and wrong arguments are refused and leave the place as it is', () =>
      within(async ({ session, first }) => {
        const [known] = session.actions;
        const wrong: Action[] = [
          { name: 'no_such_action', arguments: {} },
          { name: '__proto__', arguments: {} },
          { name: known?.name ?? '', arguments: { no_such_argument: 1 } },
          ...oversized(session),
        ];
        for (const [index, action] of wrong.entries()) {
          const { error, observation } = await session.step(action, index + 1);
          assert.equal(error?.class, 'invalid', `${JSON.stringify(action).slice(0, 80)}: ${JSON.stringify(error)}`);
          assert.equal(observation.stateHash, first.stateHash);
          assert.ok(observation.text.length <= subject.maxChars);
        }
        const { error } = await session.step({ name: 'no_such_action', arguments: {} }, 1);
        assert.match(error?.message ?? '', new RegExp(known?.name ?? '-'));
      }));

    it(
      'letters of every script come through',
      { skip: subject.unicode === undefined ? (subject.skips?.unicode ?? 'no such action') : false },
      () =>
        within(async ({ session, first }) => {
          assert.ok(subject.unicode !== undefined);
          const { observation } = await session.step(subject.unicode.action(first), 1);
          assert.ok(observation.text.includes(subject.unicode.shows), observation.text);
        }),
    );

    it('sessions at the same time do not see each other', skip('sessions do not see each other'), () =>
      within(async (one) =>
        within(async (other) => {
          await one.session.step(subject.changes(one.first), 1);
          const seen = await other.session.step(subject.looks(other.first), 1);
          await within(async (fresh) => {
            const unused = await fresh.session.step(subject.looks(fresh.first), 1);
            assert.equal(seen.observation.stateHash, unused.observation.stateHash);
          });
        }),
      ),
    );

    const verified = (more: Partial<Spec>, work: (opened: Opened) => Promise<void>) =>
      withSession(
        subject.driver,
        { ...subject.spec, ...more },
        work,
        subject.context === undefined ? {} : { context: subject.context },
      );

    const { verify } = subject;
    const unverified = { skip: verify === undefined ? 'this place cannot verify' : false };

    it('without verify there is nothing to evaluate', () =>
      within(async ({ session }) => assert.equal(session.evaluate, undefined)));

    it('evaluate scores what was reached and leaves the place as it is', unverified, async () => {
      for (const [more, wanted] of [
        [verify?.yes ?? {}, 1],
        [verify?.no ?? {}, 0],
      ] as const)
        await verified(more, async ({ session, first }) => {
          const changed = await session.step(subject.changes(first), 1);
          const before = await session.step(subject.looks(changed.observation), 2);
          for (const _ of [1, 2]) {
            const result = await session.evaluate?.();
            assert.equal(result?.score, wanted, result?.detail);
            assert.ok(result.detail.length > 0);
          }
          const after = await session.step(subject.looks(before.observation), 3);
          assert.equal(after.observation.stateHash, before.observation.stateHash);
        });
    });

    const unbroken = { skip: verify?.broken === undefined ? 'no verifier of this place fails' : false };
    it('a verifier that fails is an error, not a score, and not the end of the session', unbroken, async () => {
      await verified(verify?.broken ?? {}, async ({ session, first }) => {
        await assert.rejects(
          async () => session.evaluate?.(),
          (error) => error instanceof EnvironmentError && error.kind === 'fatal',
        );
        assert.equal((await session.step(subject.changes(first), 1)).error, undefined);
      });
    });

    it('a closed session has no score', unverified, () =>
      verified(verify?.yes ?? {}, async ({ session }) => {
        await session.close();
        await assert.rejects(async () => session.evaluate?.(), isLost);
      }),
    );

    it('close twice; nothing remains; a closed session is lost', skip('nothing remains after close'), () =>
      within(async ({ session, context, first }) => {
        await session.step(subject.changes(first), 1);
        await Promise.all([session.close(), session.close()]);
        await session.close();
        assert.deepEqual(await processesIn(context.workdir), []);
        const left = (await readdir(context.workdir)).filter((file) => file !== 'journal.jsonl');
        assert.deepEqual(left, []);
        await assert.rejects(session.step(subject.looks(first), 2), isLost);
        await assert.rejects(session.reset(TASK), isLost);
      }),
    );

    it('doctor finds nothing missing here', async () => {
      for (const finding of await subject.driver.doctor(subject.spec))
        assert.ok(finding.ok, `${finding.what}: ${finding.detail} (${finding.fix})`);
    });
  });
};

const isLost = (error: unknown): boolean => error instanceof EnvironmentError && error.kind === 'session-lost';

const checkObservation = (observation: Observation, maxChars: number): void => {
  assert.ok(
    observation.text.length > 0 && observation.text.length <= maxChars,
    `${observation.text.length} characters`,
  );
  assert.ok(observation.text.isWellFormed(), 'no half characters');
  assert.match(observation.stateHash, /^[0-9a-f]{16,64}$/);
  assert.deepEqual(JSON.parse(JSON.stringify(observation)), observation, 'plain JSON');
  for (const element of observation.elements ?? []) assert.ok(element.actions.length > 0);
};

/** Objects forbid unknown keys, strings are bounded by `maxLength`, an `enum` or a `const`. */
const checkSchema = (schema: JsonSchema, where: string): void => {
  if (schema.type === 'object') {
    assert.equal(schema.additionalProperties, false, `${where}: additionalProperties`);
    for (const [key, value] of Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>))
      checkSchema(value, `${where}.${key}`);
  }
  if (schema.type === 'string')
    assert.ok('maxLength' in schema || 'enum' in schema || 'const' in schema, `${where}: a string without bound`);
  if (schema.type === 'array') checkSchema(schema.items as JsonSchema, `${where}[]`);
};

/** For the first bounded string of each action: an argument one character too long. */
const oversized = (session: Session): Action[] =>
  session.actions.flatMap(({ name, parameters }) => {
    const properties = (parameters.properties ?? {}) as Record<string, JsonSchema>;
    const bounded = Object.entries(properties).find(([, schema]) => typeof schema.maxLength === 'number');
    return bounded === undefined
      ? []
      : [{ name, arguments: { [bounded[0]]: 'x'.repeat(Number(bounded[1].maxLength) + 1) } }];
  });
