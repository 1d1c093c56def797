/** Files that extend others: order, merging, removal, paths, places, and what must be refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { overlay } from '../../core/spec/overlay.ts';
import { parseTree } from '../../core/spec/parse.ts';
import { pipelineSchema } from '../../core/spec/schema.ts';
import { type Tree, toJson } from '../../core/spec/tree.ts';
import type { Json } from '../../schemas/common.ts';
import { badFiles, base, goodFiles, loadFiles, type Texts } from './files.ts';

const stagesOf = (texts: Texts, more = {}) => goodFiles(texts, more).spec.stages;
const uses = (texts: Texts, more = {}): string[] => stagesOf(texts, more).map((stage) => stage.uses);

test('a file is laid over the files that it extends, which are read from left to right', () => {
  const { spec, sources } = goodFiles({
    'p.yaml': 'extends: [base.yaml, more.yaml]\nname: mine\n',
    'base.yaml': base,
    'more.yaml': 'name: more\ndescription: from more\nmodels: { writer: { max_tokens: 99 } }\n',
  });
  assert.deepEqual([spec.name, spec.description], ['mine', 'from more']);
  assert.deepEqual(spec.models.writer, { provider: 'scripted', script: 'writer.yaml', max_tokens: 99 });
  assert.deepEqual(Object.keys(sources), ['p.yaml', 'base.yaml', 'more.yaml']);
  assert.equal('extends' in spec, false);
});

test('extended files extend others, each relative to where it lies, and a file reached twice is laid once, the first time', () => {
  const texts = {
    'a/p.yaml': 'extends: [b/one.yaml, b/two.yaml]\n',
    'a/b/one.yaml': 'extends: ../../shared/base.yaml\nseed: 1\n',
    'a/b/two.yaml': 'extends: ../../shared/base.yaml\ndescription: two\n',
    'shared/base.yaml': `${base}seed: 9\n`,
  };
  const { spec, sources } = goodFiles(texts);
  assert.deepEqual([spec.seed, spec.description], [1, 'two']);
  assert.deepEqual(Object.keys(sources), ['a/p.yaml', 'a/b/one.yaml', 'shared/base.yaml', 'a/b/two.yaml']);
});

test('maps are merged, another variant replaces, lists are replaced, null removes', () => {
  const over = (text: string) =>
    goodFiles({ 'p.yaml': `extends: base.yaml\n${text}`, 'base.yaml': `${base}seed: 4\n` }).spec;
  const paid = over('models: { writer: { provider: anthropic, model: m, api_key: "${secret:K}" } }\n');
  assert.deepEqual(paid.models.writer, { provider: 'anthropic', model: 'm', api_key: '${secret:K}' });
  assert.deepEqual(over('sources: [{ files: one.md }]\n').sources, [{ files: 'one.md' }]);
  assert.equal('seed' in over('seed: null\n'), false);
  assert.equal('seed' in over('seed: ~\n'), false);
});

test('another form of the same key replaces it: no part of the old one is left', () => {
  const filterOf = (changes: string) => {
    const texts = {
      'p.yaml': `extends: base.yaml\nstages: { filter: ${changes} }\n`,
      'base.yaml': `${base}  - { uses: construct, model: writer }\n  - { uses: filter, duplicates: { words: 0.5, meaning: 0.5 }, committee: { members: [writer], accept: { confidence: 0.5 } } }\n`,
    };
    const stage = stagesOf(texts)[3];
    assert.ok(stage?.uses === 'filter');
    return { accept: stage.committee.accept, duplicates: stage.duplicates };
  };
  const before = { accept: { confidence: 0.5 }, duplicates: { words: 0.5, meaning: 0.5 } };
  assert.deepEqual(filterOf('{ committee: { accept: { at_least: 1 } } }'), { ...before, accept: { at_least: 1 } });
  assert.deepEqual(filterOf('{ committee: { accept: majority } }'), { ...before, accept: 'majority' });
  assert.deepEqual(filterOf('{ duplicates: 0.7 }'), { ...before, duplicates: 0.7 });
  assert.deepEqual(filterOf('{ duplicates: { words: 0.7 } }'), { ...before, duplicates: { words: 0.7, meaning: 0.5 } });
});

test('a source of another shape replaces the one below; its other keys are merged where the shape stays', () => {
  const over = (text: string) =>
    goodFiles({ 'p.yaml': `extends: far/base.yaml\nsources: { 0: ${text} }\n`, 'far/base.yaml': base }).spec.sources;
  assert.deepEqual(over('{ site: "https://example.com/" }'), [{ site: 'https://example.com/' }]);
  assert.deepEqual(over('{ limit: 4 }'), [{ files: 'far/docs/**/*.md', limit: 4 }]);
  const carried = (git: string) =>
    goodFiles({
      'p.yaml': 'extends: far/base.yaml\n',
      'far/base.yaml': base.replace('files: docs', `git: ${git}\n    files: docs`),
    }).spec.sources;
  assert.deepEqual(carried('../cli'), [{ git: 'cli', files: 'docs/**/*.md' }]);
  assert.deepEqual(carried('https://x.org/cli'), [{ git: 'https://x.org/cli', files: 'docs/**/*.md' }]);
  assert.deepEqual(carried('git@x.org:cli'), [{ git: 'git@x.org:cli', files: 'docs/**/*.md' }]);
});

