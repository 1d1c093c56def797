/** Setup in parts: archives, downloads that break off, versions, options, the lock file, and the program that is run in its place. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { member, members } from '../../setup/archive.mjs';
import { fetchFile, needSpace, sha256 } from '../../setup/download.mjs';
import { missingPackages } from '../../setup/packages.mjs';
import { atLeast } from '../../setup/places.mjs';
import { readOptions } from '../../setup/setup.mjs';
import { fromHub } from '../../setup/weights.mjs';

const folder = await mkdtemp(join(tmpdir(), 'lbi-setup-'));
after(() => rm(folder, { recursive: true, force: true }));
const setup = fileURLToPath(new URL('../../setup/setup.mjs', import.meta.url));

/** A zip archive of these files, as wheels are: some stored, some deflated. */
function zip(files: Record<string, Buffer>): Buffer {
  const parts: Buffer[] = [];
  const table: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const deflated = content.length > 40;
    const packed = deflated ? deflateRawSync(content) : content;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflated ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    parts.push(Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    table.push(Buffer.from('PK\x01\x02\x14\x00'), fields, tail, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const directory = Buffer.concat(table);
  const end = Buffer.alloc(18);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, directory, Buffer.from('PK\x05\x06'), end]);
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('members of an archive come back byte by byte, whatever they hold', async () => {
  const file = join(folder, 'any.whl');
  const names = fc.uniqueArray(fc.stringMatching(/^[a-zé]{1,12}$/), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      names,
      fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 5, maxLength: 5 }),
      async (keys, bytes) => {
        const files = Object.fromEntries(keys.map((key, i) => [`data/${key}.bin`, Buffer.from(bytes[i] ?? [])]));
        await writeFile(file, zip(files));
        assert.deepEqual(
          (await members(file)).map(({ name }) => name),
          Object.keys(files),
        );
        for (const [name, content] of Object.entries(files))
          assert.deepEqual(await read(await member(file, name)), content);
      },
    ),
    { numRuns: 40 },
  );
});

test('an archive that was cut short, and a member that is not there, are errors that name the file', async () => {
  const file = join(folder, 'cut.whl');
  const whole = zip({ 'a/part01.bin': randomBytes(500) });
  await writeFile(file, whole.subarray(0, whole.length - 30));
  await assert.rejects(members(file), /cut\.whl is not a zip archive/);
  await writeFile(file, whole);
  await assert.rejects(member(file, 'part02.bin'), /cut\.whl holds no file ending in part02\.bin/);
});

test('versions compare by number', () => {
  for (const [a, b, expected] of [
    ['v22.18.0', '22.18.0', true],
    ['22.9.0', '22.18.0', false],
    ['v24.0.0-rc.1', '22.18.0', true],
    ['1.10.0', '1.7', true],
    ['1.6.9', '1.7.0', false],
  ] as const) {
    assert.equal(atLeast(a, b), expected, `${a} against ${b}`);
  }
});

/** Serves `content` with ranges; breaks each of the first `breaks` answers off after half of what is left. */
async function serve(content: Buffer, breaks: number): Promise<{ server: Server; url: string; ranges: string[] }> {
  const ranges: string[] = [];
  let left = breaks;
  const server = createServer((request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    ranges.push(request.headers.range ?? 'all');
    if (from >= content.length) return void response.writeHead(416).end();
    const rest = content.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
    if (left-- <= 0) return void response.end(rest);
    response.write(rest.subarray(0, Math.floor(rest.length / 2)), () => setTimeout(() => response.destroy(), 50));
  }).listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, url: `http://127.0.0.1:${address.port}/weights.gguf`, ranges };
}

test('a download that breaks off is gone on with, not begun again', async () => {
  const content = randomBytes(300_000);
  const { server, url, ranges } = await serve(content, 2);
  const file = join(folder, 'weights.part');
  const source = { kind: 'hub' as const, url };
  const seen: number[] = [];
  try {
    for (let i = 0; i < 2; i += 1)
      await assert.rejects(
        fromHub(source, file, content.length, () => {}),
        /weights\.gguf/,
      );
    await fromHub(source, file, content.length, (done) => seen.push(done));
    await fromHub(source, file, content.length, () => {}); // complete already: nothing is added to it
  } finally {
    server.close();
  }
  assert.equal(await sha256(file), createHash('sha256').update(content).digest('hex'));
  assert.deepEqual(ranges, ['all', 'bytes=150000-', 'bytes=225000-', 'bytes=300000-']);
  assert.equal(seen.at(-1), content.length);
});

