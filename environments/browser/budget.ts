/** Chooses the lines of an observation that fit its budget: what is in view and what changed first, the rest counted. */
import type { Line } from './lines.ts';
import { head } from './node.ts';

export interface Fitted {
  text: string;
  /** The lines that are shown, as indices. */
  shown: Set<number>;
}

/** `seen`: the lines of the last observation; empty at the first and after a change of page. */
export const fit = (lines: Line[], seen: Set<string>, maxChars: number): Fitted => {
  const all = new Set(lines.keys());
  const whole = join(lines, all);
  if (whole.length <= maxChars) return { text: whole, shown: all };
  const ranks = rankAll(lines, seen);
  const order = [...lines.keys()].sort((a, b) => (ranks[a] ?? 0) - (ranks[b] ?? 0) || a - b);
  let room = maxChars;
  for (let attempt = 0; attempt < 12; attempt++) {
    const shown = choose(lines, order, room);
    const text = join(lines, shown);
    if (text.length <= maxChars) return { text, shown };
    // The lines that count what is left out need room as well.
    room = Math.floor(room - Math.max(text.length - maxChars, maxChars * 0.02));
  }
  return { text: head(join(lines, new Set()), maxChars), shown: new Set() };
};

/** Changes out of view that go before what is in view; a page that changed everywhere is read where it is. */
const MOST_FAR_CHANGES = 8;

/** Smaller goes first. Words and controls in view are equals: they belong together. */
const rankAll = (lines: Line[], seen: Set<string>): number[] => {
  let far = 0;
  return lines.map((line) => {
    const { node } = line;
    const changed = seen.size > 0 && !seen.has(seenKey(line));
    if (node.role === 'alert' || node.role === 'alertdialog' || node.states.includes('modal')) return 0;
    if (node.inView) return changed ? 0 : 2;
    if (!changed) return node.actions === undefined ? 5 : 4;
    far += 1;
    return far <= MOST_FAR_CHANGES ? 1 : 3;
  });
};

/** What a line is remembered by until the next observation. */
export const seenKey = (line: Line): string => `${line.node.key} ${line.bare}`;

const LONGEST_LINE = 400;

const choose = (lines: Line[], order: number[], room: number): Set<number> => {
  const shown = new Set<number>();
  let used = 0;
  for (const index of order) {
    // A container is shown for the sake of what is in it.
    if (lines[index + 1]?.parent === index && lines[index]?.ref === undefined) continue;
    const needed: number[] = [];
    for (let at = index; at >= 0 && !shown.has(at); at = lines[at]?.parent ?? -1) needed.push(at);
    const cost = needed.reduce((sum, at) => sum + written(lines[at], true).length + 1, 0);
    if (used + cost > room) continue;
    for (const at of needed) shown.add(at);
    used += cost;
  }
  return shown;
};

const written = (line: Line | undefined, short: boolean): string => {
  if (line === undefined) return '';
  const text = short && line.text.length > LONGEST_LINE ? `${head(line.text, LONGEST_LINE)}…` : line.text;
  return '  '.repeat(line.depth) + text;
};

/** The shown lines in the order of the page, with one line for each run of what is left out. */
const join = (lines: Line[], shown: Set<number>): string => {
  const whole = shown.size === lines.length;
  const rows: string[] = [];
  let gap: { depth: number; lines: Line[] } | undefined;
  const flush = (): void => {
    if (gap !== undefined) rows.push(`${'  '.repeat(gap.depth)}- … ${count(gap.lines)}`);
    gap = undefined;
  };
  for (const [index, line] of lines.entries()) {
    if (shown.has(index)) {
      flush();
      rows.push(written(line, !whole));
    } else {
      gap ??= { depth: line.depth, lines: [] };
      gap.depth = Math.min(gap.depth, line.depth);
      gap.lines.push(line);
    }
  }
  flush();
  return rows.join('\n');
};

/** e.g. `14 more: 3 button, 2 link, 9 text (scroll to see them)` */
const count = (lines: Line[]): string => {
  const counts = new Map<string, number>();
  for (const { node } of lines) counts.set(node.role, (counts.get(node.role) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 4);
  return `${lines.length} more: ${most.map(([role, number]) => `${number} ${role}`).join(', ')}`;
};
