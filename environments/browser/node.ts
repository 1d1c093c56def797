/** One thing on a page, as the reader of an observation sees it. */
import type { Frame } from 'puppeteer-core';
import type { Box } from './capture.ts';

export interface PageNode {
  /** Document and node: the same thing in two observations has the same key. */
  key: string;
  frame: Frame;
  backendId: number;
  /** `text` for text. */
  role: string;
  name: string;
  tag: string;
  /** Words in square brackets: `checked`, `disabled`, `level=2`. */
  states: string[];
  value?: string;
  /** Names of the actions that accept it; undefined for what is only read. */
  actions?: string[];
  /** Choices of a select. */
  options?: string[];
  box?: Box;
  inView: boolean;
  children: PageNode[];
  /** Text that continues the text before it. */
  joins: boolean;
}

/** Characters that nobody sees and that can hide words; joiners, which scripts and emoji need, are not among them. */
export const INVISIBLE = /[\u00ad\u200b\u2060-\u2064\ufeff\u{e0000}-\u{e007f}\p{Co}]/gu;

/** One line, without characters that cannot be seen. */
export const tidy = (text: unknown): string =>
  String(text ?? '')
    .replace(INVISIBLE, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toWellFormed();

/** The first characters of a text, never half of one. */
export const head = (text: string, most: number): string => {
  const part = text.slice(0, most);
  return /[\ud800-\udbff]$/.test(part) ? part.slice(0, -1) : part;
};

/** A name of bearable length. */
export const cut = (name: string): string => (name.length > LONGEST_NAME ? `${head(name, LONGEST_NAME - 1)}…` : name);

const LONGEST_NAME = 100;

/** Every node, in the order of the page. */
export const flatten = (nodes: PageNode[]): PageNode[] => nodes.flatMap((node) => [node, ...flatten(node.children)]);
