/** `lbi run`: checks the pipeline, keeps its plan, starts what is missing, starts the run and shows it. */
import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { LbiError } from '../core/errors.ts';
import type { PipelineInput, Progress } from '../schemas/flow.ts';
import type { Plan } from '../schemas/plan.ts';
import { searchAttributes } from '../schemas/search-attributes.ts';
import { putJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/stores.ts';
import { temporal } from '../temporal.config.ts';
import { watch } from './attach.ts';
import { type Place, withClient, workflowPage } from './connection.ts';
import { homeFolder, program, storeUrl, treeOf } from './home.ts';
import { askPerson, consent } from './plan/consent.ts';
import type { Outlook } from './plan/outlook.ts';
import { priceSource } from './plan/price.ts';
import { lookAhead } from './plan.ts';
import { planFile } from './plans.ts';
import { projectOf, queueOf } from './project.ts';
import { reportLines } from './report.ts';
import { newRunId, type RunRecord, saveRun } from './runs.ts';
import { withAttributes } from './server/attributes.ts';
import { up } from './supervise.ts';

export interface RunOptions {
  profile?: string;
  set?: string[];
  input?: string[];
  detach?: boolean;
  json?: boolean;
  /** spend without asking */
  yes?: boolean;
}

const keys = {
  run: defineSearchAttributeKey(searchAttributes.run, 'KEYWORD'),
  pipeline: defineSearchAttributeKey(searchAttributes.pipeline, 'KEYWORD'),
};

/** Exit codes: 0 done, 1 failed, 2 may not spend, 3 invalid pipeline, 4 left or cancelled, 5 done but not as `expect:` says, 6 something of the surroundings is missing. */
export async function runCommand(file: string, options: RunOptions): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const plan = await planFile(file, options);
  if (plan === undefined) return 3;
  const refused = await agreed(plan, options);
  if (refused !== undefined) return refused;
  const home = homeFolder();
  const store = await openStore(storeUrl());
  await up(home, say);
  return withClient(home, async (client, place) => {
    const record = await startRun(client, store, plan, { file });
    announce(record, place, options);
    if (options.detach === true) return 0;
    const watched = await watch(client, store, record, { json: options.json === true });
    return conclude(record, watched, options, say);
  });
}

/** The exit code when the run may not spend what it would; undefined when it may. */
export async function agreed(
  plan: Plan,
  options: { json?: boolean; yes?: boolean; unreckoned?: boolean },
): Promise<number | undefined> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const outlook = options.unreckoned === true ? undefined : await preview(plan, say);
  const answer = await consent(plan, outlook, {
    yes: options.yes === true,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    say: options.json === true ? quietly(say) : say,
    ask: askPerson,
  });
  return answer === 'go' ? undefined : answer === 'declined' ? 4 : 2;
}

interface Start extends Pick<PipelineInput, 'retry'> {
  /** the pipeline file, as typed */
  file: string;
  /** the run whose failures are taken up again */
  retries?: string;
}

/** Keeps the plan and the run's record, then starts its workflow. */
export async function startRun(client: Client, store: Store, plan: Plan, how: Start): Promise<RunRecord> {
  const { retry, ...told } = how;
  const run = newRunId();
  const record: RunRecord = {
    run,
    pipeline: plan.spec.name,
    plan: await putJson(store, plan),
    ...told,
    workflowId: `${plan.spec.name}/${run}`,
    createdAt: new Date().toISOString(),
  };
  await saveRun(store, record);
  await start(client, record, queueOf(await projectOf(store)), retry);
  return record;
}

