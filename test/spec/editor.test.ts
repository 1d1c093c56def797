/** The editors' schema in the language server that editors use: whole files, parts, and what is completed where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { getLanguageService } from 'yaml-language-server';
import { editorSchema } from '../../core/spec/editor-schema.ts';

const service = getLanguageService({
  schemaRequestService: async () => JSON.stringify(editorSchema()),
  workspaceContext: { resolveRelativePath: (path) => path },
});
service.configure({
  validate: true,
  completion: true,
  schemas: [{ uri: 'file:///pipeline.schema.json', fileMatch: ['*.yaml'] }],
});

let opened = 0;
const open = (text: string): TextDocument => {
  opened += 1;
  return TextDocument.create(`file:///pipeline-${opened}.yaml`, 'yaml', 1, text);
};

const faults = async (text: string): Promise<string[]> =>
  (await service.doValidation(open(text), false)).map(({ range, message }) => `${range.start.line + 1} ${message}`);

/** What is offered at the mark `|`. */
const offered = async (text: string): Promise<string[]> => {
  const document = open(text.replace('|', ''));
  const { items } = await service.doComplete(document, document.positionAt(text.indexOf('|')), false);
  return items.map(({ label }) => label);
};

test('a part needs nothing, changes stages by name and items by number, and removes with null', async () => {
  const part = `extends: base.yaml
models: { writer: { temperature: "\${input:heat}", price: null } }
sources: { 0: { limit: 2 } }
stages: { interact: { max_steps: 3 }, index: null, filter: { drop_failed: "\${env:X}", committee: { reasons: "\${input:r}" } } }
inputs: { heat: { type: number, default: 0.3 } }
profiles: { small: { stages: { interact: { max_steps: 2 } } } }
`;
  assert.deepEqual(await faults(part), []);
  assert.deepEqual(await faults('# a shared file\nmodels: { writer: { provider: local } }\n'), []);
});

test('a part is checked for its names and types, a whole file also for what is missing', async () => {
  const [unknown] = await faults('extends: base.yaml\nmodels:\n  writer: { temprature: 1 }\n');
  assert.match(unknown ?? '', /^3 .*temprature/);
  assert.equal((await faults('extends: base.yaml\nstages: { interact: { max_steps: many } }\n')).length, 1);
  assert.equal((await faults('extends: base.yaml\nprofiles: { p: { stages: { intract: {} } } }\n')).length, 1);
  assert.ok((await faults('version: "1"\nname: x\n')).some((fault) => /Missing property "stages"/.test(fault)));
});

test('keys, stages and inputs are offered where they may stand', async () => {
  assert.ok((await offered('version: "1"\n|')).includes('extends'));
  assert.ok((await offered('extends: base.yaml\nstages:\n  interact:\n    |')).includes('max_steps'));
  assert.deepEqual(await offered('extends: base.yaml\nstages:\n  |'), [
    'instruct',
    'interact',
    'construct',
    'filter',
    'index',
    'export',
  ]);
  assert.ok((await offered('extends: base.yaml\nprofiles:\n  p:\n    stages:\n      |')).includes('filter'));
  const input = await offered('extends: base.yaml\ninputs:\n  n:\n    type: integer\n    |');
  assert.ok(input.includes('max') && !input.includes('choices'), input.join());
});
