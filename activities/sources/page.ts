/** A page of the web as a text: redirects followed inside the source, its type looked at, its wishes kept. */
import { readHtml } from '../../core/document/html.ts';
import { type DocumentText, readDocumentText } from '../../core/document/text.ts';
import { LbiError } from '../../core/errors.ts';
import { decodeHtml, decodePage } from './decode.ts';
import { readPdf } from './pdf.ts';
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
  const { status, type, body, charset } = page;
  if (status < 200 || status >= 300) return { why: `the server answers ${status}` };
  const name = nameOf(url);
  const plain = { url, links: [], canonical: undefined };
  if (!/^(?:text\/(?:html|plain|markdown|x-markdown)|application\/(?:xhtml\+xml|pdf))$/.test(type))
    return { why: `it is ${type}, which is not read` };
  if (body === null) return { why: 'it is larger than max_bytes' };
  if (/\b(?:noindex|none)\b/i.test(page.robots ?? '')) return { ...plain, text: undefined };
  if (type === 'application/pdf') return readPaper(body, name, plain);
  if (type.endsWith('html') || type.endsWith('html+xml') || type === 'application/xhtml+xml')
    return readWebPage(decodeHtml(body, charset), { url, name, nofollow: /\bnofollow\b/i.test(page.robots ?? '') });
  const ending = type === 'text/plain' && !/\.(?:md|markdown)$/i.test(url.pathname) ? '.txt' : '.md';
  const text = decodePage(body, charset);
  const links = ending === '.md' ? [...text.matchAll(/\]\(\s*<?([^\s()<>]+)/g)].map(([, link]) => link ?? '') : [];
  return { ...plain, text: readDocumentText(text, ending, name), links: addressesOf(links, url) };
};

const readWebPage = (
  html: string,
  { url, name, nofollow }: { url: URL; name: string; nofollow: boolean },
): ReadPage | Refusal => {
  try {
    const { text, facts } = readHtml(html, name);
    const base = (facts.base === undefined ? undefined : addressOf(facts.base, url)) ?? url;
    return {
      url,
      text: facts.noindex ? undefined : text,
      links: nofollow || facts.nofollow ? [] : addressesOf(facts.links, base),
      canonical: facts.canonical === undefined ? undefined : addressOf(facts.canonical, url),
    };
  } catch (error) {
    if (error instanceof RangeError) return { why: 'it is nested too deeply to be read' };
    throw error;
  }
};

const readPaper = async (
  body: Uint8Array,
  name: string,
  plain: Omit<ReadPage, 'text'>,
): Promise<ReadPage | Refusal> => {
  try {
    return { ...plain, text: (await readPdf(body, { name, path: plain.url.href })).text };
  } catch (error) {
    if (error instanceof LbiError) return { why: error.message.replace(/^sources: /, '') };
    throw error;
  }
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
