/** Makes the observation of the current tab: header, tree within the budget, elements, state and its hash. */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, JsonObject } from '../../schemas/common.ts';
import type { ElementReference, Observation } from '../../schemas/observation.ts';
import type { SessionContext } from '../environment.ts';
import { fit, seenKey } from './budget.ts';
import { capturePage, type PageCapture } from './capture.ts';
import { clientOf } from './frames.ts';
import { type Line, writeLines } from './lines.ts';
import { head } from './node.ts';
import type { Refs } from './refs.ts';
import type { Settled } from './settle.ts';
import { DialogOpened, type Tab, type Tabs } from './tabs.ts';
import { buildTree, type PageTree } from './tree.ts';

export interface Observer {
  /** `patience`: milliseconds the page has to answer before its running script is stopped. */
  observe(settled: Settled, patience: number): Promise<Observation>;
}

export interface ObserverParts {
  tabs: Tabs;
  refs: Refs;
  put: SessionContext['put'];
  downloads: string;
  maxChars: number;
  screenshot: boolean;
  /** Whether the page's address is told. */
  address: boolean;
  /** What differs between two sessions of the same place: its origin and its folder, replaced before hashing. */
  stable(text: string): string;
}

/** Milliseconds the page has to answer after its script was stopped. */
const LAST_CHANCE = 2000;

export const createObserver = (parts: ObserverParts): Observer => {
  let seen = new Set<string>();
  let seenDocument = '';
  const look = async (settled: Settled, patience: number): Promise<Observation> => {
    const tab = parts.tabs.current();
    if (tab.dialog !== undefined) return observeDialog(parts, tab);
    const capture = await capturePatiently(parts.tabs, tab, patience);
    if (capture === undefined) return observeSilence(parts, tab);
    tab.title = capture.title;
    const tree = buildTree(capture);
    parts.refs.assign(tree.roots);
    const lines = writeLines(tree.roots, (node) => parts.refs.of(node));
    if (capture.main.loader !== seenDocument) seen = new Set();
    const observation = await assemble(parts, { tab, capture, tree, lines, seen, settled });
    seen = new Set(lines.map(seenKey));
    seenDocument = capture.main.loader;
    return observation;
  };
  return {
    observe: async (settled, patience) => {
      try {
        return await look(settled, patience);
      } catch (error) {
        if (error instanceof DialogOpened) return look(settled, patience);
        throw error;
      }
    },
  };
};

interface Seen {
  tab: Tab;
  capture: PageCapture;
  tree: PageTree;
  lines: Line[];
  seen: Set<string>;
  settled: Settled;
}

const assemble = async (parts: ObserverParts, view: Seen): Promise<Observation> => {
  const state = await stateOf(parts, view);
  const header = headerOf(parts, view, state);
  const body = fit(view.lines, view.seen, Math.max(100, parts.maxChars - header.length - 1));
  const everything = view.lines.map((line) => '  '.repeat(line.depth) + line.text).join('\n');
  const full = await parts.put(Buffer.from(`${header}\n${everything}\n`));
  const image = parts.screenshot ? await screenshot(parts, view.tab) : undefined;
  return {
    text: head(`${header}\n${body.text}`, parts.maxChars),
    state,
    stateHash: hash(parts, [
      state.url ?? '',
      state.title ?? '',
      (state.tabs ?? null) as Json,
      (state.downloads ?? null) as Json,
      Math.round((4 * view.capture.scroll.y) / Math.max(1, view.capture.viewport.height)),
      view.lines.map((line) => `${line.depth} ${line.bare.replace(' [focused]', '')}`),
    ]),
    elements: view.lines.flatMap((line, index) => (body.shown.has(index) ? elementOf(line) : [])),
    full,
    ...(image === undefined ? {} : { screenshot: image }),
  };
};

const elementOf = ({ node, ref }: Line): ElementReference[] => {
  if (ref === undefined || node.actions === undefined || node.actions.length === 0) return [];
  const options = node.options === undefined ? {} : { options: node.options };
  return [{ ref, role: node.role, name: node.name, actions: node.actions, ...options }];
};

const stateOf = async (parts: ObserverParts, view: Seen): Promise<JsonObject> => {
  const { scroll, viewport } = view.capture;
  const tabs = parts.tabs.all();
  const downloads = await readdir(parts.downloads).catch(() => []);
  return {
    url: parts.address ? view.capture.url : parts.stable(view.capture.url),
    title: view.capture.title,
    scroll: { x: Math.round(scroll.x), y: Math.round(scroll.y), height: scroll.height, view: viewport.height },
    settled: view.settled,
    ...(tabs.length < 2
      ? {}
      : { tabs: tabs.map((tab) => ({ title: tab.title, url: tab.page.url(), current: tab === view.tab })) }),
    ...(downloads.length === 0 ? {} : { downloads: downloads.sort() }),
    ...(view.tree.unreadable === 0 ? {} : { unreadable: view.tree.unreadable }),
  };
};

