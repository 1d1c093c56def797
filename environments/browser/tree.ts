/** Turns what was captured of a page into the tree of things a reader sees and can act on. */
import type { FrameCapture, Layout, PageCapture } from './capture.ts';
import { isClickable } from './clickable.ts';
import { type AxNode, describe, inViewport, type Walk } from './describe.ts';
import { dropLabels, nameByNeighbours } from './naming.ts';
import { cut, INVISIBLE, type PageNode, tidy } from './node.ts';
import { EDITABLE, INLINE_TAGS, INTERACTIVE, SKIPPED, STRUCTURE, WHEN_NAMED, writtenRole } from './roles.ts';

export interface PageTree {
  roots: PageNode[];
  /** Texts left out because nobody could read them: too small or transparent. */
  unreadable: number;
}

export const buildTree = (page: PageCapture): PageTree => {
  const count = { unreadable: 0 };
  const roots = readFrame(page, page.main, count);
  nameByNeighbours(roots);
  return { roots: dropLabels(roots), unreadable: count.unreadable };
};

const readFrame = (page: PageCapture, capture: FrameCapture, count: { unreadable: number }): PageNode[] => {
  const byId = new Map(capture.nodes.map((node) => [node.nodeId, node]));
  const root = capture.nodes.find((node) => node.parentId === undefined) ?? capture.nodes[0];
  const walk = { page, capture, byId, count };
  return root === undefined ? [] : joinTexts(childrenOf(root, walk));
};

const childrenOf = (node: AxNode, walk: Walk): PageNode[] =>
  (node.childIds ?? []).flatMap((id) => {
    const child = walk.byId.get(id);
    return child === undefined ? [] : read(child, walk);
  });

const read = (node: AxNode, walk: Walk): PageNode[] => {
  const role = writtenRole(String(node.role?.value ?? 'none'));
  if (SKIPPED.has(role)) return role === 'menulistpopup' ? childrenOf(node, walk) : [];
  const id = node.backendDOMNodeId;
  const layout = id === undefined ? undefined : walk.capture.layout.get(id);
  if (role === 'statictext') return readText(node, layout, walk);
  const frame = id === undefined ? undefined : walk.capture.children.get(id);
  const children = frame === undefined ? childrenOf(node, walk) : readFrame(walk.page, frame, walk.count);
  if (id === undefined) return children;
  return readElement(node, role, id, layout, children, walk);
};

const readElement = (
  node: AxNode,
  role: string,
  id: number,
  layout: Layout | undefined,
  children: PageNode[],
  walk: Walk,
): PageNode[] => {
  const inline = INLINE_TAGS.has(layout?.tag ?? '');
  const merged = inline ? children : joinTexts(children);
  const editing = editsItself(layout);
  const native = editing || (!node.ignored && INTERACTIVE.has(role) && role !== 'gridcell');
  const clickable = native || isClickable(layout, merged, walk.capture.layout);
  const name = node.ignored ? '' : tidy(node.name?.value);
  const shown = clickable || STRUCTURE.has(role) || (name !== '' && WHEN_NAMED.has(role));
  if (!shown || (node.ignored && !clickable))
    return inline ? merged : merged.map((child) => ({ ...child, joins: false }));
  const written = editing ? 'textbox' : node.ignored ? 'generic' : role;
  const element = describe(node, written, id, layout, walk, clickable);
  if (editing && role !== 'textbox') writeContent(element, merged);
  element.children = merged;
  return finish(element, layout, native);
};

const editsItself = (layout: Layout | undefined): boolean =>
  layout?.attributes.has('contenteditable') === true && layout.attributes.get('contenteditable') !== 'false';

/** An element that the page made editable is a text box whose value is what stands in it. */
const writeContent = (element: PageNode, content: PageNode[]): void => {
  element.name = '';
  element.actions = ['click', 'type'];
  const value = tidy(contentOf(content));
  if (value !== '') element.value = value;
};

/** Names what has no name, leaves out what repeats the name, and drops structure without content. */
const finish = (element: PageNode, layout: Layout | undefined, native: boolean): PageNode[] => {
  if (element.actions !== undefined && element.name === '') element.name = nameFromContent(element, layout);
  if (EDITABLE.has(element.role) && element.tag !== 'SELECT') element.children = element.children.filter(isChoice);
  if (element.tag === 'SELECT') element.options = choices(element.children);
  const named = squash(element.name);
  element.children = element.children.filter((child) => child.role !== 'text' || !named.includes(squash(child.name)));
  if (element.role === 'generic' && element.actions !== undefined) element.role = 'clickable';
  const empty = element.children.length === 0 && element.name === '' && element.value === undefined;
  const drawn = ['progressbar', 'meter', 'canvas', 'video', 'audio'].includes(element.role);
  if (empty && !native && element.actions === undefined && !drawn) return [];
  return [element];
};

const isChoice = (node: PageNode): boolean => node.role === 'option' || node.role === 'listbox';

const readText = (node: AxNode, layout: Layout | undefined, walk: Walk): PageNode[] => {
  const text = String(node.name?.value ?? '').replace(INVISIBLE, '');
  if (text.trim() === '' || node.ignored) return [];
  if (layout?.unreadable) {
    walk.count.unreadable += 1;
    return [];
  }
  const id = node.backendDOMNodeId ?? -1;
  return [
    {
      key: `${walk.capture.loader}_${id}`,
      frame: walk.capture.frame,
      backendId: id,
      role: 'text',
      name: text,
      tag: '#text',
      states: [],
      ...(layout?.box === undefined ? {} : { box: layout.box }),
      inView: inViewport(layout?.box, walk.page),
      children: [],
      joins: true,
    },
  ];
};

/** Makes one text of those that stand in one line of the source. */
const joinTexts = (nodes: PageNode[]): PageNode[] => {
  const joined: PageNode[] = [];
  for (const node of nodes) {
    const before = joined.at(-1);
    if (node.role === 'text' && node.joins && before?.role === 'text' && before.joins)
      joined[joined.length - 1] = { ...before, name: before.name + node.name, inView: before.inView || node.inView };
    else joined.push(node);
  }
  return joined.map((node) => (node.role === 'text' ? { ...node, name: tidy(node.name) } : node));
};

const choices = (nodes: PageNode[]): string[] =>
  nodes.flatMap((node) => (node.role === 'option' ? [node.name] : choices(node.children)));

const nameFromContent = (element: PageNode, layout: Layout | undefined): string => {
  for (const attribute of ['aria-label', 'title', 'alt', 'placeholder', 'data-tooltip']) {
    const value = tidy(layout?.attributes.get(attribute));
    if (value !== '') return cut(value);
  }
  const own = element.role === 'generic' || STRUCTURE.has(element.role) ? tidy(contentOf(element.children)) : '';
  if (own !== '') return cut(own);
  // Shapes of a drawing have nothing but their kind and id.
  const svg = layout !== undefined && layout.tag !== layout.tag.toUpperCase();
  return svg ? [layout.tag, layout.attributes.get('id')].filter(Boolean).join(' ') : '';
};

const contentOf = (nodes: PageNode[]): string =>
  nodes.map((node) => (node.role === 'text' ? node.name : node.name || contentOf(node.children))).join(' ');

const squash = (text: string): string => text.replace(/\s+/g, '').toLowerCase();
