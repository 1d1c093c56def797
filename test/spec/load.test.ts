/** Loading a pipeline: placeholders, profiles, flags, anchors, defaults, and no crash on any text. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { withDefaults } from '../../core/spec/defaults.ts';
import { type Loaded, loadSpec, type SpecInput } from '../../core/spec/load.ts';
import type { Problem } from '../../core/spec/problem.ts';
import { renderProblems } from '../../core/spec/render.ts';
import { distance, nearest } from '../../core/spec/suggest.ts';

const base = `version: "1"
name: demo
models:
  writer: { provider: scripted, script: writer.yaml }
environments:
  box: { kind: shell }
sources:
  - files: docs/**/*.md
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, model: writer, environment: box, max_steps: 7 }
`;

const load = (text: string, more: Partial<SpecInput> = {}): Loaded =>
  loadSpec({ text, file: 'p.yaml', environment: {}, ...more });

const good = (text: string, more: Partial<SpecInput> = {}) => {
  const loaded = load(text, more);
  if ('problems' in loaded) assert.fail(renderProblems(loaded.problems, { 'p.yaml': text }, { color: false }));
  return loaded;
};

const bad = (text: string, more: Partial<SpecInput> = {}): Problem[] => {
  const loaded = load(text, more);
  assert.ok('problems' in loaded, 'the text is accepted');
  return loaded.problems;
};

const interactOf = (text: string, more: Partial<SpecInput> = {}) => {
  const stage = good(text, more).spec.stages[1];
  assert.equal(stage?.uses, 'interact');
  return stage;
};

test('an environment variable is read as the type of its key, also with a default', () => {
  const text = base.replace('max_steps: 7', 'max_steps: "${env:STEPS}"');
  assert.equal(interactOf(text, { environment: { STEPS: '12' } }).max_steps, 12);
  const fallback = base.replace('max_steps: 7', 'max_steps: "${env:STEPS:-9}"');
  assert.equal(interactOf(fallback).max_steps, 9);
  assert.equal(interactOf(fallback, { environment: { STEPS: '' } }).max_steps, 9);
  const name = base.replace('name: demo', 'name: ${env:NAME}');
  assert.equal(good(name, { environment: { NAME: '2024' } }).spec.name, '2024');
});

test("placeholders inside a text are filled in, escapes and the application's own are left", () => {
  const text = base.replace(
    '{ kind: shell }',
    () => '{ kind: shell, setup: ["echo $$HOME $${x} ${dir} ${env:A}-${env:B:-b:c} $(ls) $1"] }',
  );
  const box = good(text, { environment: { A: '1' } }).spec.environments.box;
  assert.deepEqual(box?.kind === 'shell' && box.setup, ['echo $HOME ${x} ${dir} 1-b:c $(ls) $1']);
});

test('a value from the environment is never filled in a second time', () => {
  const text = base.replace('{ kind: shell }', '{ kind: shell, setup: ["${env:A}"] }');
  const box = good(text, { environment: { A: '${env:B} $$' } }).spec.environments.box;
  assert.deepEqual(box?.kind === 'shell' && box.setup, ['${env:B} $$']);
});

test('a secret stays a name', () => {
  const text = base.replace(
    'provider: scripted, script: writer.yaml',
    'provider: anthropic, model: m, api_key: "${secret:K_1}"',
  );
  const { writer } = good(text, { environment: { K_1: 'hidden' } }).spec.models;
  assert.equal(writer?.provider === 'anthropic' && writer.api_key, '${secret:K_1}');
});

test('a profile merges maps, replaces lists and leaves the rest; other profiles may lack their variables', () => {
  const text = `${base}profiles:
  small:
    models: { writer: { max_tokens: 99 } }
    sources: [{ files: one.md }]
  far: { name: "\${env:NOT_SET}" }
`;
  const { spec } = good(text, { profile: 'small' });
  assert.deepEqual(spec.models.writer, { provider: 'scripted', script: 'writer.yaml', max_tokens: 99 });
  assert.deepEqual(spec.sources, [{ files: 'one.md' }]);
  assert.equal('profiles' in spec, false);
  const [problem] = bad(text, { profile: 'smal' });
  assert.equal(problem?.suggestion, 'small');
  assert.deepEqual(
    bad(text, { profile: 'far' }).map(({ code, line }) => [code, line]),
    [['env', 16]],
  );
});

test('a profile with another provider brings a model of its own: no key of the old one is left', () => {
  const text = `${base}profiles:
  paid:
    models: { writer: { provider: anthropic, model: claude-opus-5-5, api_key: "\${secret:KEY}" } }