const headerOf = (parts: ObserverParts, view: Seen, state: JsonObject): string => {
  const { scroll, viewport } = view.capture;
  const scrolls = scroll.height > viewport.height + 1;
  const place = `Scroll: ${Math.round(scroll.y)} of ${Math.round(scroll.height - viewport.height)} px`;
  const files = state.downloads as string[] | undefined;
  return [
    ...pageLines(parts, view.tab, view.capture.title, view.capture.url),
    ...(scrolls ? [place] : []),
    ...(files === undefined ? [] : [`Downloads: ${files.join(', ')}`]),
    ...(view.capture.url.startsWith('chrome-error:') ? [NOT_OPENED] : []),
  ].join('\n');
};

const NOT_OPENED =
  'This address could not be opened: it does not answer, or is outside of what may be visited. The action "back" leaves it.';

const pageLines = (parts: ObserverParts, current: Tab, title: string, url: string): string[] => {
  const tabs = parts.tabs.all();
  const names = tabs.map((tab, index) => {
    const name = tab === current ? title : tab.title || tab.page.url();
    return `${index + 1} ${JSON.stringify(clip(name, 60))}${tab === current ? ' (current)' : ''}`;
  });
  const list = tabs.length < 2 ? [] : [`Tabs: ${names.join(', ')}`];
  return [`Page: ${clip(title, 200)}`, ...(parts.address ? [`URL: ${clip(url, 500)}`] : []), ...list];
};

const clip = (text: string, most: number): string => {
  const line = text.toWellFormed().replace(/\s+/g, ' ');
  return line.length > most ? `${head(line, most - 1)}…` : line;
};

const observeDialog = (parts: ObserverParts, tab: Tab): Observation => {
  const type = tab.dialog?.type() ?? 'alert';
  const message = tab.dialog?.message() ?? '';
  const value = type === 'prompt' ? (tab.dialog?.defaultValue() ?? '') : undefined;
  const dialog = { type, message, ...(value === undefined ? {} : { value }) };
  const url = tab.page.url();
  const text = [
    ...pageLines(parts, tab, tab.title, url),
    `Dialog: ${type} ${JSON.stringify(clip(message, 1000))}${value ? `, with the text ${JSON.stringify(clip(value, 200))}` : ''}`,
    'The page waits for the dialog: only the action "dialog" is possible now.',
  ].join('\n');
  return {
    text: head(text, parts.maxChars),
    state: { url, title: tab.title, dialog },
    stateHash: hash(parts, [url, dialog]),
    elements: [],
  };
};

/** For a page whose script never returns. */
const observeSilence = (parts: ObserverParts, tab: Tab): Observation => {
  const url = tab.page.url();
  const lines = [...pageLines(parts, tab, tab.title, url), 'The page does not answer: its script is busy.'];
  return {
    text: head(lines.join('\n'), parts.maxChars),
    state: { url, title: tab.title, busy: true },
    stateHash: hash(parts, [url, 'busy']),
    elements: [],
  };
};

/** Undefined when the page does not answer, even after its running script was stopped. */
const capturePatiently = async (tabs: Tabs, tab: Tab, patience: number): Promise<PageCapture | undefined> => {
  const until = performance.now() + patience;
  for (;;) {
    const left = until - performance.now();
    if (left <= 0) return undefined;
    try {
      const found = await tabs.guard(
        Promise.race([capturePage(tab.page), sleep(left, 'late' as const, { ref: false })]),
      );
      if (found !== 'late') return found;
      await wake(tab);
      return await Promise.race([capturePage(tab.page), sleep(LAST_CHANCE, undefined, { ref: false })]);
    } catch (error) {
      if (error instanceof DialogOpened || tab.page.isClosed() || !tab.page.browser().connected) throw error;
      // A navigation replaces frames while they are asked.
      await sleep(50);
    }
  }
};

/** A dialog that opened before anybody listened is dismissed; else the script that runs is stopped. */
const wake = async (tab: Tab): Promise<void> => {
  const client = clientOf(tab.page.mainFrame());
  const dismissed = client.send('Page.handleJavaScriptDialog', { accept: false }).then(
    () => true,
    () => false,
  );
  if (!(await dismissed)) await client.send('Runtime.terminateExecution');
};

const screenshot = async (parts: ObserverParts, tab: Tab): Promise<string | undefined> => {
  const shot = parts.tabs.guard(tab.page.screenshot({ type: 'png', optimizeForSpeed: true }));
  const bytes = await shot.catch(() => undefined);
  return bytes && parts.put(bytes);
};

/** Clocks and "2 minutes ago" move by themselves and are no change. */
const VOLATILE: [RegExp, string][] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?/g, '<time>'],
  [/\b\d{1,2}:\d\d(:\d\d)?(\s?[ap]\.?m\b\.?)?/gi, '<time>'],
  [/\b(a few|an?|\d+)\s+(second|minute|hour)s?\s+ago\b|\bjust now\b/gi, '<ago>'],
];

const hash = (parts: ObserverParts, value: Json): string => {
  const text = VOLATILE.reduce((all, [what, by]) => all.replace(what, by), parts.stable(JSON.stringify(value)));
  return createHash('sha256').update(text).digest('hex');
};
