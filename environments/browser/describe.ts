/** Reads one node of the accessibility tree: its states, its value, and the actions that it accepts. */
import type { Protocol } from 'puppeteer-core';
import type { Box, FrameCapture, Layout, PageCapture } from './capture.ts';
import { cut, INVISIBLE, type PageNode, tidy } from './node.ts';
import { EDITABLE } from './roles.ts';

export type AxNode = Protocol.Accessibility.AXNode;

/** What is handed down while a frame is read. */
export interface Walk {
  page: PageCapture;
  capture: FrameCapture;
  byId: Map<string, AxNode>;
  count: { unreadable: number };
}

/** The node without its children. */
export const describe = (
  node: AxNode,
  role: string,
  id: number,
  layout: Layout | undefined,
  walk: Walk,
  acts: boolean,
): PageNode => {
  const properties = new Map((node.properties ?? []).map((property) => [property.name, property.value.value]));
  const tag = layout?.tag ?? '';
  const password = layout?.attributes.get('type')?.toLowerCase() === 'password';
  const value = tidyValue(node.value?.value, role);
  const states = statesOf(properties, role);
  if (password && value !== '') states.push('filled');
  return {
    key: `${walk.capture.loader}_${id}`,
    frame: walk.capture.frame,
    backendId: id,
    role,
    name: cut(tidy(node.name?.value)),
    tag,
    states,
    ...(value === '' || password ? {} : { value }),
    ...(acts && tag !== 'OPTION' ? { actions: actionsOf(role, tag, properties) } : {}),
    ...(layout?.box === undefined ? {} : { box: layout.box }),
    inView: inViewport(layout?.box, walk.page),
    children: [],
    joins: false,
  };
};

type Properties = Map<string, unknown>;

const actionsOf = (role: string, tag: string, properties: Properties): string[] => {
  if (properties.get('disabled') === true) return [];
  if (tag === 'SELECT') return ['select'];
  const editable = properties.has('editable') || ['date', 'datetime', 'time', 'slider', 'color'].includes(role);
  const writable = editable && properties.get('readonly') !== true;
  return writable ? ['click', 'type'] : ['click'];
};

const FLAGS = ['disabled', 'selected', 'required', 'readonly', 'modal', 'focused', 'multiselectable'];

const statesOf = (properties: Properties, role: string): string[] => {
  const states = FLAGS.filter((flag) => properties.get(flag) === true);
  for (const flag of ['checked', 'pressed']) {
    const value = properties.get(flag);
    if (value === 'true' || value === true) states.unshift(flag);
    if (value === 'mixed') states.unshift(`${flag}=mixed`);
  }
  const expanded = properties.get('expanded');
  if (expanded !== undefined && role !== 'combobox') states.push(expanded === true ? 'expanded' : 'collapsed');
  if (properties.get('invalid') === 'true') states.push('invalid');
  if (role === 'heading' && properties.has('level')) states.push(`level=${properties.get('level')}`);
  return states;
};

/** Whether a reader sees it without scrolling: half of it, or a third of a screen of it. */
export const inViewport = (box: Box | undefined, page: PageCapture): boolean => {
  if (box === undefined) return false;
  const width = Math.min(box.x + box.width, page.viewport.width) - Math.max(box.x, 0);
  const height = Math.min(box.y + box.height, page.viewport.height) - Math.max(box.y, 0);
  return width > 0 && height > 0 && (height >= box.height / 2 || height >= page.viewport.height / 3);
};

const tidyValue = (value: unknown, role: string): string =>
  EDITABLE.has(role) || ['progressbar', 'meter', 'listbox'].includes(role)
    ? String(value ?? '')
        .replace(INVISIBLE, '')
        .toWellFormed()
    : '';
