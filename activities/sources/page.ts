/** A page of the web as a text: redirects followed inside the source, its type looked at, its wishes kept. */
import { type DocumentText, readDocumentText } from '../../core/document/text.ts';
import { LbiError } from '../../core/errors.ts';
import { readHtmlAside, readPdfAside } from './aside.ts';
import { decodeHtml, decodePage } from './decode.ts';

import type { Robots } from './robots.ts';
import { addressOf, type Scope } from './scope.ts';
import type { Manners, Page, Web } from './web.ts';

export interface ReadPage {
  /** Where the page is, after redirects. */
  url: URL;
  /** Undefined when the page asks not to be used. */
  text: DocumentText | undefined;
  /** What it links to, unless it asks that links are not followed. */
  links: URL[];
  canonical: URL | undefined;
}

/** Why a page gives nothing. */
export interface Refusal {
  why: string;
}

export interface Visit {
  web: Web;
  robots: Robots;
  scope: Scope;
  manners: Manners;
}

/** Longest chain of redirects. */
const longestChain = 5;

/** Reads a page. What is wrong with the page itself is a refusal; what is wrong with the server is thrown. */
export const readPage = async (start: URL, visit: Visit): Promise<ReadPage | Refusal> => {
  let url = start;
  const been = new Set<string>();
  for (let hop = 0; hop <= longestChain; hop += 1) {
    if (been.has(url.href)) return { why: 'redirects lead in a circle' };
    been.add(url.href);
    if (!visit.robots.allows(url)) return { why: `robots.txt forbids it (line ${visit.robots.lineFor(url)})` };
    const page = await visit.web.get(url, visit.manners);
    if (page.status < 300 || page.status >= 400) return readBody(page, url);
    const next = page.location === undefined ? undefined : addressOf(page.location, url);
    if (next === undefined) return { why: 'a redirect leads to no address' };
    if (!visit.scope.holds(next))
      return { why: `it redirects to ${next.href.slice(0, 200)}, which is outside of the source` };
    url = next;
  }
  return { why: `more than ${longestChain} redirects` };
};

const readBody = async (page: Page, url: URL): Promise<ReadPage | Refusal> => {
  const { status, type, body } = page;
  if (status < 200 || status >= 300) return { why: `the server answers ${status}` };
  if (!/^(?:text\/(?:html|plain|markdown|x-markdown)|application\/(?:xhtml\+xml|pdf))$/.test(type))
    return { why: `it is ${type}, which is not read` };
  if (body === null) return { why: 'it is larger than max_bytes' };
  try {
    const read = await readText({ ...page, body }, url);
    const wishes = page.robots ?? '';
    return {
      ...read,
      text: /\b(?:noindex|none)\b/i.test(wishes) ? undefined : read.text,
      links: /\b(?:nofollow|none)\b/i.test(wishes) ? [] : read.links,
    };
  } catch (error) {
    if (!(error instanceof LbiError)) throw error;
    return { why: error.message.replace(`sources: ${url.href}`, 'it') };
  }
};

const readText = async ({ type, body, charset }: Page & { body: Uint8Array }, url: URL): Promise<ReadPage> => {
  const named = { name: nameOf(url), path: url.href };
  const plain = { url, links: [], canonical: undefined };
  if (type === 'application/pdf') return { ...plain, text: (await readPdfAside(body, named)).text };
  if (type === 'text/html' || type === 'application/xhtml+xml') {
    const { text, facts } = await readHtmlAside(decodeHtml(body, charset), named);
    const base = (facts.base === undefined ? undefined : addressOf(facts.base, url)) ?? url;
    return {
      url,
      text: facts.noindex ? undefined : text,
      links: facts.nofollow ? [] : addressesOf(facts.links, base),
      canonical: facts.canonical === undefined ? undefined : addressOf(facts.canonical, url),
    };
  }
  const ending = type === 'text/plain' && !/\.(?:md|markdown)$/i.test(url.pathname) ? '.txt' : '.md';
  const text = decodePage(body, charset);
  const links =
    ending === '.md' ? [...text.matchAll(/\]\([ \t]{0,3}<?([^\s()<>]+)/g)].map(([, link]) => link ?? '') : [];
  return { ...plain, text: readDocumentText(text, ending, named.name), links: addressesOf(links, url) };
};

const addressesOf = (links: string[], base: URL): URL[] => links.flatMap((link) => addressOf(link, base) ?? []);

/** The last readable step of a path, for pages without a title. */
const nameOf = ({ pathname, hostname }: URL): string => {
  const last = pathname.split('/').findLast((step) => step !== '');
  if (last === undefined) return hostname;
  try {
    return decodeURIComponent(last).replace(/\.[a-z]{2,5}$/i, '');
  } catch {
    return last;
  }
};
