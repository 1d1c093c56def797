/** A sitemap: the pages that a site lists, in its order; an index of sitemaps is followed inside the same origin. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { XMLParser } from 'fast-xml-parser';
import { LbiError } from '../../core/errors.ts';
import type { SourceContext, SourceWith } from './context.ts';
import { decodePage } from './decode.ts';
import type { Original } from './original.ts';
import { addressOf, scopeOfSitemap } from './scope.ts';
import { originalOf, reached, type Visiting, visiting } from './visit.ts';

/** Bounds of the format (sitemaps.org): 50 MB, 50,000 addresses. */
const longest = 50 * 1024 * 1024;
const mostAddresses = 50_000;
/** Sitemaps that an index may lead to. */
const mostSitemaps = 500;

export async function* readSitemap(source: SourceWith<'sitemap'>, context: SourceContext): AsyncGenerator<Original> {
  const start = addressOf(source.sitemap, new URL(source.sitemap));
  if (start === undefined) throw new LbiError('spec', `sources: ${source.sitemap} cannot be read as a sitemap`);
  const scope = scopeOfSitemap(start, source);
  yield* visiting({ start, scope, source }, context, (site) => readListed(start, site, context));
}

async function* readListed(start: URL, site: Visiting, context: SourceContext): AsyncGenerator<Original> {
  const { scope } = site.visit;
  const given = new Set<string>();
  const foreign = { count: 0, example: '' };
  let listed = 0;
  for await (const url of addressesIn(start, site, context)) {
    listed += 1;
    if (!scope.holds(url)) {
      foreign.count += 1;
      foreign.example ||= url.href;
    } else if (scope.wants(url) && !given.has(url.href)) {
      if (!site.more()) break;
      given.add(url.href);
      const page = await site.read(url);
      if (page === undefined || (page.url.href !== url.href && given.has(page.url.href))) continue;
      given.add(page.url.href);
      if (page.text === undefined) context.note({ what: page.url.href, why: 'the page asks not to be used' });
      else yield* originalOf(page);
    }
  }
  if (listed === 0) throw new LbiError('spec', `sources: ${start.href} lists no page`);
  if (foreign.count === listed)
    throw new LbiError(
      'spec',
      `sources: ${start.href} lists only pages of other origins, e.g. ${foreign.example}; read the sitemap from there`,
    );
  if (foreign.count > 0)
    context.note({
      what: `${foreign.count} addresses of the sitemap`,
      why: `of another origin, e.g. ${foreign.example}`,
    });
}

/** Addresses of pages in a sitemap and in those that it leads to, each sitemap once. */
async function* addressesIn(start: URL, site: Visiting, context: SourceContext): AsyncGenerator<URL> {
  const waiting = [start];
  const known = new Set([start.href]);
  for (let next = 0; next < Math.min(waiting.length, mostSitemaps); next += 1) {
    const url = waiting[next];
    if (url === undefined) return;
    const map = url === start ? await reached(url, () => parseAt(url, site)) : await parseLater(url, site, context);
    for (const address of map?.pages ?? []) yield address;
    for (const nested of map?.sitemaps ?? []) {
      if (known.has(nested.href)) continue;
      known.add(nested.href);
      if (site.visit.scope.holds(nested)) waiting.push(nested);
      else context.note({ what: nested.href, why: 'a sitemap of another origin' });
    }
  }
}

interface Sitemap {
  pages: URL[];
  sitemaps: URL[];
}

/** A sitemap that another one names may be wrong: its pages are then missed, and noted. */
const parseLater = async (url: URL, site: Visiting, context: SourceContext): Promise<Sitemap | undefined> =>
  parseAt(url, site).catch((error: unknown) => {
    if (!(error instanceof LbiError) || (error.kind !== 'spec' && error.kind !== 'transient')) throw error;
    if (error.name === 'NotReadYet') throw error;
    context.note({ what: url.href, why: error.message.replace(/^sources: /, '') });
    return undefined;
  });

const parseAt = async (start: URL, { visit }: Visiting): Promise<Sitemap> => {
  let url = start;
  let page = await visit.web.get(url, { ...visit.manners, maxBytes: longest });
  for (let hop = 0; hop < 5 && page.location !== undefined && page.status >= 300 && page.status < 400; hop += 1) {
    const next = addressOf(page.location, url);
    if (next === undefined || !visit.scope.holds(next))
      throw new LbiError('spec', `sources: ${url.href} redirects to ${next?.href ?? 'no address'}; name that address`);
    url = next;
    page = await visit.web.get(url, { ...visit.manners, maxBytes: longest });
  }
  if (page.status !== 200) throw new LbiError('spec', `sources: ${url.href} answers ${page.status}`);
  if (page.body === null) throw new LbiError('spec', `sources: ${url.href} is longer than ${longest} bytes, or no XML`);
  return parseSitemap(decodePage(await unpack(page.body, url), page.charset), url);
};

const unpack = async (body: Uint8Array, url: URL): Promise<Uint8Array> => {
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  try {
    return await promisify(gunzip)(body, { maxOutputLength: longest });
  } catch (cause) {
    throw new LbiError('spec', `sources: ${url.href} cannot be unpacked, or holds more than ${longest} bytes`, {
      cause,
    });
  }
};

/** Entities of the file's own are not expanded: they could grow without end. */
const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  processEntities: false,
  isArray: (name) => name === 'url' || name === 'sitemap',
});

const parseSitemap = (xml: string, url: URL): Sitemap => {
  const wrong = (cause?: unknown) =>
    new LbiError('spec', `sources: ${url.href} is no sitemap: <urlset> or <sitemapindex> was expected`, { cause });
  let tree: unknown;
  try {
    tree = parser.parse(xml);
  } catch (cause) {
    throw wrong(cause);
  }
  const set = below(tree, 'urlset');
  const index = below(tree, 'sitemapindex');
  if (set === undefined && index === undefined) throw wrong();
  return { pages: locations(below(set, 'url'), url), sitemaps: locations(below(index, 'sitemap'), url) };
};

const below = (tree: unknown, name: string): unknown =>
  typeof tree === 'object' && tree !== null && name in tree ? (tree as Record<string, unknown>)[name] : undefined;

const locations = (entries: unknown, url: URL): URL[] =>
  (Array.isArray(entries) ? entries : []).slice(0, mostAddresses).flatMap((entry) => {
    const text = below(entry, 'loc');
    return typeof text === 'string' ? (addressOf(plain(text.trim()), url) ?? []) : [];
  });

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const plain = (text: string): string =>
  text.replaceAll(/&(amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name.toLowerCase()] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