/** What the run will do, before anything is started; undefined when that cannot be said. Throws what is wrong with the file. */
async function preview(plan: Plan, say: (line: string) => void): Promise<Outlook | undefined> {
  // What costs money is worth counting exactly: packages with documents are then installed now instead of in a moment.
  const fetch = Object.values(plan.spec.models).some((spec) => priceSource(spec) !== 'free');
  try {
    return await lookAhead(plan, { fetch });
  } catch (error) {
    if (error instanceof LbiError && error.kind === 'spec') throw error;
    say(`what the run will do could not be reckoned: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** For machines: refusals alone. */
const quietly =
  (say: (line: string) => void) =>
  (line: string): void => {
    if (line.startsWith('error:')) say(line);
  };

async function start(
  client: Client,
  record: RunRecord,
  taskQueue: string,
  retry: PipelineInput['retry'],
): Promise<void> {
  const input: PipelineInput = {
    pipeline: record.pipeline,
    run: record.run,
    plan: record.plan,
    tree: treeOf(homeFolder()),
    probe: temporal.probe,
    ...(retry === undefined ? {} : { retry }),
  };
  const begin = (typedSearchAttributes: SearchAttributePair[]): Promise<unknown> =>
    client.workflow.start('pipeline', {
      taskQueue,
      workflowId: record.workflowId,
      args: [input],
      memo: { plan: record.plan },
      staticSummary: `${record.pipeline}: documents to dataset`,
      staticDetails: commandsFor(record),
      ...(typedSearchAttributes.length === 0 ? {} : { typedSearchAttributes }),
    });
  const attributes = [
    { key: keys.run, value: record.run },
    { key: keys.pipeline, value: record.pipeline },
  ];
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  await withAttributes(
    client,
    () => begin(attributes),
    () => begin([]),
    say,
  );
}

/** For whoever finds the run in the Temporal UI: where it came from, and what to type. */
const commandsFor = ({ run, file }: RunRecord): string =>
  [
    `pipeline file \`${file}\``,
    '',
    ...[
      ['watch', `attach ${run}`],
      ['pause, go on', `pause ${run}`, `resume ${run}`],
      ['what failed, again', `failures ${run}`, `retry ${run}`],
      ['stop, keep what is done', `cancel ${run}`],
      ['what it made', `show ${run} --examples`],
    ].map(([what, ...commands]) => `- ${what}: ${commands.map((command) => `\`${program} ${command}\``).join(', ')}`),
  ].join('\n');

function announce(record: RunRecord, place: Place, options: RunOptions): void {
  const page = workflowPage(place, record.workflowId);
  if (options.json === true) {
    process.stdout.write(
      `${JSON.stringify({ type: 'launch', run: record.run, workflowId: record.workflowId, ui: page })}\n`,
    );
    return;
  }
  process.stderr.write(
    `run ${record.run} of ${record.pipeline} started\n${page === null ? '' : `Temporal UI  ${page}\n`}\n`,
  );
}

/** Says how it ended and what to do next. */
export function conclude(
  record: RunRecord,
  watched: Awaited<ReturnType<typeof watch>>,
  options: { json?: boolean },
  say: (line: string) => void,
): number {
  const { status, progress, failure } = watched;
  const unexpected = progress?.dataset?.unexpected ?? [];
  const done = unexpected.length > 0 ? 5 : 0;
  const exit = { COMPLETED: done, CANCELLED: 4, detached: 4, FAILED: 1, TERMINATED: 1, TIMED_OUT: 1 }[status];
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ type: 'done', run: record.run, status, failure, progress, exit })}\n`);
    return exit;
  }
  if (status === 'detached') {
    say(
      `\nleft; the run goes on in the background\n  come back   ${program} attach ${record.run}\n  look        ${program} show ${record.run}\n  stop it     ${program} cancel ${record.run}`,
    );
    return exit;
  }
  if (progress !== undefined && (failure === undefined || progress.funnel.documents > 0))
    process.stdout.write(`${reportLines(record, progress).join('\n')}\n`);
  if (failure !== undefined)
    say(
      `\nthe run failed: ${failure}\n  look   ${program} ui ${record.run}\n  again  ${program} run ${record.file}   (what is finished is not done again)`,
    );
  else for (const line of nextCommands(record, progress)) say(line);
  return exit;
}

const nextCommands = ({ run }: RunRecord, progress: Progress | undefined): string[] => [
  '',
  ...(Object.keys(progress?.funnel.failures ?? {}).length === 0
    ? []
    : [`failed      ${program} failures ${run} says why, ${program} retry ${run} takes them up again`]),
  ...(progress?.dataset?.folder == null ? [] : [`dataset     ${progress.dataset.folder}`]),
  ...(progress?.dataset?.own ?? []).map(({ name, folder }) => `${name.padEnd(11)} ${folder}`),
  ...(progress?.dataset?.kept === 0
    ? [`dropped     ${program} show ${run} --dropped`]
    : [`examples    ${program} show ${run} --examples`]),
  `one of them ${program} show ${run} TASK`,
  `retrieve    ${program} retrieve ${run} "what you want to do"`,
  `history     ${program} ui ${run}`,
];
