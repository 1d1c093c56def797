/** A web page as Markdown: its main content alone, and what it says about itself. No script runs and nothing is fetched. */
import { fromHtml } from 'hast-util-from-html';
import { toMdast } from 'hast-util-to-mdast';
import { gfmToMarkdown } from 'mdast-util-gfm';
import { toMarkdown } from 'mdast-util-to-markdown';
import { type DocumentText, readMarkdownBody } from './text.ts';

type Root = ReturnType<typeof fromHtml>;
type Node = Root['children'][number];
type Element = Extract<Node, { type: 'element' }>;

/** What a page says of itself and links to; addresses as written. */
export interface PageFacts {
  links: string[];
  base: string | undefined;
  canonical: string | undefined;
  /** The page asks not to be used, or its links not to be followed (`<meta name="robots">`). */
  noindex: boolean;
  nofollow: boolean;
}

/** Throws RangeError for pages nested so deeply that no reader follows. */
export const readHtml = (html: string, name: string): { text: DocumentText; facts: PageFacts } => {
  const root = fromHtml(html);
  const all = elementsOf(root);
  const main = mainOf(root, all);
  const title = headline(elementsOf(main)) ?? pageTitle(all);
  const kept = { type: 'root', children: clean(main.children, { main: main.type === 'element' }) } as Root;
  const markdown = toMarkdown(toMdast(kept, { document: true }), {
    extensions: [gfmToMarkdown()],
    bullet: '-',
    fences: true,
    listItemIndent: 'one',
    rule: '-',
  });
  return { text: readMarkdownBody(markdown, name, title), facts: factsOf(all) };
};

/** All elements below, in the order of the page. */
const elementsOf = (top: Root | Element): Element[] => {
  const found: Element[] = [];
  const waiting: Node[] = top.children.toReversed();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.type !== 'element') continue;
    found.push(node);
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      const child = node.children[index];
      if (child !== undefined) waiting.push(child);
    }
  }
  return found;
};

const textOf = (node: Node): string => {
  if (node.type === 'text') return node.value;
  return node.type === 'element' ? node.children.map(textOf).join('') : '';
};

const attribute = (element: Element, name: string): string | undefined => {
  const value = element.properties[name];
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join(' ') : undefined;
};

const classesOf = (element: Element): string[] => (attribute(element, 'className') ?? '').split(' ');

/** `main` or `role=main`; else the longest `article`; else the body. */
const mainOf = (root: Root, all: Element[]): Root | Element => {
  const main = all.find(
    (element) => (element.tagName === 'main' || attribute(element, 'role') === 'main') && textOf(element).trim() !== '',
  );
  if (main !== undefined) return main;
  const articles = all
    .filter(({ tagName }) => tagName === 'article')
    .map((element) => ({ element, length: textOf(element).trim().length }))
    .filter(({ length }) => length > 0)
    .sort((one, other) => other.length - one.length);
  return articles[0]?.element ?? root;
};

const headline = (elements: Element[]): string | undefined => {
  const heading = elements.find(({ tagName }) => tagName === 'h1');
  return heading === undefined
    ? undefined
    : oneLine(clean(heading.children, { main: true, heading: true }).map(textOf).join(''));
};

const pageTitle = (all: Element[]): string | undefined => {
  const title = all.find(({ tagName }) => tagName === 'title');
  return title === undefined ? undefined : oneLine(textOf(title));
};

const oneLine = (text: string): string | undefined => {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line === '' ? undefined : line;
};

/** Never part of a text. */
const never = new Set(
  'script style noscript template iframe object embed svg math canvas audio video button input select textarea dialog nav head footer'.split(
    ' ',
  ),
);
/** Not part of it where the page does not say what its main content is. */
const around = new Set(['header', 'aside', 'form']);

interface Cleaning {
  /** The page says what its main content is. */
  main: boolean;
  heading?: boolean;
  language?: string | undefined;
}

const clean = (nodes: Node[], cleaning: Cleaning): Node[] =>
  nodes.flatMap((node): Node[] => {
    if (node.type === 'text') return [node];
    if (node.type !== 'element' || isLeftOut(node, cleaning)) return [];
    const heading = cleaning.heading === true || /^h[1-6]$/.test(node.tagName);
    const language = languageHint(node) ?? cleaning.language;
    const children = clean(node.children as Node[], { ...cleaning, heading, language });
    if (node.tagName === 'a') return cleanLink(node, children, heading);
    if (node.tagName === 'pre') return [fenced(node, children, language)];
    return [{ ...node, children } as Node];
  });

const isLeftOut = (element: Element, { main }: Cleaning): boolean => {
  const { tagName } = element;
  if (never.has(tagName) || (!main && around.has(tagName))) return true;
  if (element.properties.hidden === true || attribute(element, 'ariaHidden') === 'true') return true;
  if (/display\s*:\s*none/i.test(attribute(element, 'style') ?? '')) return true;
  return tagName === 'img' && (!attribute(element, 'alt') || /^data:/i.test(attribute(element, 'src') ?? ''));
};

/** Signs that link a heading to itself, as Sphinx, Docusaurus and others put them behind it. */
const selfLink =
  /^(?:[#¶§\u{1f517}\uf0c1\u200b\s]*|(?:direct |perma)?link(?: to (?:this|the) (?:heading|headline|section))?|anchor)$/iu;

const cleanLink = (link: Element, children: Node[], heading: boolean): Node[] => {
  const href = attribute(link, 'href')?.trim() ?? '';
  if (heading && selfLink.test(children.map(textOf).join('').trim())) return [];
  const leadsNowhere =
    href === '' || (heading && href.startsWith('#')) || /^[\s\0-\x20]*(?:javascript|data|vbscript):/i.test(href);
  return leadsNowhere ? children : [{ ...link, children } as Node];
};

/** The language of code as highlighters write it on an element around. */
const languageHint = (element: Element): string | undefined => {
  const hint = classesOf(element)
    .map((name) => /^(?:highlight-source|highlight|language|lang)-([\w+#-]+)$/.exec(name)?.[1])
    .find((name) => name !== undefined);
  return hint === undefined || /^(?:default|none|text|notranslate)$/.test(hint) ? undefined : hint;
};

/** A `pre` whose language stands on an element around it, written as Markdown reads it. */
const fenced = (pre: Element, children: Node[], language: string | undefined): Node => {
  const code = children.find((child): child is Element => child.type === 'element' && child.tagName === 'code');
  if (language === undefined || (code !== undefined && languageHint(code) !== undefined))
    return { ...pre, children } as Node;
  const properties = { className: [`language-${language}`] };
  const inside = code === undefined ? children : code.children;
  return { ...pre, children: [{ type: 'element', tagName: 'code', properties, children: inside }] } as Node;
};

const factsOf = (all: Element[]): PageFacts => {
  const hrefs = (elements: Element[]): string[] =>
    elements.flatMap((element) => attribute(element, 'href')?.trim() || []);
  const robots = all
    .filter((element) => element.tagName === 'meta' && /^robots$/i.test(attribute(element, 'name') ?? ''))
    .map((element) => attribute(element, 'content') ?? '')
    .join(',');
  return {
    links: hrefs(all.filter(({ tagName }) => tagName === 'a' || tagName === 'area')),
    base: hrefs(all.filter(({ tagName }) => tagName === 'base'))[0],
    canonical: hrefs(
      all.filter((element) => element.tagName === 'link' && /\bcanonical\b/i.test(attribute(element, 'rel') ?? '')),
    )[0],
    noindex: /\b(?:noindex|none)\b/i.test(robots),
    nofollow: /\b(?:nofollow|none)\b/i.test(robots),
  };
};