`;
  const { spec } = good(text, { profile: 'paid' });
  assert.deepEqual(spec.models.writer, {
    provider: 'anthropic',
    model: 'claude-opus-5-5',
    api_key: '${secret:KEY}',
  });
});

test('a fault in a profile points into the profile', () => {
  const text = `${base}profiles:\n  hot:\n    models: { writer: { temperature: 9 } }\n`;
  const [problem] = bad(text, { profile: 'hot' });
  assert.deepEqual([problem?.line, problem?.column, problem?.path], [14, 38, 'models.writer.temperature']);
});

test('--set changes list items by number and stages by name; later flags win', () => {
  const set = [
    'stages.1.max_steps=3',
    'stages.interact.attempts=4',
    'models.writer.limits.rpm=5.5',
    'stages.1.max_steps=6',
    'sources=[{ files: x.md }]',
  ];
  const { spec } = good(base, { set });
  assert.deepEqual(spec.sources, [{ files: 'x.md' }]);
  const stage = spec.stages[1];
  assert.ok(stage?.uses === 'interact');
  assert.deepEqual([stage.max_steps, stage.attempts], [6, 4]);
  assert.deepEqual(spec.models.writer?.limits, { rpm: 5.5 });
});

test('faults of --set point into the flag', () => {
  const at = (flag: string) => bad(base, { set: [flag] }).map(({ code, file, column }) => [code, file, column]);
  assert.deepEqual(at('stages.interact.max_steps=many'), [['type', '--set stages.interact.max_steps=many', 27]]);
  assert.deepEqual(at('stages.interract.max_steps=1'), [['set', '--set stages.interract.max_steps=1', 8]]);
  assert.deepEqual(at('nonsense'), [['set', '--set nonsense', 1]]);
  assert.deepEqual(at('stages.9.model=x'), [['set', '--set stages.9.model=x', 8]]);
  assert.equal(at('models.writer.temprature=1')[0]?.[0], 'unknown-key');
  assert.equal(at('name=${env:NOT_SET}')[0]?.[0], 'env');
});

test('a key in a flag is shown nowhere', () => {
  const problems = bad(base, {
    set: [
      'models.writer={ provider: openai, model: m, api_key: sk-hush }',
      'models.x={}',
      'models.x.provider=google',
      'models.x.api_key=sk-hush',
    ],
  });
  assert.equal(problems.filter(({ code }) => code === 'secret').length, 2);
  assert.doesNotMatch(JSON.stringify(problems) + renderProblems(problems, {}, { color: false }), /hush/);
});

test('a key beside another fault of its line is dotted out', () => {
  for (const key of ['sk-hush-hush-hush', '"hush-hush"', 'hush']) {
    for (const fault of ['provider: antropic', 'provider: openai, temprature: 1']) {
      const text = base.replace('provider: scripted', `api_key: ${key}, ${fault}, model: m`);
      const printed = renderProblems(bad(text), { 'p.yaml': text }, { color: false });
      assert.doesNotMatch(printed, /hush/);
      const flagged = bad(base, { set: [`models.writer={ api_key: ${key}, ${fault}, model: m }`] });
      assert.doesNotMatch(JSON.stringify(flagged) + renderProblems(flagged, {}, { color: false }), /hush/);
    }
  }
});

test('notes under x- are left out, but not names that users give', () => {
  const text = base.replace('{ kind: shell }', '{ kind: shell, x-note: hi, files: { x-file: "1" } }');
  assert.deepEqual(good(`x-top: [1]\n${text}`).spec.environments.box, { kind: 'shell', files: { 'x-file': '1' } });
});

test('a merge key gives way to own keys, and the first merged map to none', () => {
  const text = `x-a: &a { temperature: 0.1, max_tokens: 50 }\nx-b: &b { temperature: 0.2, timeout: 4 }\n${base.replace('{ provider: scripted,', '{ <<: [*a, *b], max_tokens: 60, provider: scripted,')}`;
  const expected = { max_tokens: 60, provider: 'scripted', script: 'writer.yaml', temperature: 0.1, timeout: 4 };
  assert.deepEqual(good(text).spec.models.writer, expected);
});

test('alias bombs, circular aliases and deep nesting are refused quickly', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghij'.split('').map((name, index) => `${name}: &${name} [${`*${'abcdefghij'[index]},`.repeat(9)}]`),
  ].join('\n');
  const began = performance.now();
  assert.equal(bad(bomb)[0]?.code, 'too-large');
  assert.equal(bad('a: &a [*a]')[0]?.code, 'anchor');
  assert.ok(bad(`a: ${'['.repeat(30_000)}`).length > 0);
  assert.equal(bad('__proto__: { polluted: 1 }\n')[0]?.code, 'unknown-key');
  assert.ok(performance.now() - began < 5000);
});

test('byte order mark and Windows line ends are read', () => {
  good(`\uFEFF${base.replaceAll('\n', '\r\n')}`);
});

test('unused models and environments are warned of only when nothing is wrong', () => {
  const text = base.replace('  box:', '  spare: { kind: scripted }\n  box:');
  assert.deepEqual(
    good(text).warnings.map(({ path, severity }) => [path, severity]),
    [['environments.spare', 'warning']],
  );
});

test('defaults are filled in everywhere, once', () => {
  const full = withDefaults(good(base).spec);
  const [, interact] = full.stages;
  assert.ok(interact?.uses === 'interact');
  assert.deepEqual([interact.max_steps, interact.attempts, interact.concurrency], [7, 1, 20]);
  assert.equal(interact.knowledge, undefined);
  assert.deepEqual(full.environments.box?.observation, { max_chars: 6000, screenshot: false });
  assert.equal(full.models.writer?.limits.concurrency, 8);
  assert.deepEqual(withDefaults(full), full);
});

test('filling in defaults shares nothing with the schema', () => {
  const text = `${base}  - { uses: construct, model: writer }\n`;
  const first = withDefaults(good(text).spec).stages[2];
  assert.ok(first?.uses === 'construct');
  first.styles.push('original');
  const second = withDefaults(good(text).spec).stages[2];
  assert.deepEqual(second?.uses === 'construct' && second.styles, ['new-task', 'replicate']);
});

const committee = (accept: string, members: string, models: string): string =>
  `${base.replace('models:\n', `models:\n${models}`)}  - { uses: construct, model: writer }\n  - { uses: filter, committee: { members: [${members}], accept: ${accept} } }\n`;
const claude = '  claude: { provider: anthropic, model: claude-x, api_key: "${secret:A}" }\n';
const gemini = '  gemini: { provider: google, model: gemini-x, api_key: "${secret:B}" }\n';

test('a confidence rule over members that give none is a warning; a misspelt rule is told', () => {
  const text = committee('{ confidence: 0.8 }', 'claude, gemini', claude + gemini);
  assert.match(good(text).warnings[0]?.message ?? '', /claude and gemini do not say how sure/);
  const [misspelt] = bad(committee('{ at_lest: 2 }', 'claude, gemini', claude + gemini));
  assert.deepEqual([misspelt?.code, misspelt?.suggestion], ['unknown-key', 'at_least']);
  const mixed = bad(committee('{ votes: 2 }', 'claude, gemini', claude + gemini));
  const rules = ['unanimous', 'majority', '{ at_least: … }', '{ share: … }', '{ confidence: … }'];
  assert.deepEqual(mixed[0]?.expected, rules);
});

test('weights stand at the members: the old place says so', () => {
  const [old] = bad(committee('{ confidence: 0.8, weights: { claude: 2 } }', 'claude, gemini', claude + gemini));
  assert.equal(old?.code, 'unknown-key');
  assert.match(old?.fix ?? '', /members: \[\{ model: NAME, weight: 3 \}/);
});

test('members in full: names of their own, prompts, weights that count', () => {
  const messages = (members: string, accept = '{ share: 0.5 }'): string => {
    const text = committee(accept, members, claude + gemini);
    const loaded = loadSpec({ text, file: 'p.yaml', environment: {}, fileExists: (path) => path !== 'none.md' });
    const found = 'problems' in loaded ? loaded.problems : loaded.warnings;
    return found.map(({ severity, message }) => `${severity}: ${message}`).join('\n');
  };
  const strict = '{ model: claude, name: strict-judge, prompt: strict.md, optional: true, weight: 2 }';
  assert.equal(messages(`claude, gemini, ${strict}`), '');
  assert.match(
    messages(`claude, gemini, ${strict.replace('strict.md', 'none.md')}`),
    /error: .*"none.md" does not exist/,
  );
  assert.match(messages('claude, { model: gemni }'), /error: there is no model "gemni"/);
  assert.match(messages('claude, { model: claude, name: other }, gemini'), /error: other is asked the same/);
  assert.match(
    messages('claude, { model: claude, prompt: strict.md }, gemini'),
    /error: two members are called "claude"/,
  );
  assert.match(messages('{ model: claude, optional: true }'), /error: every member is optional/);
  assert.match(messages('{ model: claude, weight: 0 }, { model: gemini, weight: 0 }'), /error: every member weighs 0/);
  assert.match(messages('{ model: claude, weight: 2 }, gemini', 'unanimous'), /warning: weights count under/);
  assert.match(messages('claude, { model: gemini, wieght: 2 }'), /error: unknown key "wieght"/);
  assert.match(messages('claude, 7'), /error: .*members\[1\] is the number 7/);
});

test('criteria in full: weights count under a share', () => {
  const text = (passes: string, criteria: string): string =>
    committee('unanimous', 'claude, gemini', claude + gemini).replace(
      'accept: unanimous',
      `accept: unanimous, passes: ${passes}, criteria: ${criteria}`,
    );
  const weighted = '{ fits: { ask: "Does it fit?", weight: 3 }, short: "Is it short?" }';
  assert.deepEqual(good(text('{ share: 0.75 }', weighted)).warnings, []);
  assert.match(good(text('all', weighted)).warnings[0]?.message ?? '', /weights of criteria count under passes/);
  const nothing = bad(text('{ share: 0.5 }', '{ fits: { ask: "Does it?", weight: 0 } }'));
  assert.ok(nothing.some(({ message }) => /every criterion weighs 0/.test(message)));
  assert.ok(bad(text('{ share: 2 }', weighted)).length > 0);
  assert.ok(
    bad(text('{ share: 0.5 }', '{ fits: { weight: 2 } }')).some(({ message }) => /needs the key "ask"/.test(message)),
  );
});

test('the filter asks for nothing that can never be', () => {
  const filter = (keys: string): string =>
    committee('unanimous', 'claude, gemini', claude + gemini).replace('uses: filter,', `uses: filter, ${keys},`);
  const found = (keys: string): string =>
    bad(filter(keys))
      .map(({ message }) => message)
      .join('\n');
  good(filter('steps: { min: 2, max: 9 }, outcomes: [finished, stuck], expect: { keep_rate: [0.2, 0.7] }'));
  good(filter('duplicates: { words: 0.8, meaning: 0.95 }'));
  assert.match(found('steps: { min: 5, max: 4 }'), /there are none/);
  assert.match(found('steps: { min: 61 }'), /construct cuts none longer than 60/);
  assert.match(found('min_score: 0.5'), /has no verify/);
  assert.match(found('expect: { keep_rate: [0.7, 0.2] }'), /two numbers in this order/);
  assert.match(found('expect: { keep_rate: [0.2] }'), /too few items/);
  assert.match(found('expect: { keep_rate: [0.1, 0.2, 0.3] }'), /two numbers/);
  assert.match(found('outcomes: [done]'), /"done"/);
  assert.match(found('duplicates: { meaning: 2 }'), /meaning is the number 2/);
});

test('two families that are not the writer raise no warning', () => {
  assert.deepEqual(good(committee('unanimous', 'claude, gemini', claude + gemini)).warnings, []);
  assert.match(good(committee('unanimous', 'claude', claude)).warnings[0]?.message ?? '', /one member/);
});

test('allow must let the first page in; local addresses are fine', () => {
  const browser = (rest: string): string => base.replace('{ kind: shell }', `{ kind: browser, ${rest} }`);
  good(browser('url: "http://127.0.0.1:8080/x", allow: ["http://127.0.0.1:8080/*"]'));
  good(browser('app: { command: [a] }, url: /start, allow: ["http://127.0.0.1:${port}/*"]'));
  good(browser('app: { command: [a] }, allow: ["http://127.0.0.1:*"]'));
  assert.equal(bad(browser('url: "http://127.0.0.1:8080/x", allow: ["http://127.0.0.1:9090/*"]'))[0]?.code, 'place');
  assert.equal(bad(browser('url: /start'))[0]?.code, 'place');
});

test('a stage that gives up before its model, or before a lost worker could be noticed, is warned of', () => {
  const patient = base.replace('script: writer.yaml', 'script: writer.yaml, timeout: 600');
  const timed = (seconds: number) => patient.replace('model: writer }', `model: writer, timeout: ${seconds} }`);
  const warned = (seconds: number) => good(timed(seconds), { heartbeatSeconds: 15 }).warnings;
  assert.deepEqual(
    warned(5).map(({ code, line, path }) => ({ code, line, path })),
    [
      { code: 'timing', line: 10, path: 'stages.instruct.timeout' },
      { code: 'timing', line: 10, path: 'stages.instruct.timeout' },
    ],
  );
  assert.match(warned(120)[0]?.message ?? '', /gives a call up after 120 s, while models.writer may take 600 s/);
  assert.deepEqual(warned(600), []);
});

test('at most twenty problems are printed, and the rest counted', () => {
  const text = `${base}${Array.from({ length: 30 }, (_, index) => `wrong${index}: 1`).join('\n')}\n`;
  const printed = renderProblems(bad(text), { 'p.yaml': text }, { color: false });
  assert.equal(printed.match(/error\[unknown-key\]/g)?.length, 20);
  assert.match(printed, /… and 10 more/);
  assert.match(printed, /^30 errors in p\.yaml$/m);
});

test('no text makes loading throw, and every place lies in its text', () => {
  const lines = base.split('\n');
  const fragment = fc.oneof(
    fc.constantFrom(
      ...lines,
      'a: &x',
      'b: *x',
      '<<: *x',
      '  - {{ y }}',
      '${env:',
      '? :',
      '!!str',
      '\t',
      '"',
      ': ',
      '- - -',
      '%',
      '---',
      '...',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 15 }), (parts) => {
      const text = parts.join('\n');
      const loaded = load(text, { environment: { A: 'x' } });
      const problems = 'problems' in loaded ? loaded.problems : loaded.warnings;
      const rows = text.split('\n');
      for (const { line, column, length } of problems) {
        assert.ok(line >= 1 && line <= rows.length && column >= 1 && length >= 1, JSON.stringify({ line, column }));
        assert.ok(column <= (rows[line - 1] ?? '').length + 1);
      }
      renderProblems(problems, { 'p.yaml': text }, { color: true });
    }),
    { numRuns: 300 },
  );
});

test('one changed line of a good file never throws', () => {
  const template = readFileSync(join(import.meta.dirname, '../../pipelines/tiddlywiki.yaml'), 'utf8');
  const rows = template.split('\n');
  fc.assert(
    fc.property(fc.nat(rows.length - 1), fc.string(), fc.boolean(), (index, junk, before) => {
      const row = rows[index] ?? '';
      const loaded = load(rows.with(index, before ? junk + row : row + junk).join('\n'));
      if ('problems' in loaded) assert.ok(loaded.problems.some(({ severity }) => severity === 'error'));
    }),
    { numRuns: 200 },
  );
});

test('suggestions are near, and distance counts edits', () => {
  assert.equal(distance('', 'abc'), 3);
  assert.equal(distance('jugde', 'judge'), 1);
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => distance(one, other) === distance(other, one)),
    { numRuns: 100 },
  );
  assert.equal(nearest('unanimus', ['unanimous', 'majority']), 'unanimous');
  assert.equal(nearest('completely', ['unanimous', 'majority']), undefined);
  assert.equal(nearest('maxSteps', ['max_steps', 'max_chars']), 'max_steps');
});
