/** One browser session: a context of its own in the shared browser, its application, its tabs and its journal. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContext, Page } from 'puppeteer-core';
import { EnvironmentError } from '../../core/errors.ts';
import type { Json } from '../../schemas/common.ts';
import type { Action, ActionDefinition, Observation, StepError } from '../../schemas/observation.ts';
import type { BrowserSpec } from '../../schemas/pipeline/environment.ts';
import { type App, startApp } from '../app.ts';
import type { Evaluation, Session, SessionContext, SessionTask, StepResult } from '../environment.ts';
import { type Journal, openJournal } from '../journal.ts';
import { browserActions, checkAction } from './actions.ts';
import { type BrowserLease, leaseBrowser } from './chromium.ts';
import { deadProxy, originPattern, readEgress } from './egress.ts';
import { ActionFailed } from './element.ts';
import { createObserver, type Observer } from './observe.ts';
import { perform, type Stage } from './perform.ts';
import { Refs } from './refs.ts';
import { AFTER, mark, type Patience, settle } from './settle.ts';
import { DialogOpened, Tabs } from './tabs.ts';

const VIEWPORT = { width: 1280, height: 800 };
const MAX_CHARS = 6000;
const STEP_TIMEOUT = 30;
/** Milliseconds a page has to answer when it is looked at. */
const LEAST_PATIENCE = 2000;
const MOST_PATIENCE = 15_000;

/** The live part of a session: made by `reset`, ended by the next `reset` or `close`. */
interface Place {
  app: App | undefined;
  lease: BrowserLease;
  context: BrowserContext;
  stage: Stage;
  observer: Observer;
}

/** What a place that is built on the browser does otherwise. Expressions are JavaScript, evaluated in the current page. */
export interface Hooks {
  /** In place of `app` of the spec: what serves the pages. */
  app(): Promise<App>;
  /** The goal that the page itself sets, once it has begun. */
  goal: string;
  /** True when the page takes no more actions. */
  ended: string;
  /** Actions that make no sense there. */
  without: string[];
}

/** Opens nothing yet: `reset` starts the application and the browser context. */
export const openSession = async (spec: BrowserSpec, context: SessionContext, hooks?: Hooks): Promise<Session> => {
  const session = new BrowserSession(spec, context, await openJournal(context.workdir), hooks);
  context.signal.addEventListener('abort', () => void session.close(), { once: true });
  return session;
};

class BrowserSession implements Session {
  readonly actions: ActionDefinition[];
  /** There only when the pipeline says how to verify. */
  readonly evaluate?: () => Promise<Evaluation>;
  /** There only when the page sets one. */
  readonly goal?: () => Promise<string>;
  readonly #hooks: Hooks | undefined;
  readonly #spec: BrowserSpec;
  readonly #context: SessionContext;
  readonly #journal: Journal;
  #place: Place | undefined;
  #closing: Promise<void> | undefined;
  /** What has to be undone, newest last. */
  #undo: (() => Promise<unknown>)[] = [];

