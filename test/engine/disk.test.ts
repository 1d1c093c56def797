/** The disk of the project is full in the middle of a run: that is said, nothing finished is lost, and with room the run goes on to its end. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { lastEvent, launch, makePlace, progressWhen } from './place.ts';

const run = promisify(execFile);
const closing: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

/** A small disk of its own; undefined where this user may not mount one. */
async function smallDisk(megabytes: number): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  } catch {
    await rm(folder, { recursive: true });
    return undefined;
  }
  closing.push(async () => {
    await run('umount', [folder]);
    await rm(folder, { recursive: true });
  });
  return folder;
}

/** Leaves so many bytes free. */
async function fill(folder: string, leave: number): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const path = join(folder, 'ballast');
  // Others may take some of it meanwhile: full is full.
  await writeFile(path, Buffer.alloc(Math.max(0, bavail * bsize - leave))).catch(() => undefined);
  return path;
}

test('a disk that fills up in the middle of a run', { timeout: 240_000 }, async (t) => {
  const disk = await smallDisk(96);
  if (disk === undefined) return t.skip('mounting a small disk needs the rights of root');
  const home = join(disk, '.lbi');
  await mkdir(home);
  const place = await makePlace({
    documents: 8,
    oneTask: true,
    environment: { LBI_HOME: home },
    change: (text) => text.replaceAll('lamps.script.yaml }', 'lamps.script.yaml, delay: 0.4 }'),
  });
  closing.push(place.close);

  const ballast = await fill(disk, 10e6);
  const refused = await place.lbi('run', 'pipeline.yaml', '--detach');
  assert.equal(refused.exitCode, 6);
  assert.match(refused.stderr, /the disk that holds .*\.lbi is full \(\d+ MB free\): make room/);
  await rm(ballast);

  const id = await launch(place);
  const { port } = JSON.parse(await readFile(join(home, 'server.json'), 'utf8')) as { port: number };
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  closing.push(() => connection.close());
  const client = new Client({ connection });
  await progressWhen(client, id, ({ inFlight }) => inFlight > 0);
  await fill(disk, 0);
  await sleep(8000);
  assert.match(await readFile(join(home, 'supervisor.log'), 'utf8'), /a worker is started/);
  const state = async (name: string) =>
    JSON.parse(await readFile(join(home, `${name}.json`), 'utf8')) as { pid: number };
  const { pid } = await state('supervisor');
  process.kill(pid, 0);
  await rm(ballast);

  const attached = await place.lbi('resume', id).then(() => place.lbi('attach', id, '--json'));
  const done = lastEvent(attached.stdout);
  assert.equal(done.status, 'COMPLETED', attached.stdout + attached.stderr);
  assert.equal(done.progress.funnel.episodes, 8, JSON.stringify(done.progress.funnel));
  assert.deepEqual(done.progress.funnel.outcomes, { finished: 8 });
  const check = JSON.parse((await place.lbi('check', id, '--json')).stdout) as { problems: unknown[] };
  assert.deepEqual(check.problems, []);
});
