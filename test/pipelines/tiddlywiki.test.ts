/** pipelines/tiddlywiki.yaml with its scripted models, on the real application in a real browser. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { readTrajectory } from '../../activities/chain.ts';
import { packageFolder } from '../../cli/packages.ts';
import { findChromium } from '../../environments/browser/chromium.ts';
import type { Ref } from '../../schemas/common.ts';
import { folderStore } from '../../store/folder.ts';

const root = join(import.meta.dirname, '../..');
const pipeline = join(root, 'pipelines/tiddlywiki.yaml');
const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const skip = await Promise.all([packageFolder('tiddlywiki@5.4.1'), findChromium()]).then(() => false, reason);

/** What the six scripted tasks give, whatever happens to the worker meanwhile. */
const funnel = { documents: 2, tasks: 6, steps: 23, windows: 64, voted: 115, kept: 12 };
const dropped = { 'nothing-accomplished': 3, 'last-action-failed': 5, 'repeated-step': 2 };

interface Report {
  status: string;
  progress: {
    funnel: Record<keyof typeof funnel, number> & {
      dropped: Record<string, number>;
      outcomes: Record<string, number>;
      episodesReused: number;
    };
    usage: Record<string, { calls: number }>;
    dataset: { kept: number; folder: string; dropped: Record<string, number> };
  };
}

interface Row {
  instruction: string;
  scripted: boolean;
  trajectory: { head: Ref; to: number };
  steps: { action: string; arguments: { text?: string }; observation: string }[];
}

interface Home {
  folder: string;
  lbi(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }>;
}

const homes: Home[] = [];
after(async () => {
  for (const home of homes) {
    await home.lbi('down');
    await rm(home.folder, { recursive: true, force: true });
  }
});

async function newHome(): Promise<Home> {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-tiddlywiki-'));
  const lbi: Home['lbi'] = async (...args) => {
    const { exitCode, stdout, stderr } = await execa(process.execPath, [join(root, 'cli/main.ts'), ...args], {
      cwd: folder,
      env: { LBI_LOST_AFTER: '6', LBI_HEARTBEAT: '4', NO_COLOR: '1' },
      reject: false,
      timeout: 300_000,
    });
    return { exitCode: exitCode ?? -1, stdout, stderr };
  };
  const home = { folder, lbi };
  homes.push(home);
  return home;
}

const run = (home: Home, ...more: string[]): ReturnType<Home['lbi']> =>
  home.lbi('run', pipeline, '--profile', 'scripted', '--json', ...more);

const reportOf = ({ stdout, stderr }: { stdout: string; stderr: string }): Report => {
  const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Report;
  assert.equal(report.status, 'COMPLETED', `${stdout.slice(-2000)}\n${stderr}`);
  return report;
};

const calls = ({ progress }: Report): number =>
  Object.values(progress.usage).reduce((sum, usage) => sum + usage.calls, 0);

const linesOf = async <T>(path: string): Promise<T[]> =>
  (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

const rowsOf = ({ progress }: Report): Promise<Row[]> => linesOf<Row>(join(progress.dataset.folder, 'examples.jsonl'));

function checkFunnel({ progress }: Report): void {
  for (const [name, expected] of Object.entries(funnel))
    assert.equal(progress.funnel[name as keyof typeof funnel], expected, name);
  assert.deepEqual(progress.funnel.outcomes, { finished: 5, stuck: 1 });
  assert.deepEqual(progress.funnel.dropped, dropped);
  assert.deepEqual(
    Object.keys(progress.dataset.dropped).filter((why) => why.startsWith('gemini')),
    ['gemini says no: natural'],
  );
}

/** Command lines of the processes that belong to a folder: started in it, or naming it. */
async function processesOf(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    ids.map(async (id) => {
      const command = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
      const cwd = await readlink(`/proc/${id}/cwd`).catch(() => '');
      return command.includes(folder) || cwd.startsWith(folder) ? [`${id} ${command.replaceAll('\0', ' ')}`] : [];
    }),
  );
  return found.flat();
}

