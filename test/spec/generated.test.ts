/** The generated files are what the schemas say, and the editors' schema agrees with the checker on what is right. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { withDefaults } from '../../core/spec/defaults.ts';
import { editorSchema } from '../../core/spec/editor-schema.ts';
import { loadSpec } from '../../core/spec/load.ts';
import { pipelineSchema, type SchemaNode } from '../../core/spec/schema.ts';
import { generated } from '../../setup/generate.ts';

const root = join(import.meta.dirname, '../..');

for (const [path, text] of Object.entries(generated())) {
  test(`${path} is up to date (else: node setup/generate.ts)`, () => {
    assert.equal(readFileSync(join(root, path), 'utf8'), text);
  });
}

const editor = new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile(editorSchema());

for (const file of readdirSync(join(root, 'pipelines/init'))) {
  test(`the template ${file} is valid for the checker and for editors, with and without its profiles`, () => {
    const text = readFileSync(join(root, 'pipelines/init', file), 'utf8');
    for (const profile of [undefined, 'tiny']) {
      const loaded = loadSpec({ text, file, environment: {}, profile, knownPrice: () => true });
      assert.ok('spec' in loaded, JSON.stringify('problems' in loaded && loaded.problems));
      withDefaults(loaded.spec);
    }
    assert.ok(editor(parse(text)), JSON.stringify(editor.errors));
    assert.match(text.split('\n')[0] ?? '', /^# yaml-language-server: \$schema=\.\/pipeline\.schema\.json$/);
  });
}

test('editors refuse unknown keys and wrong types, and take ${env:…} for a number', () => {
  const text = readFileSync(join(root, 'pipelines/init/shell.yaml'), 'utf8');
  const steps = (value: string): boolean => editor(parse(text.replace('max_steps: 6', `max_steps: ${value}`)));
  assert.equal(steps('"${env:STEPS}"'), true);
  assert.equal(steps('"many"'), false);
  assert.equal(steps('6, max_step: 1'), false);
  assert.equal(steps('6, x-note: 1'), true);
  assert.equal(editor(parse(text.replace('provider: local', 'provider: locl'))), false);
});

const visit = (schema: SchemaNode, path: string, see: (schema: SchemaNode, path: string) => void): void => {
  see(schema, path);
  const maps = [schema.properties, schema.patternProperties];
  for (const map of maps) for (const [name, below] of Object.entries(map ?? {})) visit(below, `${path}.${name}`, see);
  for (const below of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) visit(below, path, see);
  if (schema.items !== undefined) visit(schema.items, `${path}[]`, see);
};

test('every key says what it means and what a change of it does', () => {
  const silent: string[] = [];
  visit(pipelineSchema, '', (schema, path) => {
    for (const [name, below] of Object.entries(schema.properties ?? {})) {
      const isTag = below.const !== undefined && name !== 'version';
      const underRule = path.endsWith('.accept');
      const said = below.description !== undefined && (underRule || below['x-effect'] !== undefined);
      if (!isTag && !said) silent.push(`${path}.${name}`);
    }
  });
  assert.deepEqual(silent, []);
});

test('every default satisfies its own schema', () => {
  const ajv = new Ajv({ discriminator: true });
  ajv.addVocabulary(['x-effect', 'x-names', 'x-selects']);
  visit(pipelineSchema, '', (schema, path) => {
    if (schema.default === undefined) return;
    assert.ok(ajv.validate(schema, schema.default), `${path}: ${JSON.stringify(schema.default)}`);
  });
});
