/** The tabs of one session: which one is current, the dialog that blocks them, and the requests of each. */
import type { BrowserContext, Dialog, Page, Target } from 'puppeteer-core';
import { EnvironmentError } from '../../core/errors.ts';
import { type Traffic, watchTraffic } from './traffic.ts';

export interface Tab {
  page: Page;
  traffic: Traffic;
  /** The alert, confirm or prompt that is open on it. */
  dialog?: Dialog;
  /** Shown while the page cannot be asked. */
  title: string;
}

/** Thrown by `guard` when a dialog opens while something waits for the page. */
export class DialogOpened extends Error {}

/** Tabs beyond this are closed as they open. */
const MOST_TABS = 12;

/**
 * The page of a new tab. One that alerts before its first line blocks its renderer, and with it its opener and puppeteer's own
 * set-up of the page, so that nobody would ever answer: until the page is here, dialogs are dismissed by a session that came first.
 */
async function openPage(target: Target): Promise<Page | null> {
  const early = await target.createCDPSession();
  early.on('Page.javascriptDialogOpening', () => {
    early.send('Page.handleJavaScriptDialog', { accept: false }).catch(() => undefined);
  });
  await early.send('Page.enable');
  try {
    return await target.page();
  } finally {
    early.detach().catch(() => undefined);
  }
}

/** Owns the pages of a browser context from `open` until the context is closed. */
export class Tabs {
  readonly #context: BrowserContext;
  readonly #viewport: { width: number; height: number };
  /** In the order in which they became current; the last is current. */
  #tabs: Tab[] = [];
  #opening = new Set<Promise<void>>();
  #onDialog = new Set<() => void>();
  #crashed: ((error: EnvironmentError) => void) | undefined;
  /** Rejects with `session-lost` when a page crashes; never resolves. */
  readonly crashed: Promise<never>;

  constructor(context: BrowserContext, viewport: { width: number; height: number }) {
    this.#context = context;
    this.#viewport = viewport;
    this.crashed = new Promise<never>((_, reject) => {
      this.#crashed = reject;
    });
    this.crashed.catch(() => undefined);
    context.on('targetcreated', (target) => {
      if (target.type() === 'page') this.#track(openPage(target));
    });
  }

  /** Opens the first tab. */
  async open(): Promise<Tab> {
    const page = await this.#context.newPage();
    await this.opened();
    return this.#tabs.find((tab) => tab.page === page) ?? this.current();
  }

  /** Waits for tabs that are opening now, at most two seconds. */
  async opened(): Promise<void> {
    await Promise.race([Promise.all(this.#opening), new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
  }

  /** The tab with a dialog, else the newest. Throws `session-lost` when none is left. */
  current(): Tab {
    const tab = this.withDialog() ?? this.#tabs.at(-1);
    if (tab === undefined) throw new EnvironmentError('session-lost', 'The page closed its last tab.');
    return tab;
  }

  withDialog(): Tab | undefined {
    return this.#tabs.find((tab) => tab.dialog !== undefined);
  }

  all(): readonly Tab[] {
    return this.#tabs;
  }

  /** Gives what `work` gives; throws `DialogOpened` as soon as a dialog is open, because the page then answers nothing. */
  async guard<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined);
    let wake: () => void = () => undefined;
    const dialog = new Promise<never>((_, reject) => {
      wake = () => reject(new DialogOpened('A dialog is open.'));
      this.#onDialog.add(wake);
      if (this.withDialog() !== undefined) wake();
    });
    try {
      return await Promise.race([work, dialog, this.crashed]);
    } finally {
      this.#onDialog.delete(wake);
    }
  }

  /** Answers the open dialog; false when there is none. */
  async answerDialog(accept: boolean, text: string): Promise<boolean> {
    const tab = this.withDialog();
    const dialog = tab?.dialog;
    if (tab === undefined || dialog === undefined) return false;
    delete tab.dialog;
    await (accept ? dialog.accept(text) : dialog.dismiss());
    return true;
  }

  #track(opening: Promise<Page | null>): void {
    const done = opening
      .then((page) => this.#add(page))
      .catch(() => undefined)
      .finally(() => this.#opening.delete(done));
    this.#opening.add(done);
  }

  async #add(page: Page | null): Promise<void> {
    if (page === null || this.#tabs.some((tab) => tab.page === page)) return;
    if (this.#tabs.length >= MOST_TABS) return page.close();
    const tab: Tab = { page, traffic: watchTraffic(page), title: '' };
    this.#tabs.push(tab);
    page.on('dialog', (dialog) => this.#dialogOpened(tab, dialog));
    page.on('close', () => {
      this.#tabs = this.#tabs.filter((known) => known !== tab);
    });
    page.on('error', (cause) =>
      this.#crashed?.(new EnvironmentError('session-lost', `The page crashed: ${cause.message}`, { cause })),
    );
    await this.guard(page.setViewport(this.#viewport)).catch(() => undefined);
  }

  #dialogOpened(tab: Tab, dialog: Dialog): void {
    if (dialog.type() === 'beforeunload') {
      dialog.accept().catch(() => undefined);
      return;
    }
    tab.dialog = dialog;
    for (const wake of [...this.#onDialog]) wake();
  }
}
