/** How long `lbi plan` looks at a large store: `node bench/plan.ts 10000` makes that many documents with three finished tasks each. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { admit } from '../activities/admit.ts';
import { conclude } from '../activities/conclude.ts';
import type { Deps } from '../activities/deps.ts';
import { instruct } from '../activities/instruct.ts';
import { modelOpener } from '../cli/models.ts';
import { readDocuments } from '../cli/plan/documents.ts';
import { dryDeps } from '../cli/plan/dry.ts';
import { planCommand } from '../cli/plan.ts';
import { planFile } from '../cli/plans.ts';
import type { EpisodeDraft } from '../schemas/episode.ts';
import { folderStore } from '../store/folder.ts';
import { putJson } from '../store/json.ts';
import { room } from '../test/engine/place.ts';

const documents = Number(process.argv[2] ?? 1000);
const folder = await mkdtemp(join(tmpdir(), 'lbi-bench-plan-'));
process.env.LBI_HOME = join(folder, '.lbi');

const pipeline = `version: "1"
name: bench
models: { writer: { provider: scripted, script: script.yaml } }
environments: { board: { kind: scripted } }
sources: [{ files: "docs/*.md" }]
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, environment: board, model: writer }
  - { uses: construct, model: writer }
  - { uses: filter, committee: { members: [writer] } }
`;
const script = `rules:
  - role: instruct
    when: { user: '"Page (?<page>\\w+)"' }
    reply: { tasks: ["Open the \${page} door", "Paint all walls of \${page}", "Who was in \${page} yesterday"] }
`;

async function fill(): Promise<void> {
  await mkdir(join(folder, 'docs'), { recursive: true });
  for (let index = 0; index < documents; index += 1)
    await writeFile(
      join(folder, 'docs', `${String(index).padStart(6, '0')}.md`),
      `# Page ${room(index)}${room(documents + index)}\n\n${`What one can do in ${room(index)}. `.repeat(60)}\n`,
    );
  await writeFile(join(folder, 'script.yaml'), script);
  await writeFile(join(folder, 'pipeline.yaml'), pipeline);
  const plan = await planFile(join(folder, 'pipeline.yaml'), {});
  if (plan === undefined) throw new Error('the pipeline is wrong');
  const store = await folderStore(join(folder, '.lbi', 'store'), { durable: 'process' });
  const ref = await putJson(store, plan);
  const models = modelOpener();
  const { stored: _stored, ...rest } = dryDeps(
    store,
    async (name) => name,
    () => {},
  );
  const deps: Deps = { ...rest, model: models.open };
  const { entries } = await readDocuments(deps, plan, []);
  for (const [batch, document] of entries.entries()) {
    const { tasks } = await instruct(deps)({ plan: ref, document });
    const { fresh } = await admit(deps)({ plan: ref, run: 'filled', batch, document, tasks });
    for (const task of fresh) {
      const record: EpisodeDraft = {
        task: task.ref,
        trajectory: null,
        outcome: 'finished',
        detail: '',
        steps: 3,
        windows: 1,
        dropped: {},
        candidates: [],
        usage: {},
      };
      await conclude(deps)({ plan: ref, record });
    }
  }
  await models.close();
}

try {
  let began = Date.now();
  await fill();
  const objects = await readdir(join(folder, '.lbi', 'store', 'objects'), { recursive: true });
  const memos = await readdir(join(folder, '.lbi', 'store', 'memo'), { recursive: true });
  console.log(
    `${documents} documents, ${objects.length} objects, ${memos.length} memos: made in ${Date.now() - began} ms`,
  );
  for (const time of process.argv[3] === 'once' ? ['first'] : ['first', 'again']) {
    began = Date.now();
    const before = process.cpuUsage();
    await planCommand(join(folder, 'pipeline.yaml'), {});
    const { user, system } = process.cpuUsage(before);
    const cpu = Math.round((user + system) / 1000);
    console.log(
      `${time}: ${Date.now() - began} ms, ${cpu} ms of CPU, ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