test('a hub that accepts and never answers costs one short wait, not one per file', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `http://127.0.0.1:${address.port}/x`;
  try {
    await assert.rejects(fetchFile(url, join(folder, 'silent'), { answerWithinMs: 100 }), /no answer within 100 ms/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  const gone = { kind: 'hub' as const, url };
  await assert.rejects(
    fromHub(gone, join(folder, 'silent'), 10, () => {}),
    /ECONNREFUSED/,
  );
  await assert.rejects(
    fromHub(gone, join(folder, 'silent'), 10, () => {}),
    /does not answer/,
  );
});

test('a disk that is too small is named before anything is downloaded', async () => {
  await assert.rejects(needSpace(folder, 1e18), (error: Error & { fix?: string }) => {
    assert.match(error.message, /are needed/);
    assert.match(error.fix ?? '', /LBI_CACHE/);
    return true;
  });
});

test('options: what follows --run belongs to the program, and an unknown part lists the known ones', () => {
  assert.deepEqual(readOptions(['--only', 'node,temporal', '--run', 'a.ts', '--only', 'x']), {
    only: ['node', 'temporal'],
    run: ['a.ts', '--only', 'x'],
  });
  assert.deepEqual(readOptions(['--without=models,browser']).only, ['node', 'packages', 'temporal']);
  assert.throws(() => readOptions(['--only', 'nodes']), /"nodes" is none of node, packages, temporal/);
  assert.throws(() => readOptions(['--only']), /is none of/);
  assert.throws(() => readOptions(['--fast']), /unknown option --fast/);
});

test('packages count as missing when absent or of another version; optional ones may be absent', async () => {
  const place = join(folder, 'project');
  await mkdir(join(place, 'node_modules'), { recursive: true });
  const lock = (packages: object) => JSON.stringify({ packages });
  const wanted = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '1.0.0', optional: true },
  };
  await writeFile(join(place, 'package-lock.json'), lock(wanted));
  assert.deepEqual(await missingPackages(place), ['node_modules/a']);
  const hidden = join(place, 'node_modules', '.package-lock.json');
  await writeFile(hidden, lock({ 'node_modules/a': { version: '1.0.0' } }));
  assert.deepEqual(await missingPackages(place), []);
  await writeFile(hidden, lock({ 'node_modules/a': { version: '1.0.1' }, 'node_modules/b': { version: '2.0.0' } }));
  assert.deepEqual(await missingPackages(place), ['node_modules/a', 'node_modules/b']);
});

const program = join(folder, 'program.mjs');
await writeFile(
  program,
  `if (process.argv[2] === 'wait') {
  process.on('SIGTERM', () => process.exit(9));
  console.log('waiting');
  setInterval(() => {}, 1000);
} else {
  console.log(JSON.stringify(process.argv.slice(2)));
  process.exit(5);
}`,
);
const command = [setup, '--only', 'node', '--run', program];

test('the program gets its arguments, and its exit code and output are setup’s own', async () => {
  const failed = await promisify(execFile)(process.execPath, [...command, 'a b', '--only', 'c']).catch(
    (error) => error,
  );
  assert.equal(failed.code, 5);
  assert.equal(failed.stdout, '["a b","--only","c"]\n');
  assert.equal(failed.stderr, '');
});

test('setup runs when it is reached through a link, and says what is wrong with a cache it cannot write', async () => {
  const link = join(folder, 'link.mjs');
  await symlink(setup, link);
  const env = { ...process.env, PATH: folder, LBI_TEMPORAL: '', LBI_CACHE: join(program, 'cache') };
  const failed = await promisify(execFile)(process.execPath, [link, '--only', 'temporal'], { env }).catch(
    (error) => error,
  );
  assert.equal(failed.code, 6);
  assert.match(failed.stderr, /ENOTDIR.*\n\nTo go on: .*LBI_CACHE/);
});

test('a signal reaches the program, and its own answer to it is the exit code', async () => {
  const child = spawn(process.execPath, [...command, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((said) => child.stdout.once('data', said));
  child.kill('SIGTERM');
  const code = await new Promise((ended) => child.once('exit', ended));
  assert.equal(code, 9);
});

test('what a person has to do themselves is named with its command, and ends with code 6', async () => {
  const fake = join(folder, 'temporal');
  await writeFile(fake, '#!/bin/sh\necho temporal version 1.2.0\n');
  await chmod(fake, 0o755);
  const env = { ...process.env, LBI_TEMPORAL: fake };
  const failed = await promisify(execFile)(process.execPath, [setup, '--only', 'temporal'], { env }).catch(
    (error) => error,
  );
  assert.equal(failed.code, 6);
  assert.match(failed.stderr, /is version 1\.2\.0; temporal 1\.7\.0 or newer is needed/);
  assert.match(failed.stderr, /To go on: correct LBI_TEMPORAL/);
  assert.doesNotMatch(failed.stderr, /at .*\.mjs:\d+/);
  const usage = await promisify(execFile)(process.execPath, [setup, '--onyl']).catch((error) => error);
  assert.equal(usage.code, 2);
});

test('doctor names every missing thing with a fix, and never shows a key', async () => {
  const file = join(folder, 'doctor.mjs');
  const doctor = new URL('../../cli/doctor.ts', import.meta.url);
  await writeFile(
    file,
    `import { doctorCommand } from '${doctor}';\nprocess.exitCode = await doctorCommand({ json: true });\n`,
  );
  const env = { HOME: folder, PATH: folder, LBI_CACHE: join(folder, 'empty'), OPENAI_API_KEY: 'sk-very-secret' };
  await rm(join(folder, 'temporal'), { force: true });
  const options = { env, cwd: folder };
  const failed = await promisify(execFile)(process.execPath, [file], options).catch((error) => error);
  assert.equal(failed.code, 6, failed.stderr);
  assert.doesNotMatch(failed.stdout, /very-secret/);
  const { schema, data } = JSON.parse(failed.stdout);
  assert.equal(schema, 'lbi.doctor/1');
  const line = (what: string) => data.find((each: { what: string }) => each.what === what);
  for (const what of ['temporal', 'Chromium', 'local models']) assert.ok(line(what).fix, what);
  assert.equal(line('a model').ok, true);
  assert.match(line('keys').detail, /set: OPENAI_API_KEY/);
  assert.equal(await readFile(join(folder, 'empty'), 'utf8').catch(() => 'nothing was written'), 'nothing was written');
});