  constructor(spec: BrowserSpec, context: SessionContext, journal: Journal, hooks: Hooks | undefined) {
    this.#spec = spec;
    this.#context = context;
    this.#journal = journal;
    this.#hooks = hooks;
    this.actions = browserActions.filter(({ name }) => !hooks?.without.includes(name));
    if (hooks !== undefined) this.goal = async () => String(await this.#ask(this.#open(), hooks.goal));
    const { verify } = spec;
    if (verify === undefined) return;
    this.evaluate = async () => {
      const place = this.#open();
      return this.#living(place, this.#verify(place, verify));
    };
  }

  #open(): Place {
    if (this.#place === undefined)
      throw new EnvironmentError('session-lost', 'The session has no page: reset it first.');
    return this.#place;
  }

  async reset(task: SessionTask): Promise<Observation> {
    if (this.#closing !== undefined) throw new EnvironmentError('session-lost', 'The session is closed.');
    await this.#stop();
    await this.#journal.clear();
    try {
      this.#place = await this.#start(task);
      return await this.#living(this.#place, this.#first(this.#place, task));
    } catch (error) {
      await this.#stop();
      throw error;
    }
  }

  step(action: Action, index: number): Promise<StepResult> {
    return this.#journal.once(index, action as unknown as Json, async () => {
      const place = this.#open();
      return this.#living(place, this.#act(place, action));
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #start(task: SessionTask): Promise<Place> {
    const app = await (this.#hooks?.app() ?? (this.#spec.app && startApp(this.#spec.app, this.#context)));
    if (app !== undefined) this.#undo.push(() => app.stop());
    const first = firstPage(this.#spec, app, task);
    const allow = this.#spec.allow?.map((pattern) => app?.fill(pattern) ?? pattern) ?? [originPattern(first)];
    const egress = readEgress(allow);
    if (!egress.allows(first))
      throw new EnvironmentError(
        'spec',
        `The first page ${first} is not among what \`allow\` lets through: ${allow.join(', ')}.`,
      );
    const lease = await leaseBrowser(egress);
    this.#undo.push(() => lease.release());
    const downloads = join(this.#context.workdir, 'downloads');
    await mkdir(downloads, { recursive: true });
    const context = await lease.browser.createBrowserContext({
      proxyServer: deadProxy.url,
      proxyBypassList: egress.bypass,
      downloadBehavior: { policy: 'allow', downloadPath: downloads },
    });
    this.#undo.push(() => context.close());
    const tabs = new Tabs(context, this.#spec.viewport ?? VIEWPORT);
    const refs = new Refs();
    const { max_chars = MAX_CHARS, screenshot = false } = this.#spec.observation ?? {};
    const observer = createObserver({
      tabs,
      refs,
      put: this.#context.put,
      downloads,
      maxChars: max_chars,
      screenshot,
      address: this.#hooks === undefined,
      stable: (text) =>
        app === undefined ? text : text.replaceAll(`127.0.0.1:${app.port}`, 'app').replaceAll(app.dir, '/app'),
    });
    return { app, lease, context, stage: { tabs, refs, egress, timeout: this.#timeout() }, observer };
  }

  async #first(place: Place, task: SessionTask): Promise<Observation> {
    const { tabs } = place.stage;
    const { page } = await tabs.open();
    const address = firstPage(this.#spec, place.app, task);
    try {
      await tabs.guard(page.goto(address, { waitUntil: 'load', timeout: this.#timeout() }));
      const script = setupOf(task).script;
      if (script !== undefined) await tabs.guard(evaluateSetup(page, script, task.seed));
    } catch (cause) {
      if (cause instanceof DialogOpened) return place.observer.observe('quiet', LEAST_PATIENCE);
      if (cause instanceof EnvironmentError) throw cause;
      const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
      throw new EnvironmentError('transient', `The first page ${address} could not be opened: ${reason}.`, { cause });
    }
    return this.#look(place, AFTER.navigation, performance.now() + this.#timeout());
  }

  async #act(place: Place, action: Action): Promise<StepResult> {
    const deadline = performance.now() + this.#timeout();
    const checked = checkAction(action, this.actions);
    if ('error' in checked)
      return { observation: await this.#look(place, AFTER.scroll, deadline), error: checked.error };
    const from = mark(place.stage.tabs);
    let patience: Patience = AFTER.pointer;
    let error: StepError | undefined;
    try {
      patience = await withDeadline(perform(place.stage, checked.action), this.#timeout());
    } catch (cause) {
      if (!place.lease.alive() || cause instanceof EnvironmentError) throw cause;
      if (!(cause instanceof DialogOpened)) error = errorOf(cause);
    }
    const observation = await this.#look(place, patience, deadline, from);
    return error === undefined ? { observation } : { observation, error };
  }

  #ask(place: Place, expression: string): Promise<unknown> {
    const { tabs } = place.stage;
    return withDeadline(tabs.guard(tabs.current().page.evaluate(expression)), this.#timeout());
  }

  async #verify(place: Place, expression: string): Promise<Evaluation> {
    try {
      return evaluationOf(await this.#ask(place, expression));
    } catch (cause) {
      if (!place.lease.alive() || cause instanceof EnvironmentError) throw cause;
      const reason =
        cause instanceof DialogOpened ? 'a dialog is open, and the page answers nothing' : errorOf(cause).message;
      throw new EnvironmentError('fatal', `The verify expression failed: ${reason}`, { cause });
    }
  }

  async #look(place: Place, patience: Patience, deadline: number, from = mark(place.stage.tabs)): Promise<Observation> {
    const settled = await settle(place.stage.tabs, from, patience, deadline).catch((error: unknown) => {
      if (error instanceof DialogOpened) return 'quiet' as const;
      throw error;
    });
    const left = Math.min(MOST_PATIENCE, Math.max(LEAST_PATIENCE, deadline - performance.now()));
    const observation = await place.observer.observe(settled, left);
    return (await this.#ended(place)) ? { ...observation, ended: true } : observation;
  }

  /** A page that is busy or has a dialog has not said so. */
  async #ended(place: Place): Promise<boolean> {
    const ended = this.#hooks?.ended;
    return ended !== undefined && (await this.#ask(place, ended).catch(() => false)) === true;
  }

  /** The work, or `session-lost` as soon as the browser, the page or the application has gone: what a page says of a dead server is no observation. */
  async #living<T>(place: Place, work: Promise<T>): Promise<T> {
    const { app, lease, stage } = place;
    work.catch(() => undefined);
    try {
      const done = await Promise.race([work, lease.lost, stage.tabs.crashed, ...(app === undefined ? [] : [app.lost])]);
      return app === undefined || app.alive() ? done : await app.lost;
    } catch (cause) {
      if (cause instanceof EnvironmentError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EnvironmentError('session-lost', `The browser session broke: ${reason}`, { cause });
    }
  }

  #timeout(): number {
    return (this.#spec.step_timeout ?? STEP_TIMEOUT) * 1000;
  }

  async #stop(): Promise<void> {
    this.#place = undefined;
    const undo = this.#undo.reverse();
    this.#undo = [];
    for (const work of undo) await work().catch(() => undefined);
    for (const part of ['app', 'downloads'])
      await rm(join(this.#context.workdir, part), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** What a task may bring: another first page, and a script run in it with `seed` set. */
const setupOf = (task: SessionTask): { url?: string; script?: string } => {
  const { setup } = task;
  if (setup === undefined || setup === null || typeof setup !== 'object' || Array.isArray(setup)) return {};
  const { url, script } = setup;
  return {
    ...(typeof url === 'string' ? { url } : {}),
    ...(typeof script === 'string' ? { script } : {}),
  };
};

const evaluateSetup = async (page: Page, script: string, seed: number): Promise<void> => {
  await page.evaluate(`((seed) => { ${script} })(${JSON.stringify(seed)})`);
};

const firstPage = (spec: BrowserSpec, app: App | undefined, task: SessionTask): string => {
  const url = spec.url === undefined ? '/' : (app?.fill(spec.url) ?? spec.url);
  const start = URL.parse(url, app?.origin);
  if (start === null || !/^https?:$/.test(start.protocol))
    throw new EnvironmentError(
      'spec',
      `url: "${spec.url ?? ''}" is not the address of a first page. Expected a full http address, or \`app:\` and a path on it.`,
    );
  const wanted = setupOf(task).url;
  return wanted === undefined ? start.href : new URL(wanted, start).href;
};

const evaluationOf = (value: unknown): Evaluation => {
  if (typeof value === 'boolean') return { score: value ? 1 : 0, detail: `the expression gave ${value}` };
  if (typeof value === 'number') return { score: value, detail: `the expression gave ${value}` };
  const given = JSON.stringify(value)?.slice(0, 60) ?? 'nothing';
  throw new EnvironmentError(
    'fatal',
    `The verify expression gave ${given}; expected true, false, or a number from 0 to 1.`,
  );
};

const withDeadline = async <T>(work: Promise<T>, milliseconds: number): Promise<T> => {
  work.catch(() => undefined);
  const timer = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: timer.signal, ref: false }).then(() => {
    throw new ActionFailed(`The action took longer than ${milliseconds / 1000} s (step_timeout).`, 'timeout');
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    timer.abort();
  }
};

const errorOf = (cause: unknown): StepError => {
  if (cause instanceof ActionFailed) return { class: cause.class, message: cause.message };
  const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
  const late = cause instanceof Error && cause.name === 'TimeoutError';
  return { class: late ? 'timeout' : 'failed', message };
};
