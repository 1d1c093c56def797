/** Carries one checked action out on the current tab. Throws `ActionFailed` for the agent, `DialogOpened` when a dialog opens. */
import type { Page } from 'puppeteer-core';
import type { BrowserAction } from './actions.ts';
import type { Egress } from './egress.ts';
import { ActionFailed, called, callOn, clickablePoint, reveal } from './element.ts';
import { clientOf, evaluateIn } from './frames.ts';
import { press } from './keys.ts';
import type { PageNode } from './node.ts';
import type { Refs } from './refs.ts';
import { AFTER, type Patience } from './settle.ts';
import type { Tabs } from './tabs.ts';

export interface Stage {
  tabs: Tabs;
  refs: Refs;
  egress: Egress;
  /** Milliseconds a navigation may take. */
  timeout: number;
}

/** Does the action and says how patiently to wait after it. */
export const perform = async (stage: Stage, action: BrowserAction): Promise<Patience> => {
  const { tabs } = stage;
  const open = tabs.withDialog();
  if (action.name === 'dialog') return answer(tabs, action.arguments);
  if (open !== undefined)
    throw new ActionFailed(
      `A dialog is open (${open.dialog?.type()}): answer it with the action "dialog" first.`,
      'dialog',
    );
  const { page } = tabs.current();
  switch (action.name) {
    case 'click':
      await tabs.guard(click(page, element(stage, action.arguments, 'click')));
      return AFTER.pointer;
    case 'type':
      await tabs.guard(type(page, element(stage, action.arguments, 'type'), action.arguments));
      return AFTER.keys;
    case 'select':
      await tabs.guard(select(element(stage, action.arguments, 'select'), action.arguments.option));
      return AFTER.pointer;
    case 'press':
      await tabs.guard(press(page, action.arguments.key));
      return AFTER.keys;
    case 'scroll':
      await tabs.guard(scroll(page, action.arguments.direction));
      return AFTER.scroll;
    case 'goto':
      await tabs.guard(goto(stage, page, action.arguments.url));
      return AFTER.navigation;
    case 'back':
      await tabs.guard(back(stage, page));
      return AFTER.navigation;
  }
};

const answer = async (tabs: Tabs, { accept, text }: { accept: boolean; text: string }): Promise<Patience> => {
  if (!(await tabs.answerDialog(accept, text))) throw new ActionFailed('No dialog is open.', 'dialog');
  return AFTER.pointer;
};

const element = (stage: Stage, named: { element: string; ref: string }, action: string): PageNode => {
  const found = stage.refs.find(named.ref, named.element);
  if ('error' in found) throw new ActionFailed(found.error.message, found.error.class);
  const accepts = found.node.actions ?? [];
  if (accepts.includes(action)) return found.node;
  if (found.node.states.includes('disabled')) throw new ActionFailed(`${called(found.node)} is disabled.`);
  throw new ActionFailed(
    `${called(found.node)} does not take "${action}"; it takes: ${accepts.join(', ') || 'nothing'}.`,
    'invalid',
  );
};

const click = async (page: Page, node: PageNode): Promise<void> => {
  const { x, y } = await clickablePoint(node);
  await page.mouse.click(x, y);
};

/** Texts up to this length are typed key by key, as some pages listen for keys. */
const TYPED = 200;

const type = async (page: Page, node: PageNode, { text, submit }: { text: string; submit: boolean }): Promise<void> => {
  await reveal(node);
  const kind = await callOn(node, PREPARE, text);
  if (kind === 'readonly')
    throw new ActionFailed(`${called(node)} cannot be changed now: it is read-only or disabled.`);
  if (kind === 'refused') throw new ActionFailed(`${called(node)} does not take the value "${text}".`);
  if (kind === 'text' || kind === 'line') {
    await clientOf(node.frame)
      .send('DOM.focus', { backendNodeId: node.backendId })
      .catch(() => click(page, node));
    await callOn(node, SELECT_ALL);
    await enter(page, kind === 'line' ? text.replace(/\s*\n\s*/g, ' ') : text);
  }
  if (submit) await page.keyboard.press('Enter');
};

const enter = async (page: Page, text: string): Promise<void> => {
  if (text === '') return page.keyboard.press('Backspace');
  if (text.length <= TYPED && !text.includes('\n')) return page.keyboard.type(text);
  await page.keyboard.sendCharacter(text);
};

/** Values that are not typed are set, and the page is told; the answer says what is left to do. */
const PREPARE = `(element, text) => {
  if (element.disabled || element.readOnly) return 'readonly';
  const kind = element.tagName === 'INPUT' ? element.type : '';
  if (['date', 'time', 'datetime-local', 'month', 'week', 'color', 'range'].includes(kind)) {
    element.focus();
    element.value = text;
    if (text !== '' && element.value !== text && kind !== 'color' && kind !== 'range') return 'refused';
    for (const name of ['input', 'change']) element.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
    return 'set';
  }
  return element.tagName === 'INPUT' ? 'line' : 'text';
}`;

const SELECT_ALL = `(element) => {
  if (typeof element.select === 'function') return element.select();
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = element.ownerDocument.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}`;

