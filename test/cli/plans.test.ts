/** The plan of a file knows what the file only names: scripts, and folders that places begin with. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { modelLack, placeLack } from '../../cli/able.ts';
import { planFile, planReader } from '../../cli/plans.ts';
import { environmentQueue, modelQueue } from '../../cli/queues.ts';
import { stageIdentity } from '../../core/plan.ts';
import { folderStore } from '../../store/folder.ts';
import { putJson } from '../../store/json.ts';

const folder = await mkdtemp(join(tmpdir(), 'lbi-plans-'));
after(() => rm(folder, { recursive: true, force: true }));

const pipeline = `version: "1"
name: copy
models: { a: { provider: scripted, script: a.yaml } }
environments: { box: { kind: shell, copy: box } }
sources: [{ files: "*.md" }]
stages:
  - { uses: instruct, model: a }
  - { uses: interact, environment: box, model: a }
`;

const identity = async (stage: 'instruct' | 'interact'): Promise<string> => {
  const plan = await planFile(join(folder, 'pipeline.yaml'), {});
  assert.ok(plan);
  return JSON.stringify(stageIdentity(plan, stage));
};

test('an edited file in a copied folder makes the place another one, and nothing else', async () => {
  await mkdir(join(folder, 'box', 'below'), { recursive: true });
  await writeFile(join(folder, 'pipeline.yaml'), pipeline);
  await writeFile(join(folder, 'a.yaml'), 'rules: []\n');
  await writeFile(join(folder, 'page.md'), '# Page\n');
  await writeFile(join(folder, 'box', 'below', 'file.txt'), 'one');
  const before = { instruct: await identity('instruct'), interact: await identity('interact') };
  assert.equal(await identity('interact'), before.interact);
  await writeFile(join(folder, 'box', 'below', 'file.txt'), 'two');
  assert.notEqual(await identity('interact'), before.interact);
  assert.equal(await identity('instruct'), before.instruct);
});

test('the prompt for what is seen of a place is part of a plan that looks at one, and only there', async () => {
  const prompts = async (sources: string, prompt = ''): Promise<string[]> => {
    await writeFile(
      join(folder, 'seen.yaml'),
      pipeline.replace('[{ files: "*.md" }]', sources).replace('model: a }', `model: a${prompt} }`),
    );
    return Object.keys((await planFile(join(folder, 'seen.yaml'), {}))?.prompts ?? {});
  };
  assert.ok(!(await prompts('[{ files: "*.md" }]')).includes('instruct/observation'));
  assert.ok((await prompts('[{ environment: box, take: observation }]')).includes('instruct/observation'));
  await writeFile(join(folder, 'own.md'), '# System\n\nYou.\n\n# User\n\n{{ count }} {{ document }}\n');
  assert.ok(
    !(await prompts('[{ environment: box, take: observation }]', ', prompt: own.md')).includes('instruct/observation'),
  );
});

test('another copy of the project stands in for the folder where it was planned, and says what differs there', async () => {
  const store = await folderStore(join(folder, 'store'));
  const [original, copy] = [join(folder, 'original'), join(folder, 'copy')];
  for (const place of [original, copy]) {
    await mkdir(join(place, 'agents', 'box'), { recursive: true });
    await writeFile(join(place, 'agents', 'box', 'file.txt'), 'one');
    await writeFile(join(place, 'agents', 'a.yaml'), 'rules: []\n');
    await writeFile(join(place, 'agents', 'pipeline.yaml'), pipeline);
  }
  const before = process.cwd();
  after(() => process.chdir(before));
  process.chdir(original);
  const plan = await planFile('agents/pipeline.yaml', {});
  assert.ok(plan);
  const ref = await putJson(store, plan);
  const same = await planReader(store)(ref);
  assert.deepEqual(same, plan, 'where it was planned it is as it was');

  process.chdir(copy);
  await rm(original, { recursive: true });
  const here = await planReader(store)(ref);
  assert.equal(here.folder, join(copy, 'agents'));
  assert.equal(environmentQueue(here, 'box'), environmentQueue(plan, 'box'), 'it serves the same queue');
  assert.equal(modelQueue(here, 'a'), modelQueue(plan, 'a'));
  assert.equal(await modelLack(here, 'a'), undefined);
  assert.equal(await placeLack(here, 'box'), undefined);
  await writeFile(join(copy, 'agents', 'a.yaml'), 'rules: [{ role: vote, text: "yes" }]\n');
  await writeFile(join(copy, 'agents', 'box', 'file.txt'), 'two');
  assert.match((await modelLack(here, 'a')) ?? '', /a\.yaml is another file than the one that was planned with/);
  assert.match((await placeLack(here, 'box')) ?? '', /box holds other files than when the run was planned/);
  await rm(join(copy, 'agents', 'a.yaml'));
  await rm(join(copy, 'agents', 'box'), { recursive: true });
  assert.match((await modelLack(here, 'a')) ?? '', /there is no .*a\.yaml/);
  assert.match((await placeLack(here, 'box')) ?? '', /box that the pipeline names cannot be read/);
});
