/** Every shipped pipeline, with each of its profiles: it is valid, and a plan can be made of it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { execa } from 'execa';
import { parse } from 'yaml';
import { planFile } from '../../cli/plans.ts';
import { isOwn } from '../../core/own-path.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import { priceOf } from '../../models/prices.ts';

const root = join(import.meta.dirname, '../..');
const folders = ['pipelines', 'pipelines/examples/own-modules'];
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yaml') && name !== 'replies.yaml')
    .map((name) => join(folder, name)),
);

for (const file of files) {
  const { profiles = {} } = parse(readFileSync(join(root, file), 'utf8')) as { profiles?: Record<string, unknown> };
  for (const profile of [undefined, ...Object.keys(profiles)]) {
    const given = profile === undefined ? [] : ['--profile', profile];
    test([file, ...given].join(' '), async () => {
      const command = [join(root, 'cli/main.ts'), 'validate', file, ...given];
      const { exitCode, stderr, stdout } = await execa(process.execPath, command, { cwd: root, reject: false });
      assert.equal(exitCode, 0, stderr);
      assert.match(stdout, /valid \(instruct → (\.\/forbidden-words\.ts → )?interact → construct → filter/);
      const plan = await planFile(join(root, file), profile === undefined ? {} : { profile });
      assert.ok(plan, 'no plan was made');
      assert.deepEqual(withDefaults(plan.spec), plan.spec);
      for (const model of Object.values(plan.spec.models))
        assert.ok(
          isOwn(model) || priceOf(model.provider, 'model' in model ? model.model : ''),
          `no price is known for ${JSON.stringify(model)}`,
        );
    });
  }
}

test('there are shipped pipelines', () => {
  assert.ok(files.length >= 2, files.join(', '));
});
