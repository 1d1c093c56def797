/** `lbi init`: whatever it is told and whatever it finds, what it writes is valid, explained, and touches nothing that was there. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv } from 'ajv';
import { execa } from 'execa';
import fc from 'fast-check';
import { parse } from 'yaml';
import { type Asker, askFlags } from '../../cli/init/ask.ts';
import { type Choices, choose, docsFrom, nameFrom, places, providers } from '../../cli/init/choices.ts';
import { secretsIn } from '../../cli/init/folder.ts';
import { type Found, look } from '../../cli/init/look.ts';
import { shippedPipelines } from '../../cli/init/shipped.ts';
import { sourceOf } from '../../cli/init/source-part.ts';
import { pipelineText } from '../../cli/init/text.ts';
import { hasPrice } from '../../cli/pipeline-file.ts';
import { editorSchema } from '../../core/spec/editor-schema.ts';
import { loadSpec } from '../../core/spec/load.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-init-'));
  await mkdir(join(folder, 'docs', 'deep'), { recursive: true });
  await writeFile(join(folder, 'docs', 'one.md'), '# One\n\nText.\n');
  await writeFile(join(folder, 'docs', 'deep', 'two.rst'), 'Two\n');
  await mkdir(join(folder, 'strange (1) $x'), { recursive: true });
  await writeFile(join(folder, 'strange (1) $x', 'page.md'), '# Page\n');
  await mkdir(join(folder, 'empty'));
});
after(() => rm(folder, { recursive: true, force: true }));

const lbi = async (args: string[], env: Record<string, string> = {}, cwd = folder) => {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [main, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: folder, OLLAMA_HOST: '127.0.0.1:9', ...env },
    extendEnv: false,
    reject: false,
    timeout: 60_000,
    input: '',
  });
  return { exitCode, stdout, stderr };
};

const nothing: Found = { ollama: [], keys: [] };

/** Loads a text as the pipeline of a folder; the warnings, or a failed assertion that shows the problems. */
const editor = new Ajv({ strict: true, strictTypes: false }).compile(editorSchema());

const warningsOf = (text: string, files: string[]): string[] => {
  const loaded = loadSpec({
    ...{ text, file: 'pipeline.yaml', environment: {}, knownPrice: hasPrice },
    fileExists: (path) => files.includes(path),
  });
  assert.ok('spec' in loaded, `${JSON.stringify('problems' in loaded ? loaded.problems : [], null, 2)}\n${text}`);
  assert.ok(editor(parse(text)), JSON.stringify(editor.errors));
  for (const profile of ['tiny']) {
    const other = loadSpec({
      ...{ text, file: 'pipeline.yaml', profile, environment: {}, knownPrice: hasPrice },
      fileExists: (path) => files.includes(path),
    });
    assert.ok('spec' in other, text);
  }
  return loaded.warnings.map(({ code }) => code);
};

test('every combination of place, application, documents, writer and judge is a valid pipeline, and a warning is explained in it', async () => {
  const documents = [
    { kind: 'path', path: join(folder, 'docs') },
    { kind: 'none' },
    { kind: 'sample' },
    { kind: 'site', url: 'https://docs.example.com/guide/?a=$b' },
    { kind: 'git', url: 'git@x.y:a/b.git' },
    { kind: 'git', url: 'https://github.com/a/b', ref: 'main', folder: 'docs (1)' },
  ] as const;
  const apps: Record<Choices['place'], Partial<Choices>[]> = {
    shell: [{}, { app: 'prettier@3.6.2' }, { app: '@scope/tool@1.0.0' }],
    browser: [
      {},
      { url: 'http://127.0.0.1:8080/a?b=$c' },
      { url: 'https://shop.example.com' },
      { app: 'npm run dev -- --port "${port}"' },
    ],
    scripted: [{}],
  };
  const ollama: Found = { ollama: ['qwen3:4b', 'llama3.1:8b'], keys: [] };
  let checked = 0;
  for (const place of places)
    for (const app of apps[place])
      for (const docs of documents)
        for (const writer of providers)
          for (const judge of providers)
            for (const found of writer === 'ollama' || judge === 'ollama' ? [nothing, ollama] : [nothing]) {
              const choices: Choices = { name: 'x1', docs, place, writer, judge, ...app };
              const source = await sourceOf(choices, join(folder, 'new'));
              const text = pipelineText(choices, found, source);
              const warnings = warningsOf(text, ['replies.yaml']);
              assert.deepEqual(
                warnings.filter((code) => code !== 'committee'),
                [],
                text,
              );
              if (warnings.length > 0) assert.match(text, /`lbi validate` warns of this committee/);
              assert.doesNotMatch(text, /undefined|\[object|NaN/);
              checked += 1;
            }
  assert.ok(checked > 700, String(checked));
});

test('two makers at hand: neither of the judges is the writer, and nothing is warned of', async () => {
  const found: Found = {
    ollama: [],
    keys: [
      { provider: 'anthropic', variable: 'ANTHROPIC_API_KEY' },
      { provider: 'google', variable: 'GOOGLE_API_KEY' },
    ],
  };
  const choices = choose('my place', {}, found);
  assert.deepEqual([choices.writer, choices.judge, choices.name], ['anthropic', 'google', 'my-place']);
  const text = pipelineText(choices, found, await sourceOf(choices, folder));
  assert.deepEqual(warningsOf(text, []), []);
  assert.deepEqual(secretsIn(text), ['ANTHROPIC_API_KEY', 'GOOGLE_API_KEY']);
});

test('any folder name becomes a name that a pipeline may have', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => /^[a-z0-9][a-z0-9-]{0,39}$/.test(nameFrom(text))));
  assert.equal(nameFrom('Über Ünique_App 2'), 'u-ber-u-nique-app-2');
});

