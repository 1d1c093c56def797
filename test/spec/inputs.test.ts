/** Inputs: types, flags, defaults, where they are used, what is refused; and variables with an own error text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderProblems } from '../../core/spec/render.ts';
import { badFiles, base, goodFiles, loadFiles } from './files.ts';

const declared = `inputs:
  steps: { type: integer, default: 7, min: 1, max: 20, about: How far an agent may go. }
  heat: { type: number, default: 0.5 }
  title: { type: text, default: demo }
  fresh: { type: boolean, default: false }
  rule: { type: choice, choices: [new-task, replicate], default: new-task }
`;
const using = `${base
  .replace('max_steps: 7', 'max_steps: "${input:steps}"')
  .replace('name: demo', 'name: ${input:title}')
  .replace(
    'script: writer.yaml',
    'script: "${input:title}-${input:steps}.yaml", temperature: "${input:heat}"',
  )}  - { uses: construct, model: writer, styles: ["\${input:rule}"] }
  - { uses: filter, drop_failed: "\${input:fresh}", committee: { members: [writer] } }
`;
const files = { 'p.yaml': declared + using };

const pick = (more = {}) => {
  const { spec } = goodFiles(files, more);
  const [, interact, construct, filter] = spec.stages;
  const { writer } = spec.models;
  assert.ok(interact?.uses === 'interact' && construct?.uses === 'construct' && filter?.uses === 'filter');
  assert.ok(writer?.provider === 'scripted');
  return {
    ...{ steps: interact.max_steps, heat: writer.temperature, name: spec.name, script: writer.script },
    ...{ fresh: filter.drop_failed, styles: construct.styles },
  };
};

test('a default stands where nothing is given, with its type; inside a text it is text', () => {
  const expected = { steps: 7, heat: 0.5, name: 'demo', script: 'demo-7.yaml', fresh: false, styles: ['new-task'] };
  assert.deepEqual(pick(), expected);
});

test('--input and --set give values of the declared type, the last one wins, and the plan keeps them', () => {
  const given = { set: ['steps=3', 'fresh=true', 'title=12'], input: ['heat=1e0', 'rule=replicate', 'steps=4'] };
  const expected = { steps: 4, heat: 1, name: '12', script: '12-4.yaml', fresh: true, styles: ['replicate'] };
  assert.deepEqual(pick(given), expected);
  const { inputs } = goodFiles(files, given).spec;
  assert.deepEqual(inputs, { steps: 4, heat: 1, title: '12', fresh: true, rule: 'replicate' });
  assert.equal('inputs' in goodFiles({ 'p.yaml': base }).spec, false);
});

test('a wrong value is a problem in the flag, with what is expected', () => {
  const said = (input: string) =>
    badFiles(files, { input: [input] }).map(({ file, column, message }) => `${file} ${column} ${message}`);
  assert.deepEqual(said('steps=many'), [
    '--input steps=many 7 the input steps is "many", not a whole number from 1 to 20',
  ]);
  assert.deepEqual(said('steps=21'), ['--input steps=21 7 the input steps is 21, not a whole number from 1 to 20']);
  assert.deepEqual(said('steps=1.5'), ['--input steps=1.5 7 the input steps is 1.5, not a whole number from 1 to 20']);
  assert.deepEqual(said('heat='), ['--input heat= 6 the input heat is "", not a number']);
  assert.deepEqual(said('fresh=yes'), ['--input fresh=yes 7 the input fresh is "yes", not true or false']);
  const [choice] = badFiles(files, { set: ['rule=replicat'] });
  assert.deepEqual([choice?.suggestion, choice?.expected], ['replicate', ['new-task', 'replicate']]);
});

test('names are checked, with did-you-mean, in flags and in placeholders', () => {
  for (const flags of [{ input: ['setps=3'] }, { set: ['setps=3'] }]) {
    const [problem, ...rest] = badFiles(files, flags);
    assert.deepEqual([problem?.code, problem?.suggestion, rest.length], ['input', 'steps', 0]);
  }
  assert.equal(badFiles(files, { input: ['steps'] })[0]?.message, 'the flag is no name=value');
  assert.match(badFiles({ 'p.yaml': base }, { input: ['a=1'] })[0]?.message ?? '', /no inputs/);
  const [typo] = badFiles({ 'p.yaml': declared + using.replace('${input:steps}"', '${input:stpes}"') });
  assert.deepEqual([typo?.code, typo?.suggestion], ['input', 'steps']);
  const [none] = badFiles({ 'p.yaml': base.replace('max_steps: 7', 'max_steps: "${input:n}"') });
  assert.match(none?.fix ?? '', /inputs: \{ n: \{ type: text \} \}/);
  assert.equal(badFiles({ 'p.yaml': base.replace('name: demo', 'name: ${inptu:n}') })[0]?.suggestion, '${input:n}');
});

test('an input without a default must be given, and says so once, however often it is used', () => {
  const text = (declaration: string) => ({
    'p.yaml': `inputs: { n: ${declaration} }\n${base.replace('max_steps: 7', 'max_steps: "${input:n}", min_steps: "${input:n}"')}`,
  });
  const problems = badFiles(text('{ type: integer, about: How many. }'));
  assert.deepEqual(
    problems.map(({ line, column, code }) => [line, column, code]),
    [[1, 11, 'input']],
  );
  assert.match(problems[0]?.fix ?? '', /^--input n=INTEGER \(How many\.\)/);
  goodFiles(text('{ type: integer }'), { input: ['n=2'] });
  const demanded = text('{ type: integer, default: 3, required: true }');
  assert.equal(badFiles(demanded)[0]?.code, 'input');
  goodFiles(demanded, { input: ['n=2'] });
});

test('a name that is an input and a key of the file must be said clearly', () => {
  const text = { 'p.yaml': `inputs: { seed: { type: integer, default: 3 } }\n${base}seed: \${input:seed}\n` };
  assert.match(badFiles(text, { set: ['seed=4'] })[0]?.fix ?? '', /--input seed=4/);
  assert.equal(goodFiles(text, { input: ['seed=4'] }).spec.seed, 4);
});

test('an input that nothing names is warned of; one that only a profile names is not', () => {
  const text = `inputs: { n: { type: integer, default: 3 }, m: { type: integer, default: 1 } }\n${base}profiles: { small: { seed: "\${input:m}" } }\n`;
  const { warnings } = goodFiles({ 'p.yaml': text });
  assert.deepEqual(
    warnings.map(({ code, path }) => [code, path]),
    [['unused', 'inputs.n']],
  );
});

test('a default may come from the environment; a flag needs no variable', () => {
  const text = {
    'p.yaml': `inputs: { n: { type: integer, default: "\${env:STEPS}", max: 9 } }\n${base.replace('max_steps: 7', 'max_steps: "${input:n}"')}`,
  };
  const steps = (more: object) => {
    const stage = goodFiles(text, more).spec.stages[1];
    return stage?.uses === 'interact' && stage.max_steps;
  };
  assert.equal(steps({ environment: { STEPS: '5' } }), 5);
  assert.equal(steps({ input: ['n=6'] }), 6);
  assert.deepEqual(
    badFiles(text).map(({ code }) => code),
    ['env'],
  );
  assert.match(badFiles(text, { environment: { STEPS: '50' } })[0]?.message ?? '', /the default of the input n is 50/);
});

test('inputs are declared in any file, changed by a later one and by profiles', () => {
  const texts = {
    'p.yaml':
      'extends: base.yaml\ninputs: { n: { default: 4 } }\nprofiles: { small: { inputs: { n: { default: 2 } } } }\n',
    'base.yaml': `inputs: { n: { type: integer, default: 9, max: 10 } }\n${base}seed: \${input:n}\n`,
  };
  assert.equal(goodFiles(texts).spec.seed, 4);
  assert.equal(goodFiles(texts, { profile: 'small' }).spec.seed, 2);
  assert.equal(goodFiles(texts, { input: ['n=1'] }).spec.seed, 1);
  const other = { ...texts, 'p.yaml': 'extends: base.yaml\ninputs: { n: { type: text, default: x } }\n' };
  assert.match(
    badFiles(other)[0]?.message ?? '',
    /seed is the text "x" \(the input n\), not a whole number.*used at base\.yaml:13:7/,
  );
});

test('what an input brings is blamed where it was given', () => {
  const text = {
    'p.yaml': `inputs: { who: { type: text, default: writer } }\n${base.replace('uses: instruct, model: writer', 'uses: instruct, model: "${input:who}"')}`,
  };
  const [problem] = badFiles(text, { input: ['who=writter'] });
  assert.deepEqual([problem?.file, problem?.column, problem?.suggestion], ['--input who=writter', 5, 'writer']);
});

test('a path in a default is relative to the file of the default, one in a flag to the main file', () => {
  const texts = {
    'p.yaml': 'extends: far/base.yaml\n',
    'far/base.yaml': `inputs: { script: { type: text, default: own.yaml } }\n${base.replace('script: writer.yaml', 'script: "${input:script}"')}`,
  };
  const script = (more = {}) => {
    const { writer } = goodFiles(texts, more).spec.models;
    return writer?.provider === 'scripted' && writer.script;
  };
  assert.equal(script(), 'far/own.yaml');
  assert.equal(script({ input: ['script=own.yaml'] }), 'own.yaml');
});

test('inputs are not made of inputs, hold no secrets, and their declarations are checked', () => {
  const first = (declaration: string) =>
    badFiles({ 'p.yaml': `inputs: { a: ${declaration} }\n${base}seed: \${input:a}\n` })[0];
  assert.match(first('{ type: text, default: "${input:b}" }')?.message ?? '', /cannot be made of other inputs/);
  assert.equal(first('{ type: text, default: "${secret:K}" }')?.code, 'secret');
  assert.equal(first('{ type: int, default: 3 }')?.suggestion, 'integer');
  assert.equal(first('{ type: integer, defualt: 3 }')?.code, 'unknown-key');
  assert.equal(first('{ type: choice, default: x }')?.code, 'missing-key');
  assert.equal(first('3')?.code, 'type');
  assert.equal(first('{ type: integer, default: [3] }')?.code, 'type');
  assert.equal(badFiles({ 'p.yaml': `inputs: { Bad.Name: { type: text } }\n${base}` })[0]?.code, 'value');
});

test('a key given as an input is shown nowhere', () => {
  const text = {
    'p.yaml': `inputs: { k: { type: text } }\n${base.replace('provider: scripted, script: writer.yaml', 'provider: openai, model: m, api_key: "${input:k}"')}`,
  };
  const problems = badFiles(text, { input: ['k=sk-hush-hush-hush'] });
  assert.equal(problems[0]?.code, 'secret');
  assert.doesNotMatch(JSON.stringify(problems) + renderProblems(problems, {}, { color: false }), /hush/);
  const wrong = badFiles(text, { input: ['kk=sk-hush-hush-hush', 'api_key=hush'] });
  assert.doesNotMatch(JSON.stringify(wrong) + renderProblems(wrong, {}, { color: false }), /hush/);
});

test('an input is put in once: what it holds is not filled in again', () => {
  const text = {
    'p.yaml': `inputs: { a: { type: text, default: x } }\n${base.replace('{ kind: shell }', () => '{ kind: shell, setup: ["echo ${input:a} $$ $${input:a}"] }')}`,
  };
  const box = goodFiles(text, { input: ['a=${dir}'] }).spec.environments.box;
  assert.deepEqual(box?.kind === 'shell' && box.setup, ['echo ${dir} $ ${input:a}']);
  const raw = goodFiles(text, { input: ['a=$$ ${env:X}'] }).spec.environments.box;
  assert.deepEqual(raw?.kind === 'shell' && raw.setup, ['echo $$ ${env:X} $ ${input:a}']);
});

test('${env:NAME:?text} fails with its own text when the variable is unset or empty', () => {
  const text = { 'p.yaml': base.replace('name: demo', 'name: ${env:TEAM:?ask Ada which team this is}') };
  for (const environment of [{}, { TEAM: '' }]) {
    const [problem, ...rest] = badFiles(text, { environment });
    assert.match(
      problem?.message ?? '',
      /^the environment variable TEAM is (not set|empty): ask Ada which team this is$/,
    );
    assert.deepEqual([problem?.code, problem?.fix, rest.length], ['env', 'export TEAM=…', 0]);
  }
  assert.equal(goodFiles(text, { environment: { TEAM: 'blue' } }).spec.name, 'blue');
  const silent = { 'p.yaml': base.replace('name: demo', 'name: ${env:TEAM:?}') };
  assert.equal(badFiles(silent)[0]?.message, 'the environment variable TEAM is not set');
});

test('an input may choose the provider, whose other keys then have their types', () => {
  const text = {
    'p.yaml': `inputs: { who: { type: choice, choices: [local, scripted] } }\n${base.replace('provider: scripted, script: writer.yaml', 'provider: "${input:who}", model: m, context: "${env:SIZE:-4096}"')}`,
  };
  assert.deepEqual(goodFiles(text, { input: ['who=local'] }).spec.models.writer, {
    provider: 'local',
    model: 'm',
    context: 4096,
  });
  assert.ok(badFiles(text, { input: ['who=scripted'] }).some(({ code }) => code === 'unknown-key'));
});

test('values given by flags never make loading throw', () => {
  for (const flag of [
    '',
    '=',
    'steps=',
    'steps==',
    'steps=[',
    'steps={',
    'x.y=1',
    'inputs=3',
    'inputs.steps=3',
    'inputs.steps.default=[',
    'inputs=null',
    'heat=NaN',
    'heat=Infinity',
    '__proto__=1',
    'constructor=1',
  ])
    for (const key of ['set', 'input']) loadFiles(files, { [key]: [flag] });
  assert.equal(badFiles(files, { input: ['heat=Infinity'] })[0]?.code, 'input');
});