const select = async (node: PageNode, option: string): Promise<void> => {
  await reveal(node);
  const result = await callOn(node, SELECT, option);
  if (result === 'selected') return;
  if (result === 'disabled') throw new ActionFailed(`${called(node)}: the option "${option}" is disabled.`);
  const known = (node.options ?? []).slice(0, 30).map((name) => `"${name}"`);
  throw new ActionFailed(`${called(node)} has no option "${option}". Its options: ${known.join(', ')}.`);
};

const SELECT = `(element, wanted) => {
  const plain = (text) => text.replace(/\\s+/g, ' ').trim().toLowerCase();
  const options = [...element.options];
  const found = options.find((option) => plain(option.label) === plain(wanted))
    ?? options.find((option) => plain(option.text) === plain(wanted))
    ?? options.find((option) => option.value === wanted);
  if (!found) return 'missing';
  if (element.disabled || found.disabled) return 'disabled';
  element.focus();
  found.selected = true;
  for (const name of ['input', 'change']) element.dispatchEvent(new Event(name, { bubbles: true, composed: true }));
  return 'selected';
}`;

const scroll = async (page: Page, direction: 'up' | 'down' | 'left' | 'right'): Promise<void> => {
  const moved = await evaluateIn(page.mainFrame(), `(${SCROLL})(${JSON.stringify(direction)})`);
  if (moved !== true) throw new ActionFailed(`There is nothing further ${DIRECTIONS[direction]}.`);
};

const DIRECTIONS = { up: 'up', down: 'down', left: 'to the left', right: 'to the right' };

/** Scrolls what stands in the middle of the window or, where that does not move, the page or its largest part that does. */
const SCROLL = `(direction) => {
  const by = { up: [0, -1], down: [0, 1], left: [-1, 0], right: [1, 0] }[direction];
  const move = (element) => {
    const from = [element.scrollLeft, element.scrollTop];
    const page = element === document.scrollingElement;
    const size = page ? [innerWidth, innerHeight] : [element.clientWidth, element.clientHeight];
    element.scrollBy({ left: by[0] * size[0] * 0.8, top: by[1] * size[1] * 0.8, behavior: 'instant' });
    return Math.abs(element.scrollLeft - from[0]) + Math.abs(element.scrollTop - from[1]) >= 1;
  };
  const scrolls = (element) => /(auto|scroll|overlay)/.test(getComputedStyle(element).overflow);
  const area = (element) => element.clientWidth * element.clientHeight;
  const middle = [];
  for (let at = document.elementFromPoint(innerWidth / 2, innerHeight / 2); at; at = at.parentElement) middle.push(at);
  const large = middle.filter((element) => scrolls(element) && area(element) > innerWidth * innerHeight * 0.15);
  if (large.some(move)) return true;
  if (document.scrollingElement && move(document.scrollingElement)) return true;
  const all = [...document.querySelectorAll('*')].filter((element) => element.scrollHeight > element.clientHeight + 1 || element.scrollWidth > element.clientWidth + 1);
  return all.filter(scrolls).sort((a, b) => area(b) - area(a)).some(move);
}`;

/** The address in full. Throws `ActionFailed` `invalid` or `denied`. */
const addressOf = (stage: Stage, page: Page, given: string): string => {
  const base = page.url() === 'about:blank' ? undefined : page.url();
  const address = URL.parse(given.trim(), base);
  if (address === null || !/^https?:$/.test(address.protocol))
    throw new ActionFailed(`"${given}" is not an address of the web.`, 'invalid');
  if (stage.egress.allows(address.href)) return address.href;
  throw new ActionFailed(
    `${address.href} is outside of what may be visited: ${stage.egress.patterns.filter((one) => one.startsWith('http')).join(', ')}.`,
    'denied',
  );
};

const goto = async (stage: Stage, page: Page, given: string): Promise<void> => {
  const address = addressOf(stage, page, given);
  try {
    await page.goto(address, { waitUntil: 'domcontentloaded', timeout: stage.timeout });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (/net::ERR_ABORTED/.test(reason)) return;
    const late = error instanceof Error && error.name === 'TimeoutError';
    // A redirect to somewhere that is not allowed ends at the wall.
    const walled = /ERR_PROXY_CONNECTION_FAILED|ERR_INTERNET_DISCONNECTED|blocklist/.test(reason);
    const kind = late ? 'timeout' : walled ? 'denied' : 'failed';
    const why = walled ? 'it leads to an address outside of what may be visited' : reason.split('\n')[0];
    throw new ActionFailed(`${address} could not be opened: ${why}.`, kind);
  }
};

const back = async (stage: Stage, page: Page): Promise<void> => {
  const history = await clientOf(page.mainFrame()).send('Page.getNavigationHistory');
  const before = history.entries[history.currentIndex - 1];
  if (before !== undefined && before.url !== 'about:blank') {
    await page.goBack({ waitUntil: 'domcontentloaded', timeout: stage.timeout });
    return;
  }
  if (stage.tabs.all().length === 1) throw new ActionFailed('There is no page before this one.');
  await page.close({ runBeforeUnload: false });
};
