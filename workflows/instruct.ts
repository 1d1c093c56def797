/** The lane that invents tasks: documents in order, their task lists asked for a little ahead, duplicates turned away. */
import { condition, isCancellation, patched } from '@temporalio/workflow';
import { stageCapReached } from '../core/budget.ts';
import { failureClass } from '../core/failure-class.ts';
import { charge } from '../core/usage.ts';
import type { DocumentEntry, InstructResult } from '../schemas/flow.ts';
import { call, failureKind, failureMessage, modelCall } from './call.ts';
import { runCapReached, tooManyFailed } from './episodes.ts';
import { passDocuments, passTasks } from './own.ts';
import {
  isOver,
  isPaused,
  noteDocument,
  noteFailures,
  type RunState,
  say,
  tallyEntry,
  watchHistory,
} from './run-state.ts';

/** Tasks that wait beyond those that could begin at once: each is carried along when the run continues as new. */
const mostWaiting = 100;

interface Asked {
  document: DocumentEntry;
  /** where the run goes on after it; null for one that is asked again out of its order */
  next: { page: number; index: number } | null;
  reply: Promise<InstructResult>;
}

/** Runs until every document has given its tasks and nothing failed is to be asked again, or the run is to continue as new. */
export async function admitTasks(state: RunState): Promise<void> {
  const { carried } = state;
  const { flow } = carried;
  const asked: Asked[] = [];
  const documents = documentsFrom(state);
  let exhausted = false;
  const ahead = flow.local === true ? Math.min(flow.concurrency, mostWaiting) : flow.concurrency;
  const room = (): boolean => carried.waiting.length < flow.concurrency + ahead || state.continuing;
  try {
    for (;;) {
      while (asked.length < flow.ahead && !state.continuing && !isPaused(state) && spentUp(state) === undefined) {
        const again = carried.documentsAgain?.shift();
        if (again !== undefined) {
          asked.push(ask(state, again, null));
          continue;
        }
        if (exhausted) break;
        const next = await documents.next();
        if (next.done === true) exhausted = true;
        else asked.push(ask(state, next.value.document, next.value.next));
      }
      const reached = spentUp(state);
      const left = !exhausted || (carried.documentsAgain ?? []).length > 0;
      if (asked.length === 0 && left && !state.continuing && reached !== undefined) {
        await state.gate.hold(reached, () => state.continuing || state.broken !== undefined || !full(state));
        if (state.broken !== undefined) break;
        continue;
      }
      const first = asked.shift();
      // What was asked ahead is admitted before the run continues as new: it has been paid for.
      if (first === undefined) {
        if (state.continuing) break;
        state.admitted = exhausted;
        const more = (): boolean => !isPaused(state) && (!exhausted || (carried.documentsAgain ?? []).length > 0);
        await condition(() => state.continuing || isOver(state) || more());
        if (!more()) break;
        state.admitted = false;
        continue;
      }
      await admit(state, first);
      await condition(room);
      watchHistory(state);
    }
  } finally {
    await Promise.allSettled(asked.map(({ reply }) => reply));
  }
  state.admitted = exhausted;
}

/** Why no further document may be asked for: the stage, or the run, has spent what it may. */
const full = (state: RunState): string | undefined => {
  const { flow, usage } = state.carried;
  return stageCapReached(flow, usage, ['instruct'], flow.run) ?? runCapReached(state);
};

/** Runs of an earlier version asked on. */
const spentUp = (state: RunState): string | undefined => {
  const reached = full(state);
  return reached !== undefined && patched('caps-hold-documents') ? reached : undefined;
};

async function* documentsFrom(
  state: RunState,
): AsyncGenerator<{ document: DocumentEntry; next: { page: number; index: number } }> {
  const { flow, pages, cursor } = state.carried;
  for (let { page, index } = { ...cursor }; page < pages; page += 1, index = 0) {
    const read = call('page', { summary: `documents, page ${page + 1} of ${pages}` });
    const found = await state.gate.pass(() => read({ run: flow.run, page }));
    const entries = flow.own === undefined ? found : await passPage(state, found, page);
    for (; index < entries.length; index += 1) {
      const document = entries[index];
      const last = index + 1 === entries.length;
      if (document !== undefined)
        yield { document, next: last ? { page: page + 1, index: 0 } : { page, index: index + 1 } };
    }
  }
}

