/** Waits after an action until the page has come to rest: no request under way, nothing moving, no change of the document for a while. */
import { setTimeout as sleep } from 'node:timers/promises';
import { evaluateIn, liveFrames } from './frames.ts';
import type { Tab, Tabs } from './tabs.ts';

/** `cap`: the page never came to rest, and was looked at as it was. */
export type Settled = 'quiet' | 'cap';

export interface Patience {
  /** Milliseconds of rest asked for once the page has answered the action. */
  quiet: number;
  /** Milliseconds given to a page that has shown no answer yet: timers and debounced requests start late. */
  silence: number;
}

export const AFTER: Record<'pointer' | 'keys' | 'scroll' | 'navigation', Patience> = {
  pointer: { quiet: 150, silence: 350 },
  // Every key changes the document, and what it sets off comes after a debounce.
  keys: { quiet: 350, silence: 350 },
  scroll: { quiet: 100, silence: 100 },
  navigation: { quiet: 150, silence: 150 },
};

/** Rest asked for after the answers of requests have arrived. */
const AFTER_ANSWER = 150;
const CAP = 3000;
const CAP_NAVIGATION = 10_000;
/** A request older than this is a long poll. */
const OLD_REQUEST = 2000;
/** Milliseconds: a transition with more than this left is scenery, as is an animation without an end. */
const LONG_ANIMATION = 1500;

/** Taken before the action, so that what it sets off is told from what was there. */
export interface Mark {
  tab: Tab;
  started: number;
}

export const mark = (tabs: Tabs): Mark => {
  const tab = tabs.current();
  return { tab, started: tab.traffic.started() };
};

/**
 * Returns when the current tab rests. Throws `DialogOpened` when a dialog opens meanwhile. `deadline` is a time of
 * `performance.now()`.
 */
export const settle = async (tabs: Tabs, from: Mark, patience: Patience, deadline: number): Promise<Settled> => {
  const start = performance.now();
  // A click's navigation, popup or request is announced a moment after the click itself.
  await tabs.guard(sleep(30));
  let answered = false;
  for (;;) {
    await tabs.guard(tabs.opened());
    const tab = tabs.current();
    const end = Math.min(deadline, start + (tab.traffic.navigating() ? CAP_NAVIGATION : CAP));
    if (performance.now() >= end) return 'cap';
    answered ||= tab !== from.tab || tab.traffic.started() > from.started;
    if (tab.traffic.open(OLD_REQUEST) > 0) {
      await tabs.guard(sleep(20));
      continue;
    }
    const quiet = answered ? Math.min(patience.quiet, AFTER_ANSWER) : patience.quiet;
    const silence = answered ? quiet : patience.silence;
    const left = end - performance.now();
    const late = sleep(left + 100, false, { ref: false });
    const still = await tabs.guard(Promise.race([documentRests(tab, quiet, silence, left), late]));
    const quietNet = performance.now() - tab.traffic.lastChange() >= quiet;
    if (still && quietNet && tabs.current() === tab) return 'quiet';
  }
};

/** Whether every frame came to rest; false also when a document was replaced while it was watched. */
const documentRests = async (tab: Tab, quiet: number, silence: number, cap: number): Promise<boolean> => {
  const script = quietScript(quiet, silence, Math.max(50, cap));
  const main = tab.page.mainFrame();
  const rests = liveFrames(tab.page).map((frame) =>
    // A frame that goes away while it is watched is no matter, unless it is the page itself.
    evaluateIn(frame, script).catch(() => frame !== main),
  );
  const all = await Promise.all(rests);
  if (all.every((rest) => rest === true)) return true;
  await sleep(20);
  return false;
};

/**
 * Resolves true when the document is parsed and has not changed for `quiet` ms, or has never changed for `silence` ms;
 * false after `cap` ms. What fades in or out counts as change: until then a page shows things that it has removed already.
 */
const quietScript = (quiet: number, silence: number, cap: number): string => `new Promise((resolve) => {
  const started = performance.now();
  let last = started;
  let changed = false;
  const observer = new MutationObserver(() => { last = performance.now(); changed = true; });
  const watch = (root) => observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
  watch(document);
  for (const element of document.querySelectorAll('*')) if (element.shadowRoot) watch(element.shadowRoot);
  const moves = () => document.getAnimations().some(({ playState, currentTime, effect }) => {
    const left = (effect?.getComputedTiming().endTime ?? 0) - (currentTime ?? 0);
    return playState === 'running' && left > 0 && left <= ${LONG_ANIMATION};
  });
  const end = (value) => { observer.disconnect(); resolve(value); };
  const look = () => {
    const now = performance.now();
    if (now - started > ${cap}) return end(false);
    if (moves()) [last, changed] = [now, true];
    const rested = now - last >= (changed ? ${quiet} : ${silence});
    if (document.readyState !== 'loading' && rested) return end(true);
    setTimeout(look, 15);
  };
  setTimeout(look, Math.min(${quiet}, ${silence}));
})`;
