/**
 * The calls of a run as they are made: written down before each is paid for and closed after it, so that what a killed worker had under way
 * is known. One page for each worker process and run, which nobody else writes.
 */
import { randomUUID } from 'node:crypto';
import { charge, count } from '../core/usage.ts';
import type { Usage } from '../schemas/common.ts';
import type { CallLedger, CallPage, OpenCall } from '../schemas/ledger.ts';
import { findPage, getJson, writePage } from '../store/json.ts';
import type { Store } from '../store/store.ts';

/** What became of a call: its usage, or that nobody knows whether it was charged, or that it was not. */
export type CallEnd = Usage | 'lost' | 'free';

export interface Ledger {
  /** Resolves when the call stands in the store. Gives its id, and what closes it; closing never throws. */
  begin(run: string, call: Omit<OpenCall, 'id'>): Promise<{ id: string; end(how: CallEnd): Promise<void> }>;
}

const folderOf = (run: string): string => `runs/${run}/calls/`;

/** @param process name of this process, which no other has or had */
export function openLedger(store: Store, process: string): Ledger {
  const books = new Map<string, { page: CallPage; save: () => Promise<void> }>();
  const bookOf = (run: string): { page: CallPage; save: () => Promise<void> } => {
    const known = books.get(run);
    if (known !== undefined) return known;
    const page: CallPage = { paid: {}, lost: {}, open: [] };
    const book = { page, save: together(() => writePage(store, `${folderOf(run)}${process}.json`, page)) };
    books.set(run, book);
    return book;
  };
  return {
    begin: async (run, call) => {
      const { page, save } = bookOf(run);
      const open: OpenCall = { id: randomUUID(), ...call };
      const close = (how: CallEnd): void => {
        page.open.splice(page.open.indexOf(open), 1);
        if (how === 'lost') count(page.lost, call.account);
        else if (how !== 'free') charge(page.paid, call.account, how);
      };
      page.open.push(open);
      try {
        await save();
      } catch (error) {
        close('free');
        throw error;
      }
      return {
        id: open.id,
        end: async (how) => {
          close(how);
          // What cannot be written now is written with the next call; a reply that was paid for is not lost over it.
          await save().catch(() => undefined);
        },
      };
    },
  };
}

/** Saves for many at once: whoever calls while a write is under way shares the next one. */
function together(write: () => Promise<void>): () => Promise<void> {
  let now: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    next = undefined;
    const mine = write().finally(() => {
      if (now === mine) now = undefined;
    });
    now = mine;
    return mine;
  };
  return () => {
    if (now === undefined) return begin();
    next ??= now.catch(() => undefined).then(begin);
    return next;
  };
}

/** The calls of a run. One that was never closed is settled by what is in the store; @param over true when the run has ended */
export async function readLedger(store: Store, run: string, over: boolean, now: number): Promise<CallLedger> {
  const ledger: CallLedger = { paid: {}, lost: {}, inFlight: 0 };
  for (const path of await store.list(folderOf(run))) {
    const page = await findPage<CallPage>(store, path);
    for (const [account, usage] of Object.entries(page?.paid ?? {})) charge(ledger.paid, account, usage);
    for (const [account, number] of Object.entries(page?.lost ?? {})) count(ledger.lost, account, number);
    for (const call of page?.open ?? []) {
      const reply = await store.memo(call.key);
      const kept =
        reply === undefined ? undefined : await getJson<{ call?: string; reply: { usage: Usage } }>(store, reply);
      // Stored by this very call: only its closing was not.
      if (kept?.call === call.id) charge(ledger.paid, call.account, kept.reply.usage);
      else if (kept !== undefined || over || now > call.until) count(ledger.lost, call.account);
      else ledger.inFlight += 1;
    }
  }
  return ledger;
}
