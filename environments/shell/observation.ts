/** What the agent is shown of its shell: the folder at the start; after a command its output, exit code and what it changed. */

import { shorten } from './output.ts';
import { type Change, type Entry, shownPath, type Tree } from './tree.ts';

/** Files worth showing whole at the start, in this order. */
const KEY_FILES = ['package.json', 'README.md', 'pyproject.toml', 'Makefile', 'Cargo.toml', 'go.mod'];
/** Lines of one file's change, and files listed one by one, before the rest is only counted. */
const DIFF_LINES = 12;
const LISTED = 20;

/** Shows the tree with sizes and the small key files, within `limit` characters. */
export const showStart = (tree: Tree, folder: string, limit: number): string => {
  const lines = listing(tree);
  const head = `folder: ${folder}\nfiles:\n`;
  let text = head + cutLines(lines, Math.max(80, Math.floor(limit * 0.5)), 'more');
  for (const name of KEY_FILES) {
    const content = tree.entries.get(name)?.text;
    if (content === undefined) continue;
    const part = `\n\n${name}:\n${content.trimEnd()}`;
    if (text.length + part.length <= limit) text += part;
  }
  return shorten(text, limit);
};

export interface Shown {
  output: string;
  /** One line: exit code, or why the command was stopped. */
  ending: string;
  folder: string;
  changes: Change[];
  complete: boolean;
}

/** Shows what a command did, within `limit` characters: changes take at most two fifths, the output the rest. */
export const showStep = (shown: Shown, limit: number): string => {
  const head = `${shown.ending}\nfolder: ${shown.folder}\n`;
  const changes = showChanges(shown.changes, Math.floor((limit - head.length) * 0.4));
  const note = shown.complete ? '' : '\n(The folder holds more than can be listed.)';
  const tail = `\n\nchanged files:${changes}${note}`;
  const output = shown.output.trimEnd();
  const body = output === '' ? 'output: (none)' : `output:\n${shorten(output, limit - head.length - tail.length - 8)}`;
  return shorten(head + body + tail, limit);
};

/** The changes in one line each, for the state of the observation; the rest is counted. */
export const listChanges = (changes: Change[]): string[] => {
  const lines = fold(changes).map((change) => change.title);
  return lines.length <= LISTED ? lines : [...lines.slice(0, LISTED), `... ${lines.length - LISTED} more`];
};

/** Contents of these folders are counted, not listed. */
const FOLDED = /^(.*?(?:^|\/)(?:node_modules|\.git))\/./;

interface ShownChange {
  title: string;
  lines: string[];
}

const fold = (changes: Change[]): ShownChange[] => {
  const folded = new Map<string, number>();
  const shown: ShownChange[] = [];
  for (const change of changes) {
    const folder = FOLDED.exec(change.path)?.[1];
    if (folder !== undefined) folded.set(folder, (folded.get(folder) ?? 0) + 1);
    else shown.push({ title: `${change.kind} ${titleOf(change)}`, lines: linesOf(change) });
  }
  for (const [folder, count] of folded)
    shown.push({ title: `changed ${shownPath(folder)}/ (${count} ${count === 1 ? 'entry' : 'entries'})`, lines: [] });
  return shown;
};

const titleOf = (change: Change): string => {
  const entry = change.after ?? change.before;
  return entry === undefined || change.kind !== 'added' ? shownPath(change.path) : line(change.path, entry);
};

const linesOf = (change: Change): string[] => {
  if (change.kind === 'removed' || change.after?.text === undefined) return [];
  if (change.kind === 'changed' && change.before?.text === undefined) return [];
  const [removed, added] = differingLines(change.before?.text ?? '', change.after.text);
  const lines = [...removed.map((text) => `- ${text}`), ...added.map((text) => `+ ${text}`)];
  if (lines.length <= DIFF_LINES) return lines;
  return [...lines.slice(0, DIFF_LINES), `... ${lines.length - DIFF_LINES} more lines`];
};

/** The lines between the common beginning and the common end of two texts. */
const differingLines = (before: string, after: string): [string[], string[]] => {
  const old = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const now = after === '' ? [] : after.replace(/\n$/, '').split('\n');
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  return [old.slice(start, old.length - end), now.slice(start, now.length - end)];
};

const showChanges = (changes: Change[], limit: number): string => {
  const shown = fold(changes);
  if (shown.length === 0) return ' none';
  const listed = shown.slice(0, LISTED);
  let room = limit - listed.reduce((size, change) => size + change.title.length + 3, 0);
  const lines: string[] = [];
  for (const change of listed) {
    lines.push(`  ${change.title}`);
    const difference = change.lines.map((text) => `    ${text}`);
    const size = difference.join('\n').length + 1;
    if (size > room) continue;
    room -= size;
    lines.push(...difference);
  }
  if (shown.length > listed.length) lines.push(`  ... ${shown.length - listed.length} more`);
  return `\n${cutLines(lines, Math.max(limit, 40), 'more lines')}`;
};

const listing = (tree: Tree): string[] => {
  const lines: string[] = [];
  const folded = new Map<string, number>();
  for (const [path, entry] of tree.entries) {
    const folder = FOLDED.exec(path)?.[1];
    if (folder === undefined) lines.push(line(path, entry));
    else folded.set(folder, (folded.get(folder) ?? 0) + 1);
  }
  if (lines.length === 0) return ['(empty)'];
  return lines.map((text) => {
    const count = folded.get(text.slice(0, -1));
    return count === undefined ? text : `${text} (${count} entries)`;
  });
};

const line = (path: string, entry: Entry): string => {
  const name = shownPath(path);
  if (entry.kind === 'folder') return `${name}/`;
  if (entry.kind === 'file') return `${name} (${entry.size} bytes)`;
  if (entry.kind === 'link') return `${name} -> ${shownPath(entry.digest)}`;
  return `${name} (${entry.kind})`;
};

const cutLines = (lines: string[], limit: number, word: string): string => {
  const kept: string[] = [];
  let size = 0;
  for (const text of lines) {
    size += text.length + 1;
    if (size > limit) break;
    kept.push(text);
  }
  if (kept.length < lines.length) kept.push(`... ${lines.length - kept.length} ${word}`);
  return kept.join('\n');
};
