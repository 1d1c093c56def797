/** Presses keys and combinations, under their usual names. */
import type { KeyInput, Page } from 'puppeteer-core';
import { ActionFailed } from './element.ts';

/** Throws `ActionFailed` `invalid` for what is not a key. */
export const press = async (page: Page, keys: string): Promise<void> => {
  const parts =
    keys === '+' ? ['+'] : keys.split('+').map((part, at, all) => (part === '' && at === all.length - 1 ? '+' : part));
  const names = parts.filter((part) => part !== '').map((part) => KEYS.get(part.toLowerCase()) ?? part);
  const held: KeyInput[] = [];
  try {
    for (const name of names) {
      await page.keyboard.down(name as KeyInput);
      held.push(name as KeyInput);
    }
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('Unknown key')) throw error;
    throw new ActionFailed(
      `"${keys}" is not a key. Examples: Enter, Escape, Tab, Backspace, Delete, ArrowDown, PageDown, Home, F5, a, Control+a.`,
      'invalid',
    );
  } finally {
    for (const name of held.reverse()) await page.keyboard.up(name);
  }
};

/** Other usual names of keys. */
const KEYS = new Map(
  Object.entries({
    ctrl: 'Control',
    control: 'Control',
    cmd: 'Meta',
    meta: 'Meta',
    alt: 'Alt',
    shift: 'Shift',
    esc: 'Escape',
    escape: 'Escape',
    return: 'Enter',
    enter: 'Enter',
    tab: 'Tab',
    space: 'Space',
    backspace: 'Backspace',
    delete: 'Delete',
    del: 'Delete',
    up: 'ArrowUp',
    down: 'ArrowDown',
    left: 'ArrowLeft',
    right: 'ArrowRight',
    home: 'Home',
    end: 'End',
    pageup: 'PageUp',
    pagedown: 'PageDown',
  }),
);
