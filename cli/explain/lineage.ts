/** Where an example comes from: document → task → attempt → window → prompts → votes → rule → row. */
import { committeeOf } from '../../activities/committee.ts';
import { openLineages } from '../../activities/lineage.ts';
import { clip, describeAction } from '../../core/describe.ts';
import { ballotOf, verdict } from '../../core/tally.ts';
import type { Plan } from '../../schemas/plan.ts';
import { program } from '../home.ts';
import { paint } from '../progress.ts';
import { promptNames, shippedPrompt } from '../prompts.ts';
import { runSummary } from '../runs.ts';
import type { Thing } from './things.ts';

export type LineageFacts = Awaited<ReturnType<typeof lineageFacts>>;

/** Characters of a document or an observation that are shown. */
const excerpt = 280;

const oneLine = (text: string, chars: number): string => clip(text.replaceAll(/\s+/g, ' ').trim(), chars);

export async function lineageFacts(thing: Extract<Thing, { kind: 'example' }>) {
  const { store, record, plan, judged } = thing;
  const lineages = await openLineages(store, record.run, plan);
  const { example, document, task, steps, prompts, votes, row } = await lineages.of(judged.example);
  const { ref, instruction, style, window, head, environment } = example;
  const committee = committeeOf(plan);
  const summary = await runSummary(store, record.run);
  return {
    run: record.run,
    ...{ example: ref, instruction, style, window, environment, head, document, task },
    steps: steps.flatMap(({ ref: stored, step, changed, inExample }) =>
      step.action === null
        ? []
        : [
            {
              ref: stored,
              index: step.index,
              action: describeAction(step.action),
              reason: step.reason,
              changed,
              ...(step.error === undefined ? {} : { error: step.error.message }),
              inWindow: inExample,
            },
          ],
    ),
    prompts: await Promise.all(prompts.map(async (prompt) => ({ ...prompt, own: await isOwn(prompt, plan) }))),
    rule: committee?.accept ?? null,
    votes,
    absent: judged.absent ?? [],
    counted:
      committee === undefined
        ? null
        : verdict(
            votes.map((vote) => ballotOf(vote, committee)),
            committee.accept,
            committee.members,
          ),
    kept: judged.kept,
    reason: judged.reason,
    row: row === null ? null : { line: lineages.kept.indexOf(ref) + 1, id: row.id, split: row.split },
    folder: summary?.dataset?.folder ?? null,
  };
}

/** Whether the text of a prompt is another than the shipped one; a member's own prompt has no shipped one. */
async function isOwn({ name }: { name: string }, plan: Plan): Promise<boolean> {
  const shipped = promptNames.find((each) => each === name);
  return shipped === undefined || plan.prompts[name] !== (await shippedPrompt(shipped)).text;
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