test('the real application becomes a dataset; again costs nothing; nothing is left running', { skip }, async () => {
  const home = await newHome();
  const first = reportOf(await run(home));
  checkFunnel(first);
  const { dataset } = first.progress;
  const checked = await home.lbi('check', '@last');
  assert.equal(checked.exitCode, 0, checked.stdout);
  assert.match(checked.stdout, /12 examples walked back to their steps and votes, 0 problems/);
  await checkRows(await rowsOf(first), home);
  const chats = await linesOf<{ messages: { role: string; content: string }[] }>(
    join(dataset.folder, 'chat/train.jsonl'),
  );
  assert.equal(chats.length, dataset.kept);
  for (const { messages } of chats) {
    assert.deepEqual(
      messages.slice(0, 2).map(({ role }) => role),
      ['system', 'user'],
    );
    for (const { role, content } of messages)
      if (role === 'assistant') assert.equal(typeof JSON.parse(content).action.name, 'string');
  }

  const second = reportOf(await run(home));
  assert.equal(calls(second), 0);
  assert.equal(second.progress.funnel.episodesReused, 6);
  assert.deepEqual(await rowsOf(second), await rowsOf(first));

  assert.equal((await home.lbi('down')).exitCode, 0);
  for (let wait = 0; wait < 50 && (await processesOf(home.folder)).length > 0; wait += 1) await sleep(100);
  assert.deepEqual(await processesOf(home.folder), []);
});

/** What an example says was made is there: the page shows it after the last action, and each step has its screenshot. */
async function checkRows(rows: Row[], home: Home): Promise<void> {
  const store = await folderStore(join(home.folder, '.lbi/store'));
  const titles = new Set<string>();
  for (const { instruction, scripted, steps, trajectory } of rows) {
    assert.equal(scripted, true);
    const made = /^(?:Create a|Add a) tiddler (?:with the title )?"([^"]+)"/.exec(instruction)?.[1];
    const last = steps.at(-1)?.observation ?? '';
    if (made !== undefined) {
      titles.add(made);
      assert.ok(last.includes(`- heading "${made}" [level=2]`), last);
      assert.doesNotMatch(last, /region "Editor"/, 'the draft is closed');
      const texts = steps.flatMap((step) => (step.action === 'type' ? [step.arguments.text ?? ''] : []));
      assert.ok(texts.includes(made) && last.includes(texts.at(-1) ?? '?'), last);
    }
    for (const step of await readTrajectory(store, trajectory.head)) {
      const { screenshot, state } = step.observation;
      if (state.dialog !== undefined) continue;
      const png = await store.get(screenshot ?? '');
      assert.equal(Buffer.from(png.subarray(1, 4)).toString(), 'PNG');
      assert.equal(new URL(String(state.url)).hostname, '127.0.0.1');
    }
  }
  assert.deepEqual([...titles].sort(), ['Lena', 'Shopping list', 'Tea timer']);
}

test('a worker killed among open pages: the episodes go on by replay and end the same', { skip }, async () => {
  const home = await newHome();
  const { exitCode, stderr } = await run(home, '--detach');
  assert.equal(exitCode, 0, stderr);
  const replayed = await killInTheMiddle(home);
  assert.ok(replayed >= 3, `only ${replayed} actions had been carried out`);
  const report = reportOf(await home.lbi('attach', '@last', '--json'));
  checkFunnel(report);
  // A decision that was asked twice would mean that a replay saw another page.
  assert.equal(report.progress.usage['interact/writer']?.calls, 28);
});

/** Kills the worker once open sessions have carried out a few actions; gives how many. */
async function killInTheMiddle({ folder }: Home): Promise<number> {
  const sessions = join(folder, '.lbi/sessions');
  for (let wait = 0; wait < 600; wait += 1) {
    const names = await readdir(sessions, { recursive: true }).catch(() => []);
    const journals = names.filter((name) => name.endsWith('journal.jsonl'));
    const texts = await Promise.all(journals.map((name) => readFile(join(sessions, name), 'utf8').catch(() => '')));
    const done = texts.join('').split('"result"').length - 1;
    if (done >= 5) {
      const state = JSON.parse(await readFile(join(folder, '.lbi/worker.json'), 'utf8')) as { pid: number };
      process.kill(state.pid, 'SIGKILL');
      return done;
    }
    await sleep(100);
  }
  throw new Error('no session carried out five actions within a minute');
}
