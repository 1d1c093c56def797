/** Modules of one's own in a pipeline file: checked like ours, and what is wrong is said where a person mends it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { loadModule } from '../../cli/modules.ts';
import { readPipelineFile } from '../../cli/pipeline-file.ts';
import { planFile } from '../../cli/plans.ts';
import { canonical } from '../../core/canonical.ts';
import { ownStageIdentity, ownStages } from '../../core/own.ts';
import { modelIdentity, stageIdentity } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { editorSchema } from '../../core/spec/editor-schema.ts';
import { loadSpec, modulesOf } from '../../core/spec/load.ts';
import { schemaWith } from '../../core/spec/own/extend-schema.ts';
import type { Problem } from '../../core/spec/problem.ts';
import { type Folder, makeFolder, passing, pipeline } from './folder.ts';

let folder: Folder;
before(async () => {
  folder = await makeFolder();
});
after(() => folder.remove());

const stage = (more = '', name = './stage.ts'): string[] => [`  - { uses: ${name}${more} }`];
const keys = `
    words: list('output', 'Words.', Type.String(), { min: 1, default: ['rm'], example: ['rm'] }),
    limit: whole('output', 'Most tasks.', { unit: 'tasks', min: 1, max: 9, default: 5, example: 3 }),
    pause: number('nothing', 'A pause.', { unit: 'seconds', min: 0, default: 0.5, example: 1 }),
    helper: text('output', 'A model.', { names: 'model', optional: true, example: 'writer' }),
    table: text('output', 'A file.', { names: 'file', optional: true, example: 'words.txt' }),
  `;

/** The problems of the pipeline with these files. */
async function problemsOf(files: Record<string, string>, yaml: string): Promise<Problem[]> {
  await folder.write({ ...files, 'p.yaml': yaml });
  const { loaded } = await readPipelineFile(join(folder.path, 'p.yaml'), { environment: { HOME: 'x' } });
  return ('problems' in loaded ? loaded.problems : loaded.warnings).filter(({ code }) => code !== 'committee');
}

const wrong: [title: string, module: string, more: string, message: RegExp, fix?: RegExp][] = [
  ['a misspelt key', passing('tasks', keys), ', limt: 3', /unknown key "limt" in stages\[1\]/],
  ['a number out of range', passing('tasks', keys), ', limit: 12', /stages\[1\]\.limit is the number 12/],
  ['a wrong type', passing('tasks', keys), ', words: rm', /stages\[1\]\.words is the text "rm", not a list/],
  ['an unknown model', passing('tasks', keys), ', helper: writr', /there is no model "writr"/],
  ['a missing file', passing('tasks', keys), ', table: none.txt', /"none.txt" does not exist/],
  [
    'a key that is required',
    passing('tasks', "word: text('output', 'A word.', { example: 'rm' })"),
    '',
    /stages\[1\] needs the key "word"/,
    /add "word:" – A word\./,
  ],
  [
    'TypeScript that is none',
    'export default {\n  a: ;\n};\n',
    '',
    /syntax error at .*stage\.ts:2:6: Expression expected/,
  ],
  ['what Node cannot strip', 'enum A { B }\nexport default A;\n', '', /syntax error at .*stage\.ts:1/, /without enum/],
  [
    'no default export',
    'export const a = 1;\n',
    '',
    /has no default export; it exports a/,
    /export default defineStage/,
  ],
  ['a plain object', 'export default { run: () => [] };\n', '', /not made by one of the define functions/],
  [
    'a throw while loading',
    'const a: string = "x";\nthrow new Error("no luck " + a);\n',
    '',
    /threw while it was loaded: Error: no luck x/,
    /stage\.ts:2:7/,
  ],
  [
    'a missing neighbour',
    "import { a } from './no-such.ts';\nexport default a;\n",
    '',
    /Cannot find module .*no-such\.ts/,
  ],
  [
    'a missing package',
    "import a from 'no-such-package';\nexport default a;\n",
    '',
    /no-such-package/,
    /npm install no-such-package/,
  ],
  ['no version', passing().replace("version: '1',", ''), '', /"version" of its stage is missing/],
  ['no run', passing().replace('run:', 'walk:'), '', /"run" of its stage is missing or no function/],
  [
    'kinds that do not go together',
    passing().replace("gives: 'tasks'", "gives: 'examples'"),
    '',
    /takes tasks and gives examples/,
  ],
  [
    'a key that is not made by a builder',
    passing('tasks', 'a: Type.String()'),
    '',
    /schema\.a does not say what it means/,
    /text, flag/,
  ],
  ['a key that is nothing', passing('tasks', "a: 'text'"), '', /schema\.a is no key/],
  [
    'a key that every stage has',
    passing('tasks', "timeout: whole('output', 'x', { unit: 's', example: 1 })"),
    '',
    /the key "timeout", which every stage has/,
  ],
  [
    'a default that does not fit',
    passing('tasks', "a: whole('output', 'x', { unit: 'x', max: 3, default: 9, example: 1 })"),
    '',
    /schema\.a has the default or example 9: a must be <= 3/,
  ],
  [
    'a name that is taken',
    passing().replace("version: '1',", "version: '1', name: 'filter',"),
    '',
    /called "filter", and so is one of the stages/,
  ],
  [
    'a name that is none',
    passing().replace("version: '1',", "version: '1', name: 'My Stage',"),
    '',
    /cannot be a name/,
  ],
];

