/** One walk over a parsed file: what each alias stands for, and whether anything lies too deep to be looked at further. */
import { type Alias, type Document, isAlias, isCollection, isPair, type Node, type Pair } from 'yaml';

export interface Anchors {
  /** The anchored value that an alias uses: the last of that name above it. */
  targets: Map<Alias, Node>;
  /** The names of all anchors. */
  names: string[];
  /** The first node that lies deeper than was allowed; what lies below it was not looked at. */
  tooDeep?: Node;
}

/** Walks in the order of the text, without recursion: a file may be nested deeper than the stack. */
export const findAnchors = (document: Document.Parsed, levels: number): Anchors => {
  const anchored = new Map<string, Node>();
  const found: Anchors = { targets: new Map(), names: [] };
  const open: [node: Node | Pair | null, level: number][] = [[document.contents, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, level] = next;
    if (node === null) continue;
    if (isPair(node)) {
      open.push([node.value as Node | null, level], [node.key as Node | null, level]);
      continue;
    }
    if (isAlias(node)) {
      const target = anchored.get(node.source);
      if (target !== undefined) found.targets.set(node, target);
      continue;
    }
    if ('anchor' in node && typeof node.anchor === 'string') anchored.set(node.anchor, node);
    if (!isCollection(node)) continue;
    if (level >= levels) return { ...found, tooDeep: node };
    for (const item of node.items.toReversed()) open.push([item as Node | Pair | null, level + 1]);
  }
  return { ...found, names: [...anchored.keys()] };
};

/** Where brackets, or dashes and question marks on one line, pass a number of levels; the beginning when they do not. */
export const deepOffset = (text: string, levels: number): number => {
  let open = 0;
  for (let offset = 0; offset < text.length; offset += 1) {
    const character = text[offset];
    if (character === '[' || character === '{') open += 1;
    if (character === ']' || character === '}') open -= 1;
    if (open > levels) return offset;
  }
  const row = new RegExp(`(?:[-?] +){${levels}}`).exec(text);
  return row === null ? 0 : row.index + row[0].length;
};
