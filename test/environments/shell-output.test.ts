/** What is kept, cut, cleaned and normalised of a command's output, for any output. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { EnvironmentError } from '../../core/errors.ts';
import { shellDriver } from '../../environments/shell/driver.ts';
import { showStep } from '../../environments/shell/observation.ts';
import { createCapture, normalise, shorten } from '../../environments/shell/output.ts';
import type { Change, Entry } from '../../environments/shell/tree.ts';
import { withSession } from './contract.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 400 });

test('however a stream is cut into pieces, both ends are kept and every byte is counted', () =>
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 12 }), (sizes) => {
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const all = Buffer.from(Array.from({ length: total }, (_, at) => 97 + (Math.imul(at, 31) % 26)));
      const capture = createCapture();
      let at = 0;
      for (const size of sizes) {
        capture.add(all.subarray(at, at + size));
        at += size;
      }
      assert.equal(capture.total, total);
      const text = capture.text();
      if (total <= 128 * 1024) return assert.equal(text, all.toString());
      const left = total - 128 * 1024;
      assert.equal(
        text,
        `${all.toString('utf8', 0, 65536)}\n[... ${left} bytes left out ...]\n${all.toString('utf8', total - 65536)}`,
      );
    }),
    { numRuns: 40 },
  ));

test('shortened text keeps to its limit and to whole characters; shorter text is left alone', () =>
  fc.assert(
    fc.property(anyText, fc.integer({ min: 0, max: 300 }), (text, limit) => {
      const short = shorten(text, limit);
      assert.ok(short.length <= limit || short === text);
      assert.ok(short.isWellFormed());
      if (text.length <= limit) assert.equal(short, text);
    }),
  ));

test('an observation keeps to its limit, whatever was printed and changed', () => {
  const entry = (text: string): Entry => ({ kind: 'file', size: text.length, digest: text, stamp: '', text });
  const change = fc
    .record({ path: fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), before: anyText, after: anyText })
    .map(
      ({ path, before, after }): Change => ({
        path: Buffer.from(path).toString('latin1'),
        kind: 'changed',
        before: entry(before),
        after: entry(after),
      }),
    );
  fc.assert(
    fc.property(
      anyText,
      fc.array(change, { maxLength: 30 }),
      fc.integer({ min: 200, max: 900 }),
      (output, changes, limit) => {
        const folder = '/work/灯'.repeat(40);
        const text = showStep({ output, ending: 'exit code: 0', folder, changes, complete: false }, limit);
        assert.ok(text.length <= limit, `${text.length} of ${limit}`);
        assert.ok(text.isWellFormed());
      },
    ),
    { numRuns: 200 },
  );
});

test('normalising takes away what changes by itself and nothing else', () => {
  const same: [string, string][] = [
    ['2026-11-24T02:17:31.123Z', '2025-01-01T00:00:00Z'],
    ['Tue Nov 24 02:17:31 UTC 2026', 'Wed Nov 25 12:07:01 UTC 2026'],
    ['-rw-r--r-- 1 user user 5 Nov 24 02:10 a', '-rw-r--r-- 1 user user 5 Dec  1 23:59 a'],
    ['added 1 package in 842ms', 'added 1 package in 2s'],
    ['real\t0m0.003s', 'real\t1m10.2s'],
    ['/tmp/tmp.Xy12', '/tmp/tmp.aB34'],
    ['[1] 4242', '[1] 17'],
    ['[main 1a2b3c4] first', '[main 9f8e7d6] first'],
    ['at 0x7ffe12345678', 'at 0x55d0aa000000'],
  ];
  for (const [one, other] of same) assert.equal(normalise(one), normalise(other), one);
  for (const text of [
    '1.2.3',
    'v20.1.0',
    'lamp 4',
    'sha1 c229d796940bb679a66993002c78edb9dc437210',
    '12345',
    'a/b/c.txt',
  ])
    assert.equal(normalise(text), text);
  for (const [one, other] of [
    ['1.2.3', '1.2.4'],
    ['5 files', '6 files'],
    ['Nov', 'Dec'],
  ] as const)
    assert.notEqual(normalise(one), normalise(other));
});

test('doctor names what is missing and the command that mends it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-doctor-test-'));
  const path = process.env.PATH;
  try {
    for (const program of ['bash', 'cat', 'chmod', 'chown'])
      await symlink(`/usr/bin/${program}`, join(folder, program));
    await chmod(folder, 0o755);
    process.env.PATH = folder;
    const [finding] = await shellDriver.doctor({ kind: 'shell' });
    assert.equal(finding?.ok, false);
    assert.match(finding?.detail ?? '', /bwrap: not found/);
    assert.match(finding?.fix ?? '', /apt-get install -y bubblewrap/);
    await withoutSandbox();
  } finally {
    process.env.PATH = path;
    await rm(folder, { recursive: true, force: true });
  }
});

/** Opening on a machine without bubblewrap waits for a person: it is no fault of the pipeline. */
const withoutSandbox = () =>
  assert.rejects(
    withSession(shellDriver, { kind: 'shell', setup: ['true'] }, async () => {}),
    (error) => error instanceof EnvironmentError && error.kind === 'operator' && /apt-get install/.test(error.message),
  );
