/** `lbi preview` and `lbi prompt`: work in one process, without a server; nobody is asked who was not meant to be. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';
import { promptNamed } from '../../cli/prompt.ts';
import { promptNames, shippedPrompt } from '../../cli/prompts.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const script = join(import.meta.dirname, '..', 'engine', 'lamps.script.yaml');

const pipeline = `version: "1"
name: lamps
models:
  writer: { provider: scripted, script: script.yaml }
  judge: { provider: scripted, script: script.yaml }
environments:
  board: { kind: scripted, items: 4 }
sources:
  - files: docs/*.md
stages:
  - { uses: instruct, model: writer, per_document: 3 }
  - { uses: interact, environment: board, model: writer, max_steps: 6 }
  - { uses: construct, model: writer, styles: [new-task, original] }
  - { uses: filter, committee: { members: [writer, judge], reasons: one } }
  - { uses: export, formats: [openai] }
`;

let folder = '';
let temporary = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-alone-test-'));
  temporary = join(folder, 'tmp');
  await mkdir(join(folder, 'docs'));
  await mkdir(temporary);
  for (const name of ['hall', 'attic'])
    await writeFile(join(folder, 'docs', `${name}.md`), `# Page of the ${name}room\n\nEach lamp can be switched.\n`);
  await writeFile(join(folder, 'script.yaml'), await readFile(script, 'utf8'));
  await writeFile(join(folder, 'pipeline.yaml'), pipeline);
});
after(() => rm(folder, { recursive: true, force: true }));

const start = (args: string[], env: Record<string, string> = {}) =>
  execa(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, TMPDIR: temporary, ...env },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
    input: '',
  });

interface Told {
  type: string;
  [more: string]: unknown;
}
const told = async (...args: string[]): Promise<Told[]> => {
  const { stdout, stderr, exitCode } = await start(['preview', 'pipeline.yaml', '--json', ...args]);
  assert.equal(exitCode, 0, stderr);
  return stdout.split('\n').map((line) => JSON.parse(line) as Told);
};
const of = (events: Told[], type: string): Told[] => events.filter((event) => event.type === type);

test('one document goes through every stage, in order, and every member votes; nothing is left behind', async () => {
  const events = await told('--document', 'hall', '--windows', '2');
  assert.deepEqual(
    events.slice(0, 5).map(({ type }) => type),
    ['document', 'tasks', 'opened', 'decided', 'acted'],
  );
  assert.equal(events[0]?.id, 'docs/hall.md');
  assert.deepEqual(
    of(events, 'tasks').map(({ tasks }) => (tasks as string[]).length),
    [3],
  );
  assert.deepEqual(
    of(events, 'decided').map(({ title }) => title),
    ['switch "lamp-1"', 'switch "lamp-2"', 'Done.'],
  );
  // Two windows were cut from the walk, and its whole is among them: the original task is judged too.
  assert.equal(of(events, 'written').length, 3);
  assert.deepEqual(
    of(events, 'voted').map(({ vote }) => (vote as { member: string }).member),
    ['writer', 'judge', 'writer', 'judge', 'writer', 'judge'],
  );
  assert.ok(of(events, 'verdict').every(({ kept }) => kept === true));
  assert.equal(events.at(-1)?.type, 'done');
  assert.ok(!existsSync(join(folder, '.lbi')), 'the store was made');
  assert.deepEqual(await readdir(temporary), []);
});

test('a task of one’s own asks for none, and the bounds hold', async () => {
  const events = await told('--task', 'Try which lamps there are', '--steps', '1', '--document', '2');
  assert.deepEqual(of(events, 'tasks'), []);
  assert.deepEqual(
    of(events, 'walked').map(({ outcome, steps }) => [outcome, steps]),
    [['step-limit', 1]],
  );
});

test('in words it says what was done, seen and decided, and names the next command', async () => {
  const { stdout, stderr } = await start(['preview', 'pipeline.yaml', '--task', 'Try which lamps there are']);
  assert.match(stdout, / 2\. switch "lamp-9"\n {6}because: Perhaps there are nine\.\n {6}failed: There is no lamp/);
  assert.match(stdout, /dropped before the vote: \d × last-action-failed/);
  assert.match(stdout, /✘ natural[\s\S]*✘ would be dropped: 0 of 2 said yes, 2 needed/);
  assert.match(stdout, /nothing is kept \(--keep/);
  assert.match(stderr, /lbi preview pipeline\.yaml --document 2\n.*lbi run pipeline\.yaml/);
});

test('with --keep the replies are remembered, and the next time nobody is asked', async () => {
  const first = (await told('--keep')).at(-1) as unknown as {
    stored: number;
    usage: Record<string, { calls: number }>;
  };
  assert.ok(Object.values(first.usage).some(({ calls }) => calls > 0));
  const second = (await told()).at(-1) as unknown as typeof first;
  assert.ok(Object.values(second.usage).every(({ calls }) => calls === 0));
  assert.ok(second.stored > 5);
  await rm(join(folder, '.lbi'), { recursive: true });
});

test('what costs money is not asked without a yes', async () => {
  const price = ['--set', 'models.writer.price={ input: 3, output: 15 }'];
  const refused = await start(['preview', 'pipeline.yaml', ...price]);
  assert.equal(refused.exitCode, 2, refused.stderr);
  assert.match(refused.stderr, /writer, which costs money: add --yes/);
  assert.doesNotMatch(refused.stdout, /instruct/);
  const agreed = await start(['preview', 'pipeline.yaml', '--yes', ...price]);
  assert.equal(agreed.exitCode, 0, agreed.stderr);
  assert.match(agreed.stdout, /interact\/writer +3 calls.*\$0\.0/);
  assert.deepEqual(await readdir(temporary), []);
});

test('Ctrl-C closes what is open and ends with 4', async () => {
  const running = start(['preview', 'pipeline.yaml', '--set', 'models.writer.delay=30']);
  running.stdout.on('data', (text: Buffer) => {
    if (String(text).includes('document 1')) setTimeout(() => running.kill('SIGINT'), 300);
  });
  const { exitCode, stderr } = await running;
  assert.equal(exitCode, 4, stderr);
  assert.match(stderr, /stopped/);
  assert.deepEqual(await readdir(temporary), []);
});

const wrong: { args: string[]; exit: number; says: RegExp }[] = [
  { args: ['preview', 'pipeline.yaml', '--document', '3'], exit: 3, says: /the sources give 2 documents/ },
  { args: ['preview', 'pipeline.yaml', '--document', 'docs/hal.md'], exit: 3, says: /did you mean docs\/hall\.md\?/ },
  { args: ['preview', 'nowhere.yaml'], exit: 2, says: /no such file/ },
  { args: ['preview', 'pipeline.yaml', '--set', 'models.writer.script=none.yaml'], exit: 3, says: /none\.yaml/ },
  {
    args: [
      'preview',
      'pipeline.yaml',
      '--set',
      'environments.board={ kind: browser, url: "http://127.0.0.1:9/" }',
      '--set',
      'environments.board.allow=[]',
    ],
    exit: 3,
    says: /./,
  },
  { args: ['prompt', 'show', 'voet'], exit: 2, says: /did you mean vote\?/ },
  { args: ['prompt', 'show', 'query'], exit: 3, says: /asks for no query/ },
  { args: ['prompt', 'show', 'construct'], exit: 3, says: /a stretch of an attempt, and no run here has one/ },
  { args: ['prompt', 'show', 'filter'], exit: 3, says: /an example, and no run here has one/ },
  { args: ['prompt', 'show', 'filter', '--member', 'nobody'], exit: 3, says: /the committee has writer, judge/ },
  { args: ['prompt', 'show', 'construct', '--from', 'r-none'], exit: 3, says: /no runs here yet/ },
  { args: ['prompt', 'show', 'instruct', '--pipeline', 'none.yaml'], exit: 2, says: /no such file/ },
];

test('what is wrong is told in words', { concurrency: 4 }, async (context) => {
  await Promise.all(
    wrong.map(({ args, exit, says }) =>
      context.test(args.join(' '), async () => {
        const { exitCode, stderr } = await start(args);
        assert.match(stderr, says);
        assert.equal(exitCode, exit, stderr);
        assert.doesNotMatch(stderr, /\n\s+at |node:internal/);
      }),
    ),
  );
  assert.ok(!existsSync(join(folder, '.lbi')));
});

test('a prompt is shown filled in, with a model that has no key and is never asked', async () => {
  const paid = '{ provider: anthropic, model: claude-opus-5-5, api_key: "${secret:NO_SUCH_KEY}" }';
  const set = ['--set', `models.writer=${paid}`];
  const { stdout, stderr, exitCode } = await start(['prompt', 'show', 'instruct', '--document', 'attic', ...set]);
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /asked of writer \(anthropic claude-opus-5-5\)/);
  assert.match(stdout, /filled by {2}document \d of the sources: docs\/attic\.md, "Page of the atticroom"/);
  assert.match(stdout, /Each lamp can be switched\./);
  assert.match(stdout, /── system: \d+ characters, about \d+ tokens ──/);
  const decide = await start(['prompt', 'show', 'decide', '--task', 'Count the lamps', '--json', ...set]);
  const { data } = JSON.parse(decide.stdout) as { data: { user: string; system: string; maxTokens: number } };
  assert.match(data.user, /Your task: Count the lamps[\s\S]*lamp-4: off/);
  assert.match(data.system, /`switch`/);
  assert.equal(data.maxTokens, 1024);
  assert.ok(!existsSync(join(folder, '.lbi')));
  assert.deepEqual(await readdir(temporary), []);
});

test('a shipped prompt is copied once, and the line that is named puts it in its place', async () => {
  const copied = await start(['prompt', 'copy', 'instruct']);
  assert.equal(copied.exitCode, 0, copied.stderr);
  assert.match(copied.stderr, /in the stage instruct: {2}prompt: prompts\/instruct\.md/);
  const path = join(folder, 'prompts', 'instruct.md');
  assert.equal(await readFile(path, 'utf8'), (await shippedPrompt('instruct')).text);
  assert.equal((await start(['prompt', 'copy', 'instruct'])).exitCode, 2);
  await writeFile(path, '# System\n\nInvent.\n\n# User\n\nOnly {{ count }} of this: {{ document }}\n');
  const set = ['--set', 'stages.instruct.prompt=prompts/instruct.md'];
  const { stdout } = await start(['prompt', 'show', 'instruct', ...set]);
  assert.match(stdout, /prompts\/instruct\.md {2}your own/);
  assert.match(stdout, /Only 3 of this: # Page of the atticroom/);
  for (const line of ['filter', 'construct', 'query']) {
    const other = await start(['prompt', 'copy', line, '--to', `other/${line}.md`]);
    assert.match(other.stderr, new RegExp(`add .*prompts?: .*other/${line}\\.md`));
  }
});

test('prompts have the names of their stages, their steps and their files', async () => {
  for (const name of promptNames) {
    assert.equal(promptNamed(name), name);
    const { path } = await shippedPrompt(name);
    assert.equal(promptNamed(path.split('/').at(-1) ?? ''), name);
  }
  assert.equal(promptNamed('construct', 'replicate'), 'construct/replicate');
  assert.throws(() => promptNamed('construct', 'original'), /no prompt "construct\/original"/);
});
