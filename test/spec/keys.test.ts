/** Keys by their paths: each is found under its own, and a misspelt one leads to the right one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { effectOf, namedBy, neighbours, takes } from '../../core/spec/key-words.ts';
import { allKeys, childrenOf, findKeys, promptTable } from '../../core/spec/keys.ts';
import { pipelineSchema } from '../../core/spec/schema.ts';

const paths = [...new Set(allKeys().map(({ path }) => path))];

const pathsOf = (text: string): string[] => {
  const search = findKeys(text);
  return 'found' in search ? [...new Set(search.found.map(({ path }) => path))] : [];
};
const meantBy = (text: string): string | undefined => {
  const search = findKeys(text);
  return 'found' in search ? undefined : search.meant;
};

test('every key is found under its whole path, with words for what it takes and what a change does', () => {
  assert.ok(paths.length > 90, String(paths.length));
  for (const path of paths) {
    assert.ok(pathsOf(path).includes(path), path);
    assert.ok(
      pathsOf(path).every((found) => found === path),
      path,
    );
  }
  for (const key of allKeys()) {
    assert.ok(takes(key).length > 0 && effectOf(key) !== '', key.path);
    const { beside, inside } = neighbours(key);
    assert.ok(!beside.includes(key.path.split('.').at(-1) ?? ''), key.path);
    assert.ok(![...beside, ...inside].includes('*'), key.path);
  }
});

test('every top key of the schema is there, and every stage', () => {
  for (const name of Object.keys(pipelineSchema.properties ?? {})) assert.ok(paths.includes(name), name);
  const stages = childrenOf(['stages']);
  for (const name of ['instruct', 'interact', 'construct', 'filter', 'index', 'export'])
    assert.ok(stages.includes(name));
});

test('keys are found as people write them', () => {
  assert.deepEqual(pathsOf('interact.max_steps'), ['stages.interact.max_steps']);
  assert.deepEqual(pathsOf('filter.committee.accept.at_least'), ['stages.filter.committee.accept.at_least']);
  assert.deepEqual(pathsOf('models.writer.limits.rpm'), ['models.*.limits.rpm']);
  assert.deepEqual(pathsOf('sources[0].limit'), ['sources.*.limit']);
  assert.deepEqual(pathsOf('sources.limit'), ['sources.*.limit']);
  assert.deepEqual(pathsOf('rpm'), ['models.*.limits.rpm']);
  assert.ok(pathsOf('prompt').length > 2);
  const local = findKeys('models.local.context');
  assert.ok('found' in local && local.found[0]?.variants.includes('local'));
});

test('a misspelt path leads to the right one', () => {
  assert.equal(meantBy('stages.filter.comittee.accept'), 'stages.filter.committee.accept');
  assert.equal(meantBy('interact.max_step'), 'stages.interact.max_steps');
  assert.equal(meantBy('models.writer.limit.rpm'), 'models.writer.limits.rpm');
  assert.equal(meantBy('maxSteps'), 'stages.interact.max_steps');
  assert.equal(meantBy(''), undefined);
  const long = paths.filter((path) => (path.split('.').at(-1)?.length ?? 0) > 6);
  fc.assert(
    fc.property(fc.constantFrom(...long), (path) => {
      const typed = `${path.slice(0, -3)}${path.slice(-2)}`;
      assert.ok(pathsOf(typed).length > 0 || meantBy(typed) !== undefined, typed);
    }),
  );
});

test('no text makes the search fail', () => {
  fc.assert(fc.property(fc.string(), (text) => typeof findKeys(text) === 'object'));
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('models', '*', 'stages', '__proto__', 'constructor', '0'), { maxLength: 6 }),
      (steps) => {
        findKeys(steps.join('.'));
        childrenOf(steps);
      },
    ),
  );
});

test('what a change does is told of the right stages', () => {
  const effect = (path: string): string => effectOf(allKeys().find((key) => key.path === path) ?? assert.fail(path));
  assert.match(effect('stages.interact.history_chars'), /^interact is done again.*construct and filter$/);
  assert.match(effect('stages.filter.committee.criteria'), /^filter is done again; what comes before it is kept$/);
  assert.match(effect('stages.filter.committee.members'), /only what is new/);
  assert.equal(effect('stages.filter.committee.accept'), 'nothing is done again');
  assert.match(effect('models.*.limits.rpm'), /^nothing is done again; what a run costs/);
  const named = namedBy(allKeys().find(({ path }) => path === 'environments') ?? assert.fail());
  assert.ok(named.includes('stages.interact.environment') && named.includes('sources.*.environment'), named.join());
  const site = findKeys('sources.limit');
  const forms = 'found' in site ? site.found.map(({ variants }) => variants) : [];
  assert.ok(forms.some((names) => names.includes('site')) && forms.some((names) => names.includes('files')));
});

test('the prompts and variables that keys are read by exist', () => {
  for (const { path, variable, known } of promptTable()) {
    assert.ok(paths.includes(path), path);
    assert.ok(known.includes(variable), `${path}: ${variable}`);
  }
});