for (const [title, module, more, message, fix] of wrong) {
  test(`${title} is refused at its place`, async () => {
    const problems = await problemsOf({ 'stage.ts': module }, pipeline({ after: { instruct: stage(more) } }));
    assert.equal(problems.length, 1, JSON.stringify(problems, null, 1));
    const [problem] = problems;
    assert.match(problem?.message ?? '', message);
    assert.equal(problem?.line, 11);
    if (fix !== undefined) assert.match(problem?.fix ?? '', fix);
    assert.doesNotMatch(problem?.message ?? '', /\n|\?lbi=|\bat .*node:/);
  });
}

test('a path that leads nowhere, a folder, another kind of file: each is named, with the nearest', async () => {
  await folder.write({ 'stage.ts': passing(), 'notes.txt': '' });
  const said = async (path: string): Promise<Problem | undefined> =>
    (await problemsOf({}, pipeline({ after: { instruct: stage('', path) } })))[0];
  assert.equal((await said('./stge.ts'))?.suggestion, './stage.ts');
  assert.match((await said('./docs'))?.message ?? '', /is a folder/);
  assert.match((await said('./notes.txt'))?.message ?? '', /is no module/);
  assert.equal((await said('stage.ts'))?.suggestion, './stage.ts');
  assert.match((await said('"./${env:HOME}.ts"'))?.message ?? '', /written out/);
});

test('a module of the wrong sort is told where it belongs', async () => {
  const yaml = pipeline({ environment: '{ kind: ./stage.ts }' });
  const [problem] = await problemsOf({ 'stage.ts': passing() }, yaml);
  assert.match(problem?.message ?? '', /\.\/stage\.ts makes a stage, and an environment is wanted here/);
  assert.match(problem?.fix ?? '', /- uses:.*defineEnvironment/);
});