test('stages are changed, added and removed by name; a list of stages replaces them', () => {
  const over = (text: string) => ({ 'p.yaml': `extends: base.yaml\nstages:\n${text}`, 'base.yaml': base });
  const changed = stagesOf(over('  interact: { max_steps: 3 }\n'))[1];
  assert.deepEqual(changed, { uses: 'interact', model: 'writer', environment: 'box', max_steps: 3 });
  assert.deepEqual(uses(over('  filter: { committee: { members: [writer] } }\n  construct: { model: writer }\n')), [
    'instruct',
    'interact',
    'construct',
    'filter',
  ]);
  assert.deepEqual(uses(over('  interact: null\n')), ['instruct']);
  assert.deepEqual(uses(over('  - { uses: instruct, model: writer }\n')), ['instruct']);
  const [misspelt] = badFiles(over('  intract: { max_steps: 3 }\n'));
  assert.deepEqual([misspelt?.file, misspelt?.line, misspelt?.suggestion], ['p.yaml', 3, 'interact']);
  const [slip] = badFiles(over('  uses: interact\n  max_steps: 3\n'));
  assert.match(slip?.fix ?? '', /"- "/);
});

test('items of other lists are changed by number, and the next number adds one', () => {
  const over = (text: string) =>
    goodFiles({ 'p.yaml': `extends: base.yaml\nsources: ${text}\n`, 'base.yaml': base }).spec.sources;
  assert.deepEqual(over('{ 0: { limit: 5 } }'), [{ files: 'docs/**/*.md', limit: 5 }]);
  assert.deepEqual(over('{ 1: { files: x.md } }'), [{ files: 'docs/**/*.md' }, { files: 'x.md' }]);
  assert.deepEqual(over('{ 0: null, 1: { files: x.md } }'), [{ files: 'x.md' }]);
  const [far] = badFiles({ 'p.yaml': 'extends: base.yaml\nsources: { 3: { limit: 5 } }\n', 'base.yaml': base });
  assert.match(far?.message ?? '', /next one is number 1, not 3/);
});

test('profiles of all files are laid after all files', () => {
  const texts = {
    'p.yaml': 'extends: base.yaml\nseed: 2\nprofiles: { small: { seed: 5 } }\n',
    'base.yaml': `${base}seed: 1\nprofiles:\n  small: { seed: 4, stages: { interact: { max_steps: 2 } } }\n  other: { seed: 9 }\n`,
  };
  const { spec, profiles } = goodFiles(texts, { profile: 'small' });
  assert.equal(spec.seed, 5);
  assert.equal(spec.stages[1]?.uses === 'interact' && spec.stages[1].max_steps, 2);
  assert.deepEqual(profiles.toSorted(), ['other', 'small']);
  assert.equal(goodFiles(texts, { profile: 'other' }).spec.seed, 9);
  assert.deepEqual(badFiles(texts, { profile: 'smal' })[0]?.expected?.toSorted(), ['other', 'small']);
});

test('--set changes what the files make, and null removes there too', () => {
  const texts = { 'p.yaml': 'extends: base.yaml\n', 'base.yaml': `${base}seed: 1\n` };
  const { spec } = goodFiles(texts, { set: ['stages.interact.max_steps=1', 'seed=null', 'stages.0.per_document=2'] });
  assert.equal('seed' in spec, false);
  assert.deepEqual(uses(texts, { set: ['stages.interact=null'] }), ['instruct']);
  assert.equal(badFiles(texts, { set: ['extends=x.yaml'] })[0]?.code, 'set');
  assert.equal(badFiles(texts, { set: ['profiles.x={}'] })[0]?.code, 'set');
});