test('an address is told from a path', () => {
  const kinds = (
    [
      'https://a.b/docs',
      'https://github.com/a/b',
      'https://github.com/a/b/tree/main/docs',
      'git@x.y:a/b.git',
      'git+https://x.y/z',
      'docs',
      'none',
    ] as const
  ).map((text) => docsFrom(text).kind);
  assert.deepEqual(kinds, ['site', 'git', 'git', 'git', 'git', 'path', 'none']);
});

test('what lies in the folder is looked at: documents, a command, a web application, keys', async () => {
  const place = join(folder, 'look');
  await mkdir(join(place, 'node_modules', 'x'), { recursive: true });
  await writeFile(join(place, 'node_modules', 'x', 'README.md'), '#');
  await writeFile(join(place, 'README.md'), '# Read');
  const manifest = (value: unknown) => writeFile(join(place, 'package.json'), JSON.stringify(value));
  const env = { OLLAMA_HOST: '127.0.0.1:9', GEMINI_API_KEY: 'x', OPENAI_API_KEY: '' };
  await manifest({ name: 'tool', version: '1.2.3', bin: 'a.js' });
  const cli = await look(place, env);
  assert.equal(cli.command, 'tool@1.2.3');
  assert.deepEqual(cli.docs, { kind: 'path', path: join(place, 'README.md') });
  assert.deepEqual(cli.keys, [{ provider: 'google', variable: 'GEMINI_API_KEY' }]);
  await manifest({
    name: 'app',
    version: '1.0.0',
    private: true,
    bin: 'x',
    scripts: { dev: 'vite' },
    devDependencies: { vite: '1' },
  });
  const web = await look(place, env);
  assert.deepEqual([web.command, web.start], [undefined, 'npm run dev']);
  assert.equal(choose('.', {}, web).place, 'browser');
  for (const broken of ['', 'null', '[]', '{"bin": 3, "scripts": "x"}', '{"scripts": null, "dependencies": 5}']) {
    await writeFile(join(place, 'package.json'), broken);
    const found = await look(place, env);
    assert.deepEqual([found.command, found.start], [undefined, undefined], broken);
  }
});

test('without a terminal nothing is asked; the folder is written whole, and validate agrees', async () => {
  const written = await lbi(['init', 'made', '--environment', 'scripted', '--json']);
  assert.equal(written.exitCode, 0, written.stderr);
  const { data } = JSON.parse(written.stdout) as { data: { written: string[]; choices: Choices } };
  assert.equal(data.choices.writer, 'scripted');
  const files = (await readdir(join(folder, 'made'), { recursive: true })).filter((name) => name.includes('.'));
  for (const name of ['pipeline.yaml', 'pipeline.schema.json', '.gitignore', 'replies.yaml', '.vscode/settings.json'])
    assert.ok(files.includes(name), files.join());
  const checked = await lbi(['validate', 'pipeline.yaml', '--strict'], {}, join(folder, 'made'));
  assert.equal(checked.exitCode, 0, checked.stderr);
  const again = await lbi(['init', 'made']);
  assert.equal(again.exitCode, 2);
  assert.match(again.stderr, /made\/pipeline\.yaml is already there/);
});

test('keys are named in .env.example, never written; what was there stays', async () => {
  const place = join(folder, 'kept');
  await mkdir(join(place, '.vscode'), { recursive: true });
  await writeFile(join(place, '.vscode', 'settings.json'), '// mine');
  await writeFile(join(place, '.gitignore'), 'dist\n.env');
  const env = { ANTHROPIC_API_KEY: 'sk-ant-very-secret', GEMINI_API_KEY: 'AIza-other' };
  const { exitCode, stdout, stderr } = await lbi(['init', 'kept', '--docs', 'docs'], env);
  assert.equal(exitCode, 0, stderr);
  const example = await readFile(join(place, '.env.example'), 'utf8');
  assert.match(example, /^ANTHROPIC_API_KEY=\nGEMINI_API_KEY=$/m);
  const pipeline = await readFile(join(place, 'pipeline.yaml'), 'utf8');
  assert.doesNotMatch(`${stdout}${stderr}${example}${pipeline}`, /very-secret|AIza-other/);
  assert.equal(await readFile(join(place, '.vscode', 'settings.json'), 'utf8'), '// mine');
  assert.equal(await readFile(join(place, '.gitignore'), 'utf8'), 'dist\n.env\n.lbi/\n');
  assert.match(pipeline, /files: \["?\.\.\/docs\/\*\*\/\*\.\w+"?, "?\.\.\/docs\/\*\*\/\*\.\w+"?\]/);
});

