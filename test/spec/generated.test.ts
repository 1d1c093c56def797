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
import { pipelineSchema, type SchemaNode, vocabulary } from '../../core/spec/schema.ts';
import { generated } from '../../setup/generate.ts';

const root = join(import.meta.dirname, '../..');

for (const [path, text] of Object.entries(generated())) {
  test(`${path} is up to date (else: node setup/generate.ts)`, () => {
    assert.equal(readFileSync(join(root, path), 'utf8'), text);
  });
}

const editor = new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile(editorSchema());

for (const file of readdirSync(join(root, 'pipelines')).filter((name) => name.endsWith('.yaml'))) {
  test(`the shipped ${file} is valid for editors too, and names its schema in the first line`, () => {
    const text = readFileSync(join(root, 'pipelines', file), 'utf8');
    const loaded = loadSpec({ text, file, environment: {}, knownPrice: () => true });
    assert.ok('spec' in loaded, JSON.stringify('problems' in loaded && loaded.problems));
    withDefaults(loaded.spec);
    assert.ok(editor(parse(text)), JSON.stringify(editor.errors));
    const [first, second] = text.split('\n');
    assert.match(first ?? '', /^# yaml-language-server: \$schema=.*pipeline\.schema\.json$/);
    assert.match(second ?? '', /^# \$schema: .*pipeline\.schema\.json$/, 'the line that JetBrains editors read');
  });
}

test('editors refuse unknown keys and wrong types, and take ${env:…} for a number', () => {
  const text = readFileSync(join(root, 'pipelines/quickstart.yaml'), 'utf8');
  const steps = (value: string): boolean => editor(parse(text.replace('max_steps: 4', `max_steps: ${value}`)));
  assert.equal(steps('"${env:STEPS}"'), true);
  assert.equal(steps('"many"'), false);
  assert.equal(steps('4\n    max_step: 1'), false);
  assert.equal(steps('4\n    x-note: 1'), true);
  assert.equal(editor(parse(text.replace('provider: local', 'provider: locl'))), false);
});

const visit = (schema: SchemaNode, path: string, see: (schema: SchemaNode, path: string) => void): void => {
  see(schema, path);
  const maps = [schema.properties, schema.patternProperties];
  for (const map of maps) for (const [name, below] of Object.entries(map ?? {})) visit(below, `${path}.${name}`, see);
  for (const below of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) visit(below, path, see);
  if (schema.items !== undefined) visit(schema.items, `${path}[]`, see);
};

/** The forms of a rule are one value: their description, unit and effect stand at its key. */
const isRule = (path: string): boolean => /\.(accept|passes)$/.test(path);

test('every key says what it means and what a change of it does', () => {
  const silent: string[] = [];
  visit(pipelineSchema, '', (schema, path) => {
    for (const [name, below] of Object.entries(schema.properties ?? {})) {
      const isTag = below.const !== undefined && name !== 'version';
      const underRule = isRule(path);
      const said = below.description !== undefined && (underRule || below['x-effect'] !== undefined);
      if (!isTag && !said) silent.push(`${path}.${name}`);
    }
  });
  assert.deepEqual(silent, []);
});

test('every number says its unit, and every key shows a value', () => {
  const silent: string[] = [];
  visit(pipelineSchema, '', (schema, path) => {
    if (isRule(path)) return;
    for (const [name, below] of Object.entries(schema.properties ?? {})) {
      const isNumber = below.type === 'integer' || below.type === 'number';
      if (isNumber && below['x-unit'] === undefined) silent.push(`${path}.${name} has no unit`);
      const shows =
        below.examples ??
        below.properties ??
        below.const ??
        below.anyOf?.[0]?.const ??
        below.oneOf ??
        below.items?.oneOf;
      const names = below.patternProperties;
      if (below.type !== 'boolean' && shows === undefined && names === undefined)
        silent.push(`${path}.${name} has no example`);
    }
  });
  assert.deepEqual(silent, []);
});

test('every default and every example satisfies its own schema', () => {
  const ajv = new Ajv({ discriminator: true });
  ajv.addVocabulary([...vocabulary]);
  ajv.addFormat('uri', (text) => URL.canParse(text));
  visit(pipelineSchema, '', (schema, path) => {
    for (const value of [...(schema.default === undefined ? [] : [schema.default]), ...(schema.examples ?? [])])
      assert.ok(ajv.validate(schema, value), `${path}: ${JSON.stringify(value)}`);
  });
});