test('paths are relative to the file in which they are written', () => {
  const texts = {
    'work/p.yaml': 'extends: ../shared/base.yaml\nstages: { interact: { prompt: own.md } }\n',
    'shared/base.yaml': base
      .replace('{ kind: shell }', '{ kind: shell, copy: /srv/space }')
      .replace('uses: instruct,', 'uses: instruct, prompt: prompts/own.md,'),
  };
  const asked: string[] = [];
  const { spec } = goodFiles(texts, { fileExists: (path) => asked.push(path) > 0 });
  assert.equal(spec.models.writer?.provider === 'scripted' && spec.models.writer.script, '../shared/writer.yaml');
  assert.deepEqual(spec.sources, [{ files: '../shared/docs/**/*.md' }]);
  assert.equal(spec.environments.box?.kind === 'shell' && spec.environments.box.copy, '/srv/space');
  const prompts = spec.stages.map((stage) => 'prompt' in stage && stage.prompt);
  assert.deepEqual(prompts, ['../shared/prompts/own.md', 'own.md']);
  assert.deepEqual(asked.toSorted(), ['../shared/prompts/own.md', '../shared/writer.yaml', '/srv/space', 'own.md']);
});

test('what lies in a package stays in the package, and a flag is relative to the main file', () => {
  const texts = {
    'p.yaml': 'extends: far/base.yaml\n',
    'far/base.yaml': base
      .replace('files: docs', 'package: npm@1.0.0\n    files: docs')
      .replace(
        '{ kind: shell }',
        '{ kind: browser, app: { package: x@1.0.0, command: [a], copy: "${package}/data" } }',
      ),
  };
  const { spec } = goodFiles(texts, { set: ['models.writer.script=mine.yaml'] });
  assert.deepEqual(spec.sources, [{ package: 'npm@1.0.0', files: 'docs/**/*.md' }]);
  assert.equal(spec.environments.box?.kind === 'browser' && spec.environments.box.app?.copy, '${package}/data');
  assert.equal(spec.models.writer?.provider === 'scripted' && spec.models.writer.script, 'mine.yaml');
});

test('a missing file is a problem at its name, with the one that was probably meant', () => {
  const [problem] = badFiles({ 'a/p.yaml': 'extends: [../shared/modles.yml]\n', 'shared/models.yaml': 'seed: 1\n' });
  assert.deepEqual(
    [problem?.code, problem?.line, problem?.column, problem?.suggestion],
    ['extends', 1, 11, '../shared/models.yaml'],
  );
});

test('files that extend themselves are refused with the way back, however they are named', () => {
  const circle = { 'a/p.yaml': 'extends: b.yaml\n', 'a/b.yaml': 'extends: ../a/./p.yaml\n' };
  const [problem] = badFiles(circle);
  assert.equal(problem?.file, 'a/b.yaml');
  assert.match(problem?.message ?? '', /a\/p\.yaml extends itself: a\/p\.yaml:1:10 → a\/b\.yaml:1:10 → a\/p\.yaml/);
  assert.equal(badFiles({ 'p.yaml': 'extends: p.yaml\n' })[0]?.code, 'extends');
  const deep = Object.fromEntries(
    Array.from({ length: 14 }, (_, index) => [`f${index}.yaml`, `extends: f${index + 1}.yaml\n`]),
  );
  assert.match(badFiles(deep)[0]?.message ?? '', /more than 10 files deep: f0\.yaml:1:10 → f1/);
  const wide = { 'p.yaml': `extends: [${Array.from({ length: 150 }, (_, index) => `w${index}.yaml`).join(', ')}]\n` };
  const all = {
    ...wide,
    ...Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`w${index}.yaml`, 'seed: 1\n'])),
  };
  assert.match(badFiles(all)[0]?.message ?? '', /at most 100 files/);
});

test('extends takes paths: not maps, numbers, nothing, placeholders or web addresses', () => {
  for (const value of ['{ a: b }', '3', '[]', '""', '[[a.yaml]]', '"${env:BASE}"', 'https://example.com/p.yaml', ''])
    assert.equal(badFiles({ 'p.yaml': `extends: ${value}\n${base}` })[0]?.code, 'extends', value);
  const inProfile = `${base}profiles: { small: { extends: x.yaml } }\n`;
  assert.equal(badFiles({ 'p.yaml': inProfile }, { profile: 'small' })[0]?.code, 'extends');
});

