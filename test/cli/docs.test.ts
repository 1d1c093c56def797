/** The documentation holds: links lead somewhere, commands and flags exist, pipelines and parts of them are valid. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { before, test } from 'node:test';
import { execa } from 'execa';
import { readModules } from '../../cli/modules.ts';
import { loadSpec, modulesOf } from '../../core/spec/load.ts';

const root = join(import.meta.dirname, '..', '..');

interface Page {
  path: string;
  text: string;
}

let pages: Page[] = [];
before(async () => {
  for await (const path of glob(['README.md', 'docs/**/*.md'], { cwd: root }))
    pages.push({ path, text: await readFile(join(root, path), 'utf8') });
  pages = pages.sort((a, b) => (a.path < b.path ? -1 : 1));
});

const blocks = ({ text }: Page, language: string): string[] =>
  [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)].flatMap(([, name, body]) =>
    name === language && body !== undefined ? [body] : [],
  );

test('every relative link leads to a file', () => {
  const broken = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map(([, target = '']) => join(root, dirname(path), target))
      .filter((target) => !existsSync(target))
      .map((target) => `${path} → ${relative(root, target)}`),
  );
  assert.deepEqual(broken, []);
  assert.ok(pages.length > 15);
});

test('every guide is in the index', async () => {
  const index = await readFile(join(root, 'docs', 'README.md'), 'utf8');
  for (const { path } of pages.filter((page) => page.path.startsWith('docs/guides/')))
    assert.ok(index.includes(relative('docs', path)), path);
});

test('every command that the documentation names exists, with its flags', async () => {
  const helps = new Map<string, string>();
  const help = async (command: string): Promise<string> => {
    const known = helps.get(command);
    if (known !== undefined) return known;
    const { stdout, exitCode } = await execa(process.execPath, ['cli/main.ts', ...command.split(' '), '--help'], {
      cwd: root,
      reject: false,
      env: { LBI_NAME: 'lbi' },
    });
    const text = exitCode === 0 && stdout.startsWith(`Usage: lbi ${command}`) ? stdout : '';
    helps.set(command, text);
    return text;
  };
  const wrong: string[] = [];
  for (const page of pages) {
    const shell = blocks(page, 'sh').flatMap((block) => block.split('\n'));
    const inline = [...page.text.matchAll(/`((?:\.\/)?lbi [^`]+)`/g)].map(([, call = '']) => call);
    for (const line of [...shell, ...inline]) {
      const [, command, rest = ''] = /^(?:\.\/)?lbi ((?:prompt )?[a-z]+)(.*?)(?: #.*)?$/.exec(line.trim()) ?? [];
      if (command === undefined) continue;
      const text = await help(command);
      const flags = [...rest.replaceAll(/"[^"]*"/g, '').matchAll(/(?<= )--?[a-z]+/g)].map(([flag]) => flag);
      if (text === '' || flags.some((flag) => !text.includes(` ${flag}`))) wrong.push(`${page.path}: ${line}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(helps.size > 10);
});

test('whole pipelines in the documentation are valid', () => {
  const whole = pages.flatMap((page) => blocks(page, 'yaml').filter((block) => block.startsWith('version:')));
  assert.ok(whole.length > 0);
  for (const text of whole) {
    const loaded = loadSpec({ text, file: 'documentation', environment: {}, fileExists: () => true });
    assert.deepEqual('problems' in loaded ? loaded.problems : [], []);
  }
});

test('pipelines of several files in the documentation are valid', () => {
  let whole = 0;
  for (const page of pages) {
    const files = new Map(
      blocks(page, 'yaml').flatMap((text) => {
        const name = /^# (\S+\.yaml)\n/.exec(text)?.[1];
        return name === undefined ? [] : [[name, text] as const];
      }),
    );
    for (const [file, text] of files) {
      if (!text.includes('\nextends:')) continue;
      const read = (path: string): string | undefined => files.get(path);
      const input = ['pages=20'];
      const loaded = loadSpec({ text, file, environment: {}, input, files: { read }, fileExists: () => true });
      assert.deepEqual('problems' in loaded ? loaded.problems : [], [], file);
      whole += 1;
    }
  }
  assert.ok(whole >= 2);
});

test('parts of pipelines in the documentation are valid within a whole', async () => {
  const rest: Record<string, string> = {
    models: 'models:\n  writer: { provider: local, model: qwen2.5-coder-1.5b }\n',
    environments: 'environments:\n  box: { kind: shell }\n',
    sources: 'sources:\n  - files: "*.md"\n',
    stages: 'stages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: writer, environment: box }\n',
  };
  let checked = 0;
  for (const page of pages)
    for (const block of blocks(page, 'yaml')) {
      const key = /^(models|environments|sources):$/m.exec(block)?.[1];
      if (key === undefined || !block.startsWith(key)) continue;
      const brought = new Set([...block.matchAll(/^([a-z]+):$/gm)].map(([, name]) => name));
      const others = Object.entries({ ...rest, [key]: block })
        .filter(([name]) => name === key || !brought.has(name))
        .map(([name, text]) => (name === 'stages' && key !== 'sources' ? text.replaceAll(...named(block, key)) : text));
      const text = `version: "1"\nname: part\n${others.join('')}`;
      const input = { text, file: page.path, environment: {}, fileExists: () => true };
      const modules = await readModules(join(root, 'pipelines/examples/own-modules'), modulesOf(input));
      const loaded = loadSpec({ ...input, modules });
      const problems = 'problems' in loaded ? loaded.problems.filter(({ severity }) => severity === 'error') : [];
      assert.deepEqual(problems, [], text);
      checked += 1;
    }
  assert.ok(checked >= 5);
});

test('parts of the filter in the documentation are valid within a whole', () => {
  const before = `version: "1"
name: part
models:
  writer: { provider: local, model: qwen2.5-coder-1.5b }
  judge: { provider: local, model: qwen2.5-coder-0.5b }
  gemini: { provider: local, model: qwen2.5-coder-0.5b, temperature: 0.5 }
environments:
  box: { kind: shell, verify: npm test }
sources:
  - files: "*.md"
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, model: writer, environment: box }
  - { uses: construct, model: writer }
`;
  let checked = 0;
  for (const page of pages)
    for (const block of blocks(page, 'yaml')) {
      const inside = /^(committee|duplicates|expect):/.test(block);
      if (!inside && !/^stages:\n {2}- uses: filter$/m.test(block)) continue;
      const committee = block.startsWith('committee:') ? '' : '    committee: { members: [writer, judge] }\n';
      const filter = inside
        ? `  - uses: filter\n${committee}${block.replaceAll(/^(?=.)/gm, '    ')}`
        : block.replace('stages:\n', '');
      const loaded = loadSpec({ text: before + filter, file: page.path, environment: {}, fileExists: () => true });
      const problems = 'problems' in loaded ? loaded.problems.filter(({ severity }) => severity === 'error') : [];
      assert.deepEqual(problems, [], filter);
      checked += 1;
    }
  assert.ok(checked >= 4);
});

/** The first name that a part defines, to stand where the whole has its own. */
const named = (block: string, key: string): [string, string] => [
  key === 'models' ? 'model: writer' : 'environment: box',
  `${key === 'models' ? 'model' : 'environment'}: ${/^ {2}([a-z]+):/m.exec(block)?.[1] ?? ''}`,
];
