/** Where an example comes from: document → task → attempt → window → prompts → votes → rule → row. */
import { createHash } from 'node:crypto';
import { committeeOf } from '../../activities/committee.ts';
import { findStage, type PromptName } from '../../activities/plans.ts';
import { readRows } from '../../activities/rows.ts';
import { clip, describeAction } from '../../core/describe.ts';
import { ballotOf, verdict } from '../../core/tally.ts';
import { lineageOf } from '../../store/dataset/lineage.ts';
import { program } from '../home.ts';
import { paint } from '../progress.ts';
import { shippedPrompt } from '../prompts.ts';
import { runSummary } from '../runs.ts';
import type { Thing } from './things.ts';

export type LineageFacts = Awaited<ReturnType<typeof lineageFacts>>;

/** Characters of a document or an observation that are shown. */
const excerpt = 280;

const oneLine = (text: string, chars: number): string => clip(text.replaceAll(/\s+/g, ' ').trim(), chars);

export async function lineageFacts(thing: Extract<Thing, { kind: 'example' }>) {
  const { store, record, plan, judged } = thing;
  const lineage = await lineageOf(
    store,
    judged.example,
    judged.votes.map(({ vote }) => vote),
  );
  const filter = findStage(plan, 'filter');
  const committee = committeeOf(plan);
  const summary = await runSummary(store, record.run);
  const rows = summary?.dataset == null ? [] : await readRows(store, plan, summary.dataset.rows);
  const index = rows.findIndex((row) => row.example === judged.example);
  const used: PromptName[] = [
    lineage.document?.kind === 'observation' && plan.prompts['instruct/observation'] !== undefined
      ? 'instruct/observation'
      : 'instruct',
    'interact',
    ...(lineage.style === 'original' ? [] : ([`construct/${lineage.style}`] as const)),
    ...(filter === undefined ? [] : (['filter'] as const)),
  ];
  const inWindow = new Set(lineage.window.steps);
  return {
    run: record.run,
    ...lineage,
    steps: lineage.steps.slice(1).map((step, at) => ({
      index: step.index,
      action: step.action === null ? '' : describeAction(step.action),
      reason: step.reason,
      changed: step.observation.stateHash !== lineage.steps[at]?.observation.stateHash,
      ...(step.error === undefined ? {} : { error: step.error.message }),
      inWindow: inWindow.has(step.index),
    })),
    prompts: await Promise.all(used.map((name) => promptFacts(name, plan.prompts[name] ?? ''))),
    rule: filter?.committee.accept ?? null,
    votes: lineage.votes.map((vote) => {
      const counted = judged.votes.find((each) => each.vote === vote.ref);
      const { yes = false, confidence, member = vote.member } = counted ?? {};
      return { ...vote, member, yes, ...(confidence === undefined ? {} : { confidence }) };
    }),
    absent: judged.absent ?? [],
    counted:
      committee === undefined
        ? null
        : verdict(
            lineage.votes.map((vote) => ballotOf(vote, committee)),
            committee.accept,
            committee.members,
          ),
    kept: judged.kept,
    reason: judged.reason,
    row: index < 0 ? null : { line: index + 1, id: rows[index]?.id ?? '', split: rows[index]?.split ?? '' },
    folder: summary?.dataset?.folder ?? null,
  };
}

async function promptFacts(name: PromptName, text: string) {
  return {
    name,
    sha256: createHash('sha256').update(text).digest('hex'),
    own: text !== (await shippedPrompt(name)).text,
  };
}

const row = (name: string, text: string): string => `  ${name.padEnd(11)}${text}`;

export function lineageLines(facts: LineageFacts): string[] {
  const mark = facts.kept ? paint('green', '✔ kept') : paint('red', '✘ dropped');
  return [
    paint('bold', oneLine(facts.instruction, 300)),
    `  ${mark}  ${facts.kept ? '' : `${facts.reason}  `}${paint('dim', `${facts.run}/${facts.example.slice(0, 12)}`)}`,
    '',
    ...documentLines(facts),
    row('task', oneLine(facts.task.instruction, 200)),
    row('', paint('dim', `${facts.task.id}, attempt ${facts.task.attempt + 1}, in ${facts.environment}`)),
    '',
    ...stepLines(facts),
    '',
    ...facts.prompts.map(({ name, sha256, own }, index) =>
      row(
        index === 0 ? 'prompts' : '',
        `${name.padEnd(20)} ${sha256.slice(0, 12)}  ${own ? 'your own' : 'as shipped'}`,
      ),
    ),
    '',
    ...voteLines(facts),
    ...(facts.row === null
      ? []
      : [row('row', `line ${facts.row.line} of examples.jsonl, id ${facts.row.id}, split ${facts.row.split}`)]),
    ...(facts.row === null || facts.folder === null ? [] : [row('', facts.folder)]),
    '',
    `  its whole trajectory: ${program} show ${facts.run} ${facts.task.id}`,
  ];
}

function documentLines({ document }: LineageFacts): string[] {
  if (document === null) return [row('document', 'none')];
  const { title, source, id, span, text, license } = document;
  const where = source === id ? source : `${source}: ${id}`;
  const part = span === undefined ? '' : `, characters ${span.from}–${span.to}`;
  return [
    row('document', title),
    row('', paint('dim', `${where}${part}${license === undefined ? '' : `, ${license}`}`)),
    row('', paint('dim', `“${oneLine(text, excerpt)}”`)),
  ];
}

function stepLines({ steps, window, style }: LineageFacts): string[] {
  const shown = steps.map(({ index, action, changed, error, inWindow }) => {
    const came =
      error === undefined ? (changed ? 'changed the place' : 'changed nothing') : `failed: ${oneLine(error, 120)}`;
    const line = `${inWindow ? '▌' : ' '} ${String(index).padStart(2)}. ${oneLine(action, 120)}  ${paint('dim', came)}`;
    return row(index === 1 ? 'attempt' : '', line);
  });
  return [
    ...shown,
    row('window', `▌ observations ${window.from}–${window.to}, ${window.steps.length} actions; written as ${style}`),
  ];
}

function voteLines({ votes, absent, rule, counted }: LineageFacts): string[] {
  const lines = votes.flatMap(({ member, model, yes, confidence, criteria, parsed }) => [
    row(
      member,
      `${yes ? paint('green', 'yes') : paint('red', 'no')}${confidence === undefined ? '' : ` (${confidence.toFixed(2)})`}  ${paint('dim', model)}`,
    ),
    ...(parsed ? [] : [row('', 'the reply could not be read: a no')]),
    ...Object.entries(criteria).map(([name, answer]) =>
      row(
        '',
        `  ${answer.yes ? '✔' : '✘'} ${name.padEnd(12)} ${answer.probability === undefined ? '' : `${answer.probability.toFixed(2)} `}${paint('dim', oneLine(answer.reason, 200))}`,
      ),
    ),
  ]);
  const absences = absent.map(({ member, why, detail }) =>
    row(member, paint('dim', why === 'not-needed' ? 'not asked: the outcome was settled' : `gave no vote: ${detail}`)),
  );
  const shownRule = typeof rule === 'string' ? rule : JSON.stringify(rule);
  return [...lines, ...absences, ...(counted === null ? [] : [row('rule', `${shownRule}: ${counted.reason}`), ''])];
}