test('every fault points into the file that has it: values, anchors, what a profile brings', () => {
  const texts = {
    'p.yaml': 'extends: base.yaml\nmodels:\n  writer: { temprature: 1 }\n',
    'base.yaml': `x-a: &hot { temperature: 9 }\n${base.replace('{ provider: scripted,', '{ <<: *hot, provider: scripted,')}profiles:\n  tiny: { seed: many }\n`,
  };
  const places = badFiles(texts, { profile: 'tiny' }).map(({ file, line, code }) => `${file}:${line} ${code}`);
  assert.deepEqual(places.toSorted(), ['base.yaml:1 value', 'base.yaml:14 type', 'p.yaml:3 unknown-key']);
});

test('what is missing in the whole is missed in the file that was run', () => {
  const problems = badFiles({
    'p.yaml': 'extends: base.yaml\nseed: 3\n',
    'base.yaml': base.replace('name: demo\n', ''),
  });
  assert.deepEqual(
    problems.map(({ file, line, message }) => [file, line, message]),
    [['p.yaml', 2, 'the pipeline needs the key "name"']],
  );
});

test('a key that null removed is missed where it was removed; a null that removes nothing is a warning', () => {
  const texts = { 'p.yaml': 'extends: base.yaml\nname: null\n', 'base.yaml': base };
  const [problem] = badFiles(texts);
  assert.deepEqual([problem?.file, problem?.line, problem?.column], ['p.yaml', 2, 7]);
  const [warning] = goodFiles({
    'p.yaml': 'extends: base.yaml\nmodels: { writter: null }\n',
    'base.yaml': base,
  }).warnings;
  assert.deepEqual([warning?.severity, warning?.suggestion], ['warning', 'writer']);
});

test('an empty value is a slip, no removal', () => {
  const [problem] = badFiles({ 'p.yaml': 'extends: base.yaml\nmodels:\nseed: 1\n', 'base.yaml': base });
  assert.deepEqual([problem?.file, problem?.line, problem?.code], ['p.yaml', 2, 'type']);
});

test('an anchor of another file is not known here, and the message says so', () => {
  const [problem] = badFiles({
    'p.yaml': 'extends: base.yaml\nmodels: { a: *hot }\n',
    'base.yaml': `x-a: &hot { seed: 1 }\n${base}`,
  });
  assert.match(problem?.fix ?? '', /anchors do not reach from one file into another/);
  assert.equal(badFiles({ 'p.yaml': `${base}x-b: *hot\n` })[0]?.fix, undefined);
});

test('a text that cannot be read is the only thing that is said, in each file', () => {
  const problems = badFiles({
    'p.yaml': 'extends: [one.yaml, two.yaml, three.yaml]\nseed: nonsense\n',
    'one.yaml': 'a: "open\n',
    'two.yaml': '- a\n- b\n',
    'three.yaml': '# nothing\n',
  });
  assert.deepEqual(
    problems.map(({ file, code }) => [file, code]),
    [
      ['one.yaml', 'quote'],
      ['two.yaml', 'type'],
    ],
  );
});

/** Maps under `m…`, plain values and lists under `v…`: kinds that never meet. */
const layer: fc.Arbitrary<Json> = fc.letrec<{ map: Json; value: Json }>((tie) => ({
  map: fc.oneof(
    { depthSize: 'small' },
    fc.dictionary(fc.constantFrom('v1', 'v2', 'v3'), tie('value'), { maxKeys: 3 }),
    fc
      .tuple(
        fc.dictionary(fc.constantFrom('v1', 'v2'), tie('value'), { maxKeys: 2 }),
        fc.dictionary(fc.constantFrom('m1', 'm2'), tie('map'), { maxKeys: 2 }),
      )
      .map(([values, maps]): Json => ({ ...values, ...maps })),
  ),
  value: fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer(), { maxLength: 3 })),
})).map;

const treeOf = (value: Json): Tree => {
  const { tree } = parseTree({ file: 'x', text: JSON.stringify(value) });
  assert.ok(tree !== undefined);
  return tree;
};
/** Without the empty prototypes of generated maps. */
const plain = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;
const lay = (under: Tree, over: Tree): Tree => overlay(under, over, undefined, { keys: 'over', problems: [] });

test('laying is associative where no null, no variant and no change of kind is in play', () => {
  fc.assert(
    fc.property(layer, layer, layer, (one, two, three) => {
      const [a, b, c] = [treeOf(one), treeOf(two), treeOf(three)];
      assert.deepEqual(toJson(lay(lay(a, b), c)), toJson(lay(a, lay(b, c))));
    }),
  );
});

