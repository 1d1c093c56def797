/** Before money is spent: who is asked, what of, and what happens where nobody can answer. No server is started. */
import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';
import { consent } from '../../cli/plan/consent.ts';
import { gather } from '../../cli/plan/gather.ts';
import { type Outlook, outlookOf } from '../../cli/plan/outlook.ts';
import { planFile } from '../../cli/plans.ts';
import type { Plan } from '../../schemas/plan.ts';
import { openStore } from '../../store/stores.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lbi-consent-'));
  await mkdir(join(folder, 'docs'));
  for (const name of ['a', 'b']) await writeFile(join(folder, 'docs', `${name}.md`), `# Page ${name}\n\nText.\n`);
  await writeFile(join(folder, 'script.yaml'), 'rules: []\n');
});
after(() => rm(folder, { recursive: true, force: true }));

const pipeline = (model: string, more = ''): string => `version: "1"
name: priced
models: { writer: ${model} }
environments: { board: { kind: scripted } }
sources: [{ files: "docs/*.md" }]
stages:
  - { uses: instruct, model: writer }
  - { uses: interact, environment: board, model: writer }
${more}`;
const free = '{ provider: scripted, script: script.yaml }';
const dear = '{ provider: scripted, script: script.yaml, price: { input: 30, output: 100 } }';
const unknown = '{ provider: anthropic, model: claude-of-tomorrow, api_key: "${secret:NONE}" }';

async function look(text: string): Promise<{ plan: Plan; outlook: Outlook }> {
  await writeFile(join(folder, 'pipeline.yaml'), text);
  const plan = await planFile(join(folder, 'pipeline.yaml'), {});
  assert.ok(plan);
  const store = await openStore(join(folder, 'none'), { readOnly: true });
  return { plan, outlook: outlookOf(await gather(store, plan, { packageFolder: async (name) => name })) };
}

interface Asked {
  answer: string;
  said: string;
  questions: string[];
}

/** What is said and asked, and what comes of it. */
async function consents(text: string, given: { yes?: boolean; answer?: string; blind?: boolean }): Promise<Asked> {
  const { plan, outlook } = await look(text);
  const questions: string[] = [];
  let said = '';
  const answer = await consent(plan, given.blind === true ? undefined : outlook, {
    yes: given.yes === true,
    interactive: given.answer !== undefined,
    say: (line) => {
      said += `${line}\n`;
    },
    ask: async (question) => {
      questions.push(question);
      return given.answer ?? '';
    },
  });
  return { answer, said, questions };
}

test('what is free is not asked about', async () => {
  for (const answer of [undefined, 'n']) {
    const { answer: goes, said, questions } = await consents(pipeline(free), answer === undefined ? {} : { answer });
    assert.deepEqual([goes, questions], ['go', []]);
    assert.match(said, /\+ instruct +2 documents to do/);
    assert.match(said, /calls, \$0$/m);
  }
});

test('a person is asked with the likely amount and the most, and only yes is a yes', async () => {
  for (const [answer, expected] of [
    ['y', 'go'],
    [' YES ', 'go'],
    ['', 'declined'],
    ['n', 'declined'],
    ['yess', 'declined'],
  ] as const) {
    const { answer: goes, questions } = await consents(pipeline(dear), { answer });
    assert.equal(goes, expected, answer);
    assert.equal(questions.length, 1);
    assert.match(questions[0] ?? '', /^Spend about \$\d+\.\d\d \(up to \$\d+\.\d\d\)\? \[y\/N\] $/);
  }
});

test('--yes asks nobody', async () => {
  assert.deepEqual((await consents(pipeline(dear), { yes: true, answer: 'n' })).questions, []);
});

test('where nobody can answer, a budget is the answer; without one nothing is spent', async () => {
  const refused = await consents(pipeline(dear), {});
  assert.equal(refused.answer, 'refused');
  assert.match(refused.said, /would spend about \$.*nobody here to ask[\s\S]*--yes[\s\S]*budget: \{ usd/);
  const capped = await consents(pipeline(dear, 'budget: { usd: 3 }\n'), {});
  assert.equal(capped.answer, 'go');
  assert.match(capped.said, /within the budget of \$3/);
});

test('a model whose price nobody knows is no free model', async () => {
  const { answer, questions, said } = await consents(pipeline(unknown), { answer: 'n' });
  assert.equal(answer, 'declined');
  assert.match(questions[0] ?? '', /an unknown amount on writer/);
  assert.match(said, /no price is known of writer/);
  assert.equal((await consents(pipeline(unknown), { blind: true })).answer, 'refused');
  assert.equal((await consents(pipeline(free), { blind: true })).answer, 'go');
});

test('lbi run without a terminal ends with 2 before anything is started or written', async () => {
  await writeFile(join(folder, 'pipeline.yaml'), pipeline(dear));
  const { exitCode, stderr, stdout } = await execa(process.execPath, [main, 'run', 'pipeline.yaml'], {
    cwd: folder,
    reject: false,
    env: { NO_COLOR: '1' },
  });
  assert.equal(exitCode, 2);
  assert.match(stderr, /\+ instruct[\s\S]*error: this run would spend/);
  assert.equal(stdout, '');
  await assert.rejects(access(join(folder, '.lbi')), { code: 'ENOENT' });
});

test('sources that match nothing are told by plan and run alike, at once', async () => {
  await writeFile(join(folder, 'pipeline.yaml'), pipeline(free).replace('docs/*.md', 'dosc/*.md'));
  for (const command of ['plan', 'run']) {
    const { exitCode, stderr } = await execa(process.execPath, [main, command, 'pipeline.yaml'], {
      cwd: folder,
      reject: false,
    });
    assert.deepEqual([exitCode, /no file matches "dosc\/\*\.md"/.test(stderr)], [3, true], stderr);
  }
  await assert.rejects(access(join(folder, '.lbi')), { code: 'ENOENT' });
});
