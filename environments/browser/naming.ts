/** Names boxes that the page leaves without a name by the text beside them, as a person would. */
import type { Box } from './capture.ts';
import { flatten, type PageNode } from './node.ts';
import { NAMED_BY_NEIGHBOUR } from './roles.ts';

/** Leaves out a text that only repeats the name of the control beside it. */
export const dropLabels = (nodes: PageNode[]): PageNode[] =>
  nodes.filter((node, at) => {
    node.children = dropLabels(node.children);
    if (node.role !== 'text') return true;
    return ![nodes[at - 1], nodes[at + 1]].some(
      (other) => other?.actions !== undefined && repeats(node.name, other.name),
    );
  });

const repeats = (text: string, name: string): boolean => text.replace(/\s*[:*]+$/, '') === name;

interface Text {
  name: string;
  box: Box;
}

/** Farther away than this (CSS pixels) a text belongs to something else. */
const REACH = { beside: 250, above: 40 };
const LONGEST_LABEL = 60;

export const nameByNeighbours = (roots: PageNode[]): void => {
  const all = flatten(roots);
  const nameless = all.filter((node) => node.name === '' && NAMED_BY_NEIGHBOUR.has(node.role));
  if (nameless.length === 0) return;
  const texts = all.flatMap((node): Text[] =>
    node.role === 'text' && node.box !== undefined && node.name.length <= LONGEST_LABEL
      ? [{ name: node.name, box: node.box }]
      : [],
  );
  for (const node of nameless) if (node.box !== undefined) node.name = nearest(node.box, node.role, texts);
};

const nearest = (box: Box, role: string, texts: Text[]): string => {
  // The words of a check box stand after it, those of a text box before or above it.
  const order = ['checkbox', 'radio', 'switch'].includes(role) ? [after, before, above] : [before, above, after];
  for (const distance of order) {
    const candidates = texts
      .map((text) => ({ name: text.name, away: distance(box, text.box) }))
      .filter((candidate) => candidate.away !== undefined)
      .sort((a, b) => (a.away ?? 0) - (b.away ?? 0));
    const best = candidates[0];
    if (best !== undefined) return best.name.replace(/\s*[:*]+$/, '');
  }
  return '';
};

type Distance = (box: Box, text: Box) => number | undefined;

const before: Distance = (box, text) =>
  sameLine(box, text) ? within(box.x - (text.x + text.width), REACH.beside) : undefined;

const after: Distance = (box, text) =>
  sameLine(box, text) ? within(text.x - (box.x + box.width), REACH.beside) : undefined;

const above: Distance = (box, text) =>
  overlap(box.x, box.width, text.x, text.width) > 0 ? within(box.y - (text.y + text.height), REACH.above) : undefined;

const sameLine = (box: Box, text: Box): boolean => {
  const lower = Math.min(box.height, text.height);
  return overlap(box.y, box.height, text.y, text.height) >= lower / 2;
};

const overlap = (a: number, lengthA: number, b: number, lengthB: number): number =>
  Math.min(a + lengthA, b + lengthB) - Math.max(a, b);

/** Boxes may touch and overlap by a few pixels. */
const within = (gap: number, reach: number): number | undefined => (gap >= -3 && gap <= reach ? gap : undefined);