/** A page after own stages. Its documents are counted anew once, however often the page is read after continue-as-new. */
async function passPage(state: RunState, read: DocumentEntry[], page: number): Promise<DocumentEntry[]> {
  const { carried, gate } = state;
  const counted = page < (carried.passedPages ?? 0);
  const books = counted ? { dropped: {}, usage: {} } : { dropped: carried.funnel.dropped, usage: carried.usage };
  const entries = await passDocuments(carried.flow, read, gate, books);
  if (!counted) {
    carried.funnel.documentsTotal += entries.length - read.length;
    carried.passedPages = page + 1;
  }
  return entries;
}

function ask(state: RunState, document: DocumentEntry, next: Asked['next']): Asked {
  const { flow } = state.carried;
  const again = next === null || (state.retry !== undefined && [null, 'model'].includes(state.retry.class));
  const reply = state.gate.pass(() =>
    call(
      'instruct',
      modelCall(flow, 'instruct', flow.queues.instruct, `tasks from "${document.title}"`),
    )({ plan: flow.plan, document, ...(again ? { again: true } : {}) }),
  );
  // Awaited in order later; a failure before that must not count as unhandled.
  reply.catch(() => undefined);
  return { document, next, reply };
}

/** The reply, or undefined when it failed for good and the pipeline says to go on without it. */
async function replyOf(
  state: RunState,
  document: DocumentEntry,
  reply: Promise<InstructResult>,
): Promise<InstructResult | undefined> {
  const { flow, funnel } = state.carried;
  try {
    return await reply;
  } catch (error) {
    // A run that began under an earlier version has no rule: it fails as it did.
    if (isCancellation(error) || flow.failures === undefined) throw error;
    funnel.documents += 1;
    funnel.documentsFailed = (funnel.documentsFailed ?? 0) + 1;
    // Nothing has worked so far: that is no bad luck of single documents.
    const enough = Math.min(3, funnel.documentsTotal);
    if (funnel.documentsFailed === funnel.documents && funnel.documents >= enough) throw error;
    const [kind, detail] = [failureKind(error) ?? 'unexpected', failureMessage(error)];
    noteDocument(state, { document, class: failureClass(kind) ?? 'infrastructure', kind, detail, at: Date.now() });
    say(state, `${document.title}: no tasks, ${detail}`);
    noteFailures(state, 'instruct', 'documents', funnel.documentsFailed, funnel.documents);
    if (state.broken !== undefined) throw tooManyFailed(state.broken);
    return undefined;
  }
}

async function admit(state: RunState, { document, next, reply }: Asked): Promise<void> {
  const { carried } = state;
  const { flow, funnel } = carried;
  const result = await replyOf(state, document, reply);
  if (result === undefined) {
    carried.cursor = next ?? carried.cursor;
    return;
  }
  charge(carried.usage, flow.accounts.instruct, result.usage);
  if (!result.readable) {
    funnel.unreadable += 1;
    noteDocument(state, { document, class: 'model', kind: 'unreadable', detail: result.detail, at: Date.now() });
  }
  const passed = await passTasks(flow, document, result, state.gate, { dropped: funnel.dropped, usage: carried.usage });
  const admitted = await state.gate.pass(() =>
    call('admit', { summary: `${passed.count} tasks from "${document.title}"` })({
      plan: flow.plan,
      run: flow.run,
      batch: carried.batch,
      document,
      tasks: passed.tasks,
      ...(state.retry === undefined ? {} : { retry: state.retry }),
    }),
  );
  carried.batch += 1;
  carried.cursor = next ?? carried.cursor;
  funnel.documents += 1;
  funnel.tasks += admitted.fresh.length + admitted.finished.length;
  funnel.taskDuplicates += admitted.duplicates;
  carried.waiting.push(...admitted.fresh);
  say(state, `${document.title}: ${passed.count} tasks, ${admitted.duplicates} duplicates`);
  for (const entry of admitted.finished) tallyEntry(state, entry);
}