test('laying something on itself, or nothing on something, changes nothing', () => {
  fc.assert(
    fc.property(layer, (value) => {
      const tree = treeOf(value);
      const same = plain(value);
      assert.deepEqual(toJson(lay(tree, tree)), same);
      assert.deepEqual(toJson(lay(tree, treeOf({}))), same);
      assert.deepEqual(toJson(lay(treeOf({}), tree)), same);
    }),
  );
});

const whole = {
  version: '1',
  name: 'demo',
  seed: 3,
  models: {
    writer: { provider: 'scripted', script: 'w.yaml', max_tokens: 64, limits: { concurrency: 2, rpm: 5 } },
    judge: { provider: 'scripted', script: 'j.yaml', temperature: 0.5 },
  },
  environments: { box: { kind: 'shell', sessions: 3, observation: { max_chars: 500, screenshot: false } } },
  sources: [{ files: 'a.md' }, { files: 'b.md', limit: 2 }],
  stages: [
    { uses: 'instruct', model: 'writer' },
    { uses: 'interact', model: 'writer', environment: 'box', max_steps: 4 },
    { uses: 'construct', model: 'writer' },
    { uses: 'filter', committee: { members: ['writer', 'judge'], accept: { confidence: 0.5 } } },
  ],
  budget: { usd: 4 },
};

/** Cuts a map into parts: each of its values goes to the part that `pick` says. */
const cut = (value: { [name: string]: Json }, parts: number, pick: () => number): { [name: string]: Json }[] => {
  const made: { [name: string]: Json }[] = Array.from({ length: parts }, () => ({}));
  for (const [name, entry] of Object.entries(value)) {
    const isMap = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
    if (isMap)
      cut(entry, parts, pick).forEach((part, index) => {
        const into = made[index];
        if (into !== undefined && Object.keys(part).length > 0) into[name] = part;
      });
    else Object.assign(made[pick()] ?? {}, { [name]: entry });
  }
  return made;
};

const byName = (stages: { uses: string }[]): { [name: string]: Json } =>
  Object.fromEntries(stages.map(({ uses: name, ...rest }) => [name, rest as Json]));

test('a pipeline cut into any parts is the same pipeline, whether its stages are a list or named', () => {
  const schema = Object.keys(pipelineSchema.properties ?? {});
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat(3)), fc.boolean(), (stream, named) => {
      const pick = (): number => stream.next().value ?? 0;
      const source = { ...whole, stages: named ? byName(whole.stages) : whole.stages } as { [name: string]: Json };
      const parts = cut(source, 4, pick);
      const [main = {}, ...others] = parts;
      const texts: Texts = { 'p.yaml': stringify({ extends: ['1.yaml', '2.yaml', '3.yaml'], ...main }) };
      others.forEach((part, index) => {
        texts[`${index + 1}.yaml`] = Object.keys(part).length === 0 ? '# empty\n' : stringify(part);
      });
      const { spec } = goodFiles(texts);
      const inOrder = Object.fromEntries(
        schema.flatMap((name) => (name in spec ? [[name, spec[name as 'seed']]] : [])),
      );
      assert.deepEqual(inOrder, whole);
    }),
  );
});

test('no texts make loading throw, and every place lies in its file', () => {
  const lines = [
    ...base.split('\n'),
    'extends: b.yaml',
    'extends: [b.yaml, c.yaml]',
    'extends: a.yaml',
    'stages: { interact: null }',
    'sources: { 0: null }',
    'models: null',
    'models: { writer: { provider: local } }',
    'inputs: { a: { type: integer, default: x } }',
    'seed: ${input:a}',
    'profiles: { t: { stages: { index: {} } } }',
  ];
  const text = fc
    .array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...lines) }, { weight: 1, arbitrary: fc.string() }), {
      maxLength: 14,
    })
    .map((parts) => parts.join('\n'));
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      const texts = { 'a.yaml': `extends: b.yaml\n${a}`, 'b.yaml': b, 'c.yaml': c };
      for (const profile of [undefined, 't']) {
        const loaded = loadFiles(texts, { profile });
        for (const { file, line, column, length } of 'problems' in loaded ? loaded.problems : loaded.warnings) {
          if (file.startsWith('--')) continue;
          const rows = (loaded.sources[file] ?? assert.fail(file)).split('\n');
          assert.ok(line >= 1 && line <= rows.length && length >= 1, `${file}:${line}`);
          assert.ok(column >= 1 && column <= (rows[line - 1] ?? '').length + 1);
        }
      }
    }),
    { numRuns: 200 },
  );
});
