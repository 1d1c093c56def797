/** Writes the tree as lines in the shape that models know: `- button "Save" [ref=e12]`, children indented. */
import type { PageNode } from './node.ts';

export interface Line {
  node: PageNode;
  depth: number;
  /** Without indentation. */
  text: string;
  /** The same without its ref: equal in two observations when nothing changed. */
  bare: string;
  /** Index of the line it stands under, -1 at the top. */
  parent: number;
  ref?: string;
}

/** Choices of a select that are written; the others are counted. */
const MOST_CHOICES = 15;

export const writeLines = (roots: PageNode[], refOf: (node: PageNode) => string | undefined): Line[] => {
  const lines: Line[] = [];
  const walk = (node: PageNode, depth: number, parent: number): void => {
    const only = node.children.length === 1 ? node.children[0] : undefined;
    // A single text stands on the line of what holds it.
    const inlined = only?.role === 'text' && node.value === undefined ? only : undefined;
    const ref = refOf(node);
    const end = ending(node, inlined);
    const start = `- ${node.role}${quoted(node)}`;
    const states = node.states.map((state) => ` [${state}]`).join('');
    const own = ref === undefined ? '' : ` [ref=${ref}]`;
    const bare = start + states + end;
    const index = lines.push({ node, depth, text: start + states + own + end, bare, parent, ...(ref ? { ref } : {}) });
    if (inlined !== undefined) {
      node.inView ||= inlined.inView;
      return;
    }
    const choices = node.options === undefined ? node.children : shortList(node.children);
    for (const child of choices) walk(child, depth + 1, index - 1);
    if (choices.length < node.children.length) lines.push(more(node, choices.length, depth + 1, index - 1));
  };
  for (const root of roots) walk(root, 0, -1);
  return lines;
};

const quoted = (node: PageNode): string => {
  if (node.role === 'text') return `: ${node.name}`;
  if (node.name !== '') return ` ${JSON.stringify(node.name)}`;
  return node.actions === undefined ? '' : ' ""';
};

const ending = (node: PageNode, inlined: PageNode | undefined): string => {
  if (inlined !== undefined) return `: ${inlined.name}`;
  if (node.value !== undefined) return `: ${node.value.replace(/\r?\n/g, '⏎')}`;
  return node.children.length > 0 ? ':' : '';
};

/** The first choices, and the selected one wherever it stands. */
const shortList = (options: PageNode[]): PageNode[] =>
  options.filter((option, index) => index < MOST_CHOICES || option.states.includes('selected'));

const more = (node: PageNode, shown: number, depth: number, parent: number): Line => {
  const text = `- … ${node.children.length - shown} more options`;
  return { node, depth, text, bare: text, parent };
};
