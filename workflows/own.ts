/** The stages of the user's own, at their places between ours. A pipeline without any schedules nothing here. */
import { charge, count } from '../core/usage.ts';
import type { Ref, Usage } from '../schemas/common.ts';
import type { DatasetSummary, DocumentEntry, Flow, OwnCall, TransformInput, TransformResult } from '../schemas/flow.ts';
import { call, inTree } from './call.ts';
import type { Gate } from './gate.ts';

/** Where counts and costs go: of a run, or of an episode. */
export interface OwnBooks {
  dropped: Record<string, number>;
  usage: Record<string, Usage>;
}

type Given = TransformInput extends infer T ? (T extends unknown ? Omit<T, 'plan' | 'run' | 'stage'> : never) : never;

async function through(
  flow: Flow,
  own: OwnCall,
  gate: Gate,
  books: OwnBooks,
  { given, what, priority, hours }: { given: Given; what: string; priority: number; hours?: number },
): Promise<TransformResult> {
  const work = call('transform', {
    summary: `${own.name}: ${what}`,
    seconds: hours === undefined ? own.seconds + 30 : hours * 3600,
    heartbeat: flow.timing.heartbeatSeconds,
    priority,
    ...(own.queue === null ? inTree(flow) : { queue: own.queue }),
  });
  const input = { plan: flow.plan, run: flow.run, stage: own.stage, ...given } as TransformInput;
  const result = await gate.pass(() => work(input));
  for (const [account, used] of Object.entries(result.usage)) charge(books.usage, account, used);
  for (const [reason, number] of Object.entries(result.dropped)) count(books.dropped, reason, number);
  return result;
}

const chunks = <T>(items: T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

/** A page of documents after the stages that work on documents. */
export async function passDocuments(
  flow: Flow,
  entries: DocumentEntry[],
  gate: Gate,
  books: OwnBooks,
): Promise<DocumentEntry[]> {
  let passed = entries;
  for (const own of flow.own?.documents ?? []) {
    const results = await Promise.all(
      chunks(passed, own.batch).map((documents) =>
        through(flow, own, gate, books, { given: { documents }, what: `${documents.length} documents`, priority: 4 }),
      ),
    );
    passed = results.flatMap(({ documents }) => documents ?? []);
  }
  return passed;
}

/** The tasks of a document after the stages that work on tasks. */
export async function passTasks(
  flow: Flow,
  document: DocumentEntry,
  { tasks, count: given }: { tasks: Ref | null; count: number },
  gate: Gate,
  books: OwnBooks,
): Promise<{ tasks: Ref | null; count: number }> {
  let passed = { tasks, count: given };
  for (const own of flow.own?.tasks ?? []) {
    if (passed.tasks === null) break;
    const result = await through(flow, own, gate, books, {
      given: { tasks: passed.tasks, document },
      what: `${passed.count} tasks of "${document.title}"`,
      priority: 4,
    });
    passed = { tasks: result.tasks?.ref ?? null, count: result.tasks?.count ?? 0 };
  }
  return passed;
}

/** Whether a trajectory is passed on by the stages that work on trajectories. */
export async function passTrajectory(
  flow: Flow,
  trajectory: Extract<Given, { trajectory: unknown }>['trajectory'],
  gate: Gate,
  books: OwnBooks,
): Promise<boolean> {
  for (const own of flow.own?.trajectories ?? []) {
    const { trajectory: passed } = await through(flow, own, gate, books, {
      given: { trajectory },
      what: `the trajectory (${trajectory.outcome})`,
      priority: 2,
    });
    if (passed !== true) return false;
  }
  return true;
}

export const hasOwnExamples = (flow: Flow): boolean => (flow.own?.examples ?? []).length > 0;

/** What stands in place of each example after the stages that work on examples; it is missing where it was left out. */
export async function passExamples(flow: Flow, examples: Ref[], gate: Gate, books: OwnBooks): Promise<Map<Ref, Ref>> {
  let passed = new Map(examples.map((ref) => [ref, ref]));
  for (const own of flow.own?.examples ?? []) {
    const before = [...passed];
    const results = await Promise.all(
      chunks(before, own.batch).map((part) =>
        through(flow, own, gate, books, {
          given: { examples: part.map(([, now]) => now) },
          what: `${part.length} examples`,
          priority: 2,
        }),
      ),
    );
    const now = results.flatMap(({ examples: refs }) => refs ?? []);
    passed = new Map(before.flatMap(([first], index) => (now[index] == null ? [] : [[first, now[index]] as const])));
  }
  return passed;
}

/** What was kept, after the stages that work on it. */
export async function passKept(
  flow: Flow,
  summary: DatasetSummary,
  gate: Gate,
  books: OwnBooks,
): Promise<DatasetSummary> {
  let passed = summary;
  for (const own of flow.own?.kept ?? []) {
    if (passed.kept === 0) break;
    const { rows } = await through(
      flow,
      own,
      gate,
      { ...books, dropped: passed.dropped },
      {
        given: { rows: passed.rows },
        what: `${passed.kept} kept examples`,
        priority: 1,
        hours: 12,
      },
    );
    if (rows !== undefined) passed = { ...passed, rows: rows.ref, kept: rows.kept, train: rows.train, test: rows.test };
  }
  return passed;
}

/** The exports of the user's own. */
export async function writeOwn(
  flow: Flow,
  summary: DatasetSummary,
  gate: Gate,
  books: OwnBooks,
): Promise<DatasetSummary> {
  const own: NonNullable<DatasetSummary['own']> = [];
  for (const stage of flow.own?.files ?? []) {
    const { files } = await through(flow, stage, gate, books, {
      given: { rows: summary.rows },
      what: `${summary.kept} kept examples`,
      priority: 1,
    });
    if (files !== undefined) own.push({ name: stage.name, ...files });
  }
  return own.length === 0 ? summary : { ...summary, own };
}