test('a folder with a strange name is found again by the glob that is written', async () => {
  const docs = join(folder, 'strange (1) $x');
  const choices = choose(join(folder, 'glob'), { docs, environment: 'scripted' }, nothing);
  const text = pipelineText(choices, nothing, await sourceOf(choices, join(folder, 'glob')));
  const loaded = loadSpec({ text, file: 'pipeline.yaml', environment: {}, fileExists: () => true });
  assert.ok('spec' in loaded);
  const [source] = loaded.spec.sources;
  const { glob } = await import('node:fs/promises');
  await mkdir(join(folder, 'glob'), { recursive: true });
  const found: string[] = [];
  for await (const path of glob(source !== undefined && 'files' in source ? [source.files].flat() : [], {
    cwd: join(folder, 'glob'),
  }))
    found.push(path);
  assert.deepEqual(found, [join('..', 'strange (1) $x', 'page.md')]);
});

test('a shipped pipeline is copied with the files it names, and is valid where it lies', async () => {
  const shipped = await shippedPipelines();
  assert.ok(shipped.length >= 2);
  for (const { name, says } of shipped) {
    assert.notEqual(says, '', name);
    const made = await lbi(['init', `from-${name}`, '--from', name]);
    assert.equal(made.exitCode, 0, made.stderr);
    const checked = await lbi(['validate', 'pipeline.yaml'], {}, join(folder, `from-${name}`));
    assert.equal(checked.exitCode, 0, checked.stderr);
    const text = await readFile(join(folder, `from-${name}`, 'pipeline.yaml'), 'utf8');
    assert.doesNotMatch(text, /\.\.\/schemas|pipelines\/\w+\.yaml/);
  }
  assert.ok(existsSync(join(folder, 'from-tiddlywiki', 'scripts', 'tiddlywiki.yaml')));
});

const wrong: { args: string[]; says: RegExp }[] = [
  { args: ['--from'], says: /needs the name of a pipeline:\n {2}quickstart/ },
  { args: ['--from', 'quickstrat'], says: /did you mean quickstart\?/ },
  { args: ['--environment', 'desktop'], says: /expected shell, browser, scripted/ },
  { args: ['--environment', 'terminal'], says: /did you mean shell\?/ },
  { args: ['--provider', 'claude'], says: /did you mean anthropic\?/ },
  { args: ['--judge', ''], says: /expected anthropic/ },
  { args: ['--docs', 'nowhere'], says: /no such file or folder/ },
  { args: ['--docs', 'empty'], says: /no Markdown/ },
  { args: ['--url', 'shop.example.com'], says: /begins with http/ },
  { args: ['--url', 'http://a.b', '--app', 'npm start'], says: /exclude each other/ },
  { args: ['--environment', 'shell', '--url', 'http://a.b'], says: /--url is the first page of a browser/ },
  { args: ['--environment', 'shell', '--app', 'npm start'], says: /an npm package/ },
  { args: ['--name', 'My Agent'], says: /for instance my-agent/ },
];

test('a flag that makes no sense is told before anything is written', { concurrency: 4 }, async (context) => {
  await Promise.all(
    wrong.map(({ args, says }, index) =>
      context.test(args.join(' '), async () => {
        const { exitCode, stderr, stdout } = await lbi(['init', `wrong-${index}`, ...args]);
        assert.match(stderr, says);
        assert.deepEqual([exitCode, stdout], [2, '']);
        assert.ok(!existsSync(join(folder, `wrong-${index}`)));
      }),
    ),
  );
});

/** Answers in order; fails a test that asks for more, and checks each as the terminal would. */
const answering = (answers: (string | undefined)[], asked: string[]): Asker => {
  const next = (message: string): string | undefined => {
    asked.push(message);
    assert.ok(answers.length > 0, `a question too many: ${message}`);
    return answers.shift();
  };
  return {
    text: async (message, _initial, check) => {
      const answer = next(message);
      if (answer !== undefined) assert.equal(check(answer), undefined);
      return answer;
    },
    select: async (message, options) => {
      const answer = next(message);
      assert.ok(answer === undefined || options.some(({ value }) => value === answer));
      return answer;
    },
  };
};

test('five questions at most; what a flag says is not asked; leaving writes nothing', async () => {
  const asked: string[] = [];
  const answers = ['docs', 'browser', 'http://127.0.0.1:3000/', 'ollama', 'anthropic'];
  const flags = await askFlags(answering(answers, asked), '.', {}, nothing);
  assert.equal(asked.length, 5);
  assert.deepEqual(flags, {
    ...{ docs: 'docs', environment: 'browser', url: 'http://127.0.0.1:3000/', provider: 'ollama', judge: 'anthropic' },
  });
  const few: string[] = [];
  await askFlags(answering(['local'], few), '.', { docs: 'none', environment: 'shell' }, nothing);
  assert.deepEqual(few, ['Which model writes and acts?']);
  assert.equal(await askFlags(answering([undefined], []), '.', {}, nothing), undefined);
});
