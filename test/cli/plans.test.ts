/** The plan of a file knows what the file only names: scripts, and folders that places begin with. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { planFile } from '../../cli/plans.ts';
import { stageIdentity } from '../../core/plan.ts';

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
