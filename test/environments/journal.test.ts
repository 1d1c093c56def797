/** The journal: at most once, also when the process died at any byte of it. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EnvironmentError } from '../../core/errors.ts';
import type { StepResult } from '../../environments/environment.ts';
import { openJournal } from '../../environments/journal.ts';

const result = (text: string): StepResult => ({ observation: { text, state: {}, stateHash: 'f00d' } });
const isLost = (error: unknown) => error instanceof EnvironmentError && error.kind === 'session-lost';

const inFolder = async (work: (folder: string, path: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-journal-'));
  try {
    await work(folder, join(folder, 'journal.jsonl'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

test('a step runs once, is joined while it runs, and is found again by the next process', () =>
  inFolder(async (folder) => {
    const journal = await openJournal(folder);
    let runs = 0;
    const run = async () => {
      runs++;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return result('zażółć\n灯');
    };
    const both = await Promise.all([journal.once(1, { a: 1 }, run), journal.once(1, { a: 1 }, run)]);
    assert.deepEqual(both[0], both[1]);
    assert.deepEqual(await journal.once(1, { a: 1 }, run), both[0]);
    assert.deepEqual(await (await openJournal(folder)).once(1, { a: 1 }, run), both[0]);
    assert.equal(runs, 1);
  }));

test('a step that threw, or that was begun with another action, is lost', () =>
  inFolder(async (folder) => {
    const journal = await openJournal(folder);
    const broken = new Error('the place broke');
    await assert.rejects(
      journal.once(1, 'x', () => Promise.reject(broken)),
      broken,
    );
    const never = () => assert.fail('must not run');
    await assert.rejects(journal.once(1, 'x', never), isLost);
    await assert.rejects((await openJournal(folder)).once(1, 'x', never), isLost);
    await journal.once(2, 'x', async () => result('done'));
    await assert.rejects(journal.once(2, 'y', never), isLost);
  }));

test('cut at every byte, it never runs a step again whose intent was written, and goes on after it', () =>
  inFolder(async (folder, path) => {
    const written = await openJournal(folder);
    await written.once(1, 'one', async () => result('é'));
    await written.once(2, 'two', async () => result('b'));
    const whole = await readFile(path);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at + 1);
    for (let length = 0; length <= whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const journal = await openJournal(folder);
      const lines = ends.filter((end) => end <= length).length;
      let ran = false;
      const run = async () => {
        ran = true;
        return result('again');
      };
      const outcome = await journal.once(2, 'two', run).then(
        (seen) => seen.observation.text,
        (error) => (isLost(error) ? 'lost' : 'other'),
      );
      const expected = lines < 3 ? 'again' : lines === 3 ? 'lost' : 'b';
      assert.equal(outcome, expected, `cut at byte ${length}`);
      assert.equal(ran, expected === 'again');
      if (ran) assert.equal((await (await openJournal(folder)).once(2, 'two', run)).observation.text, 'again');
    }
  }));

test('a damaged last line is dropped, damage before it is reported, clear forgets all', () =>
  inFolder(async (folder, path) => {
    const line = `${JSON.stringify({ index: 1, intent: 'x' })}\n`;
    for (const junk of ['{"index":1,"res\u0000', 'null', '{"index":"1"}', '[]']) {
      await writeFile(path, `${line}${junk}\n`);
      const journal = await openJournal(folder);
      await assert.rejects(
        journal.once(1, 'x', async () => result('')),
        isLost,
      );
      assert.equal(await readFile(path, 'utf8'), line);
      await writeFile(path, `${junk}\n${line}`);
      await assert.rejects(openJournal(folder), isLost);
    }
    await writeFile(path, line);
    const journal = await openJournal(folder);
    await journal.clear();
    assert.equal((await journal.once(1, 'x', async () => result('fresh'))).observation.text, 'fresh');
  }));
