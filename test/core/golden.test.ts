/**
 * Identities that stored work is found under. A change here means that every user's finished work would be paid for again: it is either
 * a mistake, or meant, and then the version in core/versions.ts (or of the driver) is raised and the file is written anew with
 * LBI_REWRITE_EXPECTED=1.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canonical } from '../../core/canonical.ts';
import { environmentIdentity, makePlan, modelIdentity, stageIdentity, unitIdentity } from '../../core/plan.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { loadSpec } from '../../core/spec/load.ts';
import { pipelineSchema, type SchemaNode } from '../../core/spec/schema.ts';
import { questionVersion, stageVersions } from '../../core/versions.ts';
import type { Json } from '../../schemas/common.ts';
import type { StageName } from '../../schemas/pipeline/stage.ts';
import type { Plan } from '../../schemas/plan.ts';

const folder = join(import.meta.dirname, 'golden');
const rewrite = process.env.LBI_REWRITE_EXPECTED === '1';

const short = (value: Json): string => createHash('sha256').update(canonical(value)).digest('hex').slice(0, 16);

const planOf = (text: string): Plan => {
  const loaded = loadSpec({ text, file: 'golden.yaml', environment: {} });
  assert.ok('spec' in loaded, JSON.stringify('problems' in loaded && loaded.problems));
  const prompts = Object.fromEntries(
    ['instruct', 'interact', 'interact/query', 'construct/new-task', 'construct/replicate', 'filter'].map((name) => [
      name,
      `the prompt of ${name}`,
    ]),
  );
  const contents = { 'models.judge': 'the script', 'models.small': 'the weights' };
  const environments = { shell: '1', browser: '1', scripted: '1' };
  return makePlan(withDefaults(loaded.spec), '/somewhere', prompts, { stages: stageVersions, environments, contents });
};

/** Every identity of a plan, shortened. */
const identities = (plan: Plan): Record<string, string> => {
  const stages = (Object.keys(stageVersions) as StageName[]).map((name) => [
    `stage ${name}`,
    short(stageIdentity(plan, name)),
  ]);
  const styles = ['new-task', 'replicate'].map((style) => [
    `unit construct ${style}`,
    short(unitIdentity(plan, { stage: 'construct', style })),
  ]);
  const members = Object.keys(plan.spec.models).map((member) => [
    `unit filter ${member}`,
    short(unitIdentity(plan, { stage: 'filter', member })),
  ]);
  return Object.fromEntries([
    ...stages,
    ['unit instruct', short(unitIdentity(plan, { stage: 'instruct' }))],
    ['unit interact', short(unitIdentity(plan, { stage: 'interact' }))],
    ...styles,
    ...members,
    ...Object.keys(plan.spec.models).map((name) => [`model ${name}`, short(modelIdentity(plan, name))]),
    ...Object.keys(plan.spec.environments).map((name) => [
      `environment ${name}`,
      short(environmentIdentity(plan, name)),
    ]),
  ]);
};

/** The default of every key that output depends on, by its path: a changed one changes what is made without a word in anybody's file. */
const defaults = (schema: SchemaNode, path: string, found: Record<string, Json> = {}): Record<string, Json> => {
  if ((schema['x-effect'] ?? 'output') !== 'output') return found;
  if (schema.default !== undefined && path !== '') found[path] = schema.default;
  for (const [name, below] of Object.entries(schema.properties ?? {})) defaults(below, `${path}.${name}`, found);
  for (const below of Object.values(schema.patternProperties ?? {})) defaults(below, `${path}.*`, found);
  if (schema.items !== undefined) defaults(schema.items, `${path}[]`, found);
  for (const variant of schema.oneOf ?? []) {
    const tag = schema.discriminator?.propertyName ?? '';
    defaults(variant, `${path}(${String(variant.properties?.[tag]?.const)})`, found);
  }
  schema['x-told-by']?.forEach((tag, index) => {
    defaults(schema.anyOf?.[index] ?? {}, `${path}(${tag})`, found);
  });
  return found;
};

for (const name of ['plain', 'full']) {
  test(`the identities of ${name}.yaml are those that stored work has`, () => {
    const made = identities(planOf(readFileSync(join(folder, `${name}.yaml`), 'utf8')));
    const file = join(folder, `${name}.json`);
    if (rewrite) writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`);
    else assert.deepEqual(made, JSON.parse(readFileSync(file, 'utf8')));
  });
}

test('no default of a key that output depends on has changed under the same versions', () => {
  const made = { versions: { ...stageVersions, question: questionVersion }, defaults: defaults(pipelineSchema, '') };
  const file = join(folder, 'defaults.json');
  if (rewrite) writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`);
  else assert.deepEqual(made, JSON.parse(readFileSync(file, 'utf8')));
});

test('a key at its default and a key that is left out are the same', () => {
  const text = readFileSync(join(folder, 'plain.yaml'), 'utf8');
  const written = text.replace('uses: interact,', 'uses: interact, max_steps: 20, history_chars: 1200, attempts: 1,');
  assert.notEqual(written, text);
  assert.deepEqual(identities(planOf(written)), identities(planOf(text)));
  const other = text.replace('uses: interact,', 'uses: interact, history_chars: 1201,');
  assert.notEqual(identities(planOf(other))['stage interact'], identities(planOf(text))['stage interact']);
});