test('two modules of one name, and a stage that comes too late', async () => {
  const files = { 'stage.ts': passing(), 'more/stage.ts': passing() };
  const twins = await problemsOf(
    files,
    pipeline({ after: { instruct: [...stage(), ...stage('', './more/stage.ts')] } }),
  );
  assert.match(twins[0]?.message ?? '', /both called "stage"/);
  const late = await problemsOf(files, pipeline({ after: { interact: stage() } }));
  assert.match(late[0]?.message ?? '', /works on tasks, and interact before it has taken them already/);
  assert.match(late[0]?.fix ?? '', /move it above interact/);
  await folder.write({ 'kept.ts': passing().replaceAll("'tasks'", "'kept'") });
  const afterwards = await problemsOf(files, pipeline({ after: { export: stage('', './kept.ts') } }));
  assert.match(afterwards[0]?.message ?? '', /works on kept examples, and export before it has taken them already/);
  const unfiltered = pipeline({ after: { construct: stage('', './kept.ts') } }).replace(
    /^ {2}- { uses: filter.*\n/m,
    '',
  );
  assert.deepEqual(
    (await problemsOf(files, unfiltered)).filter(({ severity }) => severity === 'error'),
    [],
  );
  const early = await problemsOf(files, pipeline({ after: { sources: stage() } }));
  assert.match(early[0]?.message ?? '', /works on tasks, and no stage before it makes any/);
});

test('a module that never finishes loading is given up', { timeout: 40_000 }, async () => {
  const [problem] = await problemsOf(
    { 'stage.ts': 'await new Promise(() => setInterval(() => {}, 1000).unref());\nexport default 1;\n' },
    pipeline({ after: { instruct: stage() } }),
  );
  assert.match(problem?.message ?? '', /does not finish loading within 20 s/);
});

test('the same stage may stand twice; defaults are filled in; ${env:…} is read as the key wants it', async () => {
  const yaml = pipeline({ after: { instruct: [...stage(), ...stage(', limit: "${env:LIMIT}", words: [a]')] } });
  await folder.write({ 'stage.ts': passing('tasks', keys), 'p.yaml': yaml });
  const { loaded } = await readPipelineFile(join(folder.path, 'p.yaml'), { environment: { LIMIT: '7' } });
  assert.ok('spec' in loaded, JSON.stringify(loaded));
  const full = withDefaults(loaded.spec, loaded.own);
  assert.deepEqual(full.stages[1], { uses: './stage.ts', words: ['rm'], limit: 5, pause: 0.5, timeout: 300 });
  assert.deepEqual(full.stages[2], { uses: './stage.ts', words: ['a'], limit: 7, pause: 0.5, timeout: 300 });
  assert.deepEqual(withDefaults(full as never, loaded.own), full);
});

test('without its modules a pipeline is not taken for valid', async () => {
  const text = pipeline({ after: { instruct: stage() } });
  const input = { text, file: 'p.yaml', environment: {} };
  assert.deepEqual(modulesOf(input), ['./stage.ts']);
  const loaded = loadSpec(input);
  assert.ok('problems' in loaded);
  assert.match(loaded.problems[0]?.message ?? '', /the module \.\/stage\.ts was not read/);
});

/** The identity of the stage, and of the whole plan's interact stage, after these files were written. */
async function identities(files: Record<string, string>, more = ''): Promise<[own: string, interact: string]> {
  await folder.write({ ...files, 'p.yaml': pipeline({ after: { instruct: stage(more) } }) });
  const plan = await planFile(join(folder.path, 'p.yaml'), {});
  assert.ok(plan);
  const [planned] = ownStages(plan, 'tasks');
  assert.ok(planned);
  return [canonical(ownStageIdentity(plan, planned)), canonical(stageIdentity(plan, 'interact'))];
}

test('identity follows the code, what it imports, the output keys, named files and models; nothing else', async () => {
  const module = passing('tasks.filter(({ instruction }) => has(instruction))', keys);
  const code = `import { has } from './words.ts';\n${module}`;
  const base = {
    'stage.ts': code,
    'words.ts': 'export const has = (text: string) => text !== "";\n',
    'table.txt': 'a',
  };
  const [first, interact] = await identities(base, ', table: table.txt, helper: writer');
  const same = async (files: Record<string, string>, more: string): Promise<boolean> => {
    const [own, other] = await identities({ ...base, ...files }, more);
    assert.equal(other, interact, 'another stage is not touched');
    return own === first;
  };
  const given = ', table: table.txt, helper: writer';
  assert.ok(await same({}, `${given}, pause: 3, timeout: 5`), 'keys without effect');
  assert.ok(await same({}, `${given}, limit: 5`), 'a default written out');
  assert.ok(!(await same({}, `${given}, limit: 6`)), 'an output key');
  assert.ok(!(await same({ 'stage.ts': `${code}\n// a word\n` }, given)), 'the code');
  assert.ok(!(await same({ 'words.ts': 'export const has = (text: string) => text !== "x";\n' }, given)), 'an import');
  assert.ok(!(await same({ 'table.txt': 'b' }, given)), 'a named file');
  assert.ok(!(await same({}, ', table: table.txt')), 'a named model');
  assert.ok(await same({}, given), 'everything put back');
});

test('a model around another one has the inner one in its identity; one around itself ends', async () => {
  const module = `import { defineModel, text } from 'learn-by-interact';
export default defineModel({ version: '1', schema: { inner: text('output', 'It.', { names: 'model', example: 'a' }) },
  open: async ({ inner }, context) => context.model(inner) });\n`;
  const identity = async (inner: string, delay: string): Promise<string> => {
    const models = `  outer: { provider: ./model.ts, inner: ${inner} }\n  plain: { provider: scripted, script: lamps.script.yaml, max_tokens: ${delay} }`;
    await folder.write({
      'model.ts': module,
      'p.yaml': pipeline({ models }).replaceAll('model: writer', 'model: outer'),
    });
    const plan = await planFile(join(folder.path, 'p.yaml'), {});
    assert.ok(plan);
    return canonical(modelIdentity(plan, 'outer'));
  };
  assert.notEqual(await identity('plain', '100'), await identity('plain', '200'));
  assert.match(await identity('outer', '100'), /circle/);
});

test('editors: any path with any keys by the shipped schema, the keys themselves by the one of the file', async () => {
  const module = passing('tasks', keys);
  await folder.write({ 'stage.ts': module, 'p.yaml': pipeline({ after: { instruct: stage() } }) });
  const { loaded } = await readPipelineFile(join(folder.path, 'p.yaml'), { environment: {} });
  assert.ok('spec' in loaded && loaded.own !== undefined);
  const shipped = new Ajv({ strictTypes: false, allErrors: true }).compile(editorSchema());
  const own = new Ajv({ strictTypes: false, allErrors: true }).compile(editorSchema(schemaWith(loaded.own)));
  const verdicts = (more: string, name?: string): [boolean, boolean] => {
    const text: unknown = parse(pipeline({ after: { instruct: stage(more, name) } }));
    return [shipped(text), own(text)];
  };
  assert.deepEqual(verdicts(', limit: 3'), [true, true], JSON.stringify([shipped.errors, own.errors]));
  assert.deepEqual(verdicts(', limt: 3'), [true, false]);
  assert.deepEqual(verdicts(', limit: 99'), [true, false]);
  assert.deepEqual(verdicts(', anything: 3', './other.ts'), [true, true]);
  assert.deepEqual(verdicts('', 'stage.ts'), [false, false]);
});

test('the modules of the guide load as they are written there', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/guides/own-modules.md'), 'utf8');
  const blocks = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  const modules = blocks.filter((block) => block.includes('export default'));
  assert.equal(modules.length, 3);
  for (const [index, text] of modules.entries()) {
    await folder.write({ [`guide-${index}.ts`]: text });
    assert.ok((await loadModule(folder.path, `./guide-${index}.ts`)).module.version);
  }
});

test('a module is looked for beside the file that names it, also where another file extends that one', async () => {
  const whole = pipeline({ after: { instruct: stage(', limit: 3') } });
  await folder.write({
    'shared/stage.ts': passing('tasks', keys),
    'shared/lamps.script.yaml': 'rules: []\n',
    'shared/base.yaml': whole,
    'child.yaml': 'extends: shared/base.yaml\nname: child\nsources:\n  - files: docs/*.md\n',
  });
  const { loaded } = await readPipelineFile(join(folder.path, 'child.yaml'), { environment: {} });
  assert.ok('spec' in loaded, JSON.stringify('problems' in loaded && loaded.problems));
  assert.equal(loaded.spec.stages[1]?.uses, './shared/stage.ts');
  assert.deepEqual(Object.keys(loaded.own ?? {}), ['./shared/stage.ts']);
  await folder.write({ 'shared/base.yaml': whole.replace('./stage.ts', './stge.ts') });
  const { loaded: wrong } = await readPipelineFile(join(folder.path, 'child.yaml'), { environment: {} });
  const [problem] = 'problems' in wrong ? wrong.problems : [];
  assert.match(problem?.file ?? '', /shared\/base\.yaml$/);
  assert.equal(problem?.line, 11);
});
