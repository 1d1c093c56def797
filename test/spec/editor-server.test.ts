/** The editor never disagrees: yaml-language-server with our schema underlines the files that `lbi validate` refuses, and no others. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { randomSource } from '../../core/random.ts';
import { interpolate } from '../../core/spec/interpolate.ts';
import { loadSpec } from '../../core/spec/load.ts';
import { parseTree } from '../../core/spec/parse.ts';
import type { Problem } from '../../core/spec/problem.ts';
import { pipelineSchema } from '../../core/spec/schema.ts';
import { validateTree } from '../../core/spec/validate.ts';
import { type Diagnostic, LanguageServer } from './corpus/language-server.ts';
import { changeStructure, changeText, goodFiles, pick } from './corpus/mutate.ts';

const server = new LanguageServer();
before(() => server.start());
after(() => server.stop());

/** The server is told the schema; a line that names one would be looked for beside the file. */
const withoutModeline = (text: string): string => text.replace(/^# (yaml-language-server|\$schema).*/gm, '#');

/** What no schema can say: an empty file, the sense of anchors, sizes. */
const beyond = new Set(['empty', 'anchor', 'too-large']);

interface Verdict {
  problems: Problem[];
  /** False where a placeholder decides: the editor does not know what it will be. */
  decided: boolean;
}

const ofSchema = new Set(['unknown-key', 'missing-key', 'type', 'value']);

/** What a file that is right alone has wrong in its profiles. */
const ofProfiles = (text: string): Problem[] => {
  const { profiles } = loadSpec({ text, file: 'p.yaml', environment: {} });
  return profiles.flatMap((profile) => {
    const loaded = loadSpec({ text, file: 'p.yaml', environment: {}, profile });
    return 'spec' in loaded ? [] : loaded.problems.filter(({ code }) => ofSchema.has(code));
  });
};

/** The problems of syntax and schema; what a value means is not the editor's business. */
const ours = (text: string): Verdict => {
  const parsed = parseTree({ file: 'p.yaml', text });
  const before = parsed.problems.filter(({ code }) => code !== 'secret');
  if (parsed.tree === undefined) return { problems: before, decided: !before.some(({ code }) => beyond.has(code)) };
  const filled = interpolate(parsed.tree, pipelineSchema, {});
  const blamed = new Set(filled.problems.map(({ path }) => path));
  const problems = [...before, ...validateTree(filled.tree).filter(({ path }) => !blamed.has(path))];
  const counted = problems.filter(({ code }) => !beyond.has(code));
  if (problems.length === 0) counted.push(...ofProfiles(text));
  return { problems: counted, decided: counted.length > 0 || (problems.length === 0 && blamed.size === 0) };
};

const shown = (found: Diagnostic[]): string =>
  found
    .slice(0, 3)
    .map(({ range, message }) => `${range.start.line + 1}:${range.start.character + 1} ${message}`)
    .join('; ');

/** How the editor and the command line differ over a text; undefined where they agree. */
const difference = async (text: string): Promise<string | undefined> => {
  const { problems, decided } = ours(text);
  if (!decided) return undefined;
  const found = await server.diagnose(text);
  if (found.length > 0 === problems.length > 0) return undefined;
  // The server's own check fails over some keys without a value, and then says nothing at all.
  const before = server.failures;
  await server.diagnose(text);
  if (server.failures > before) return undefined;
  const words = problems.slice(0, 3).map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`);
  return `the command line says: ${words.join('; ') || 'nothing'}\nthe editor says: ${shown(found) || 'nothing'}\n${text}`;
};

const compare = async (cases: [name: string, text: string][]): Promise<void> => {
  const differences: string[] = [];
  for (let at = 0; at < cases.length; at += 40) {
    const batch = cases.slice(at, at + 40).map(async ([name, text]) => {
      const found = await difference(text);
      if (found !== undefined) differences.push(`${name}\n${found}`);
    });
    await Promise.all(batch);
  }
  assert.equal(differences.length, 0, `${differences.length} of ${cases.length} differ: ${differences[0]}`);
};

const good = Object.entries(goodFiles()).map(([name, text]): [string, string] => [name, withoutModeline(text)]);

test('every shipped pipeline and template is right in the editor', async () => {
  for (const [name, text] of good) {
    assert.deepEqual(ours(text).problems, [], name);
    assert.equal(shown(await server.diagnose(text)), '', name);
  }
});

test('every wrong pipeline of the tests is wrong in the editor exactly if a rule of syntax or schema is broken', async () => {
  const folder = join(import.meta.dirname, 'wrong');
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  await compare(files.map((name) => [name, withoutModeline(readFileSync(join(folder, name), 'utf8'))]));
});

for (const [how, change] of Object.entries({ text: changeText, structure: changeStructure })) {
  test(`two hundred good files with changes of their ${how} get the same verdict from both`, async () => {
    const cases = Array.from({ length: 200 }, (_, index): [string, string] => {
      const random = randomSource(1000 + index);
      const [name, text] = pick(random, good);
      return [`${name}, seed ${1000 + index}`, change(text, random)];
    });
    // A lone carriage return ends a line for the editor and none for YAML's parser.
    await compare(cases.filter(([, text]) => text.length < 30_000 && !/\r(?!\n)/.test(text)));
  });
}

const head = `version: "1"\nname: demo\nstages:\n`;

test('after "uses: filter" the keys of that stage are offered, and no others', async () => {
  const offered = (await server.complete(`${head}  - uses: filter\n    ‸`)).map(({ label }) => label);
  const { properties = {} } =
    pipelineSchema.properties?.stages?.items?.oneOf?.find((stage) => stage.properties?.uses?.const === 'filter') ?? {};
  const missing = Object.keys(properties).filter((name) => name !== 'uses' && !offered.includes(name));
  assert.deepEqual(missing, [], `offered: ${offered.join(', ')}`);
  assert.ok(!offered.includes('max_steps') && !offered.includes('per_document'), offered.join(', '));
});

test('the values of a choice are offered', async () => {
  const kinds = (await server.complete('version: "1"\nenvironments:\n  box:\n    kind: ‸\n')).map(({ label }) => label);
  assert.ok(
    ['shell', 'browser', 'scripted'].every((kind) => kinds.includes(kind)),
    kinds.join(', '),
  );
});

test('a key shows what it means, its default, and what a change of it does', async () => {
  const steps = await server.hover(`${head}  - uses: interact\n    max_‸steps: 25\n`);
  assert.match(steps, /Most actions of an episode/);
  assert.match(steps, /Unit: actions/);
  assert.match(steps, /Default:? *`?20/i);
  assert.match(steps, /makes finished work run again/);
  const sessions = await server.hover('environments:\n  box:\n    kind: shell\n    sess‸ions: 3\n');
  assert.match(sessions, /Default:? *`?2/i);
  assert.match(sessions, /finished work is kept/);
});
