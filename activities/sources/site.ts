/** A site: pages found by following links from a first one, nearest first, inside its folder. */
import { LbiError } from '../../core/errors.ts';
import type { SourceContext, SourceWith } from './context.ts';
import type { Original } from './original.ts';
import { type ReadPage, readPage } from './page.ts';
import { addressOf, scopeOfSite } from './scope.ts';
import { originalOf, reached, type Visiting, visiting } from './visit.ts';

/** Breadth first in the order of the links, so that the same pages give the same documents in the same order. */
export async function* readSite(source: SourceWith<'site'>, context: SourceContext): AsyncGenerator<Original> {
  const start = addressOf(source.site, new URL(source.site));
  if (start === undefined) throw new LbiError('spec', `sources: ${source.site} cannot be read as a site`);
  const scope = scopeOfSite(start, source);
  yield* visiting({ start, scope, source }, context, (site) => crawl(start, source.depth, site, context));
}

async function* crawl(start: URL, depth: number, site: Visiting, context: SourceContext): AsyncGenerator<Original> {
  const waiting: { url: URL; depth: number }[] = [{ url: start, depth: 0 }];
  const known = new Set([start.href]);
  const given = new Set<string>();
  for (let next = 0; next < waiting.length && site.more(); next += 1) {
    const item = waiting[next];
    if (item === undefined) break;
    const first = next === 0;
    const page = first ? await firstPage(start, site) : await site.read(item.url);
    if (page === undefined || given.has(page.url.href)) continue;
    given.add(page.url.href);
    known.add(page.url.href);
    if (item.depth < depth) enqueue(page.links, item.depth + 1, { waiting, known, site });
    if (isCopy(page, site, given)) context.note({ what: page.url.href, why: `a copy of ${page.canonical?.href}` });
    else if (page.text === undefined) context.note({ what: page.url.href, why: 'the page asks not to be used' });
    else if (!first || site.visit.scope.wants(page.url)) yield* originalOf(page);
  }
}

/** Without the first page there is no site: what is wrong with it is an error. */
const firstPage = async (start: URL, { visit }: Visiting): Promise<ReadPage> => {
  const page = await reached(start, () => readPage(start, visit));
  if ('why' in page) throw new LbiError('spec', `sources: ${start.href} cannot be read: ${page.why}`);
  return page;
};

interface Frontier {
  waiting: { url: URL; depth: number }[];
  known: Set<string>;
  site: Visiting;
}

/** Most addresses that wait: far more than are ever asked for, and no page can make it endless. */
const mostWaiting = 100_000;

const enqueue = (links: URL[], depth: number, { waiting, known, site }: Frontier): void => {
  const { scope } = site.visit;
  for (const url of links) {
    if (waiting.length >= mostWaiting) return;
    if (known.has(url.href) || !scope.holds(url) || !scope.wants(url) || isNoPage(url)) continue;
    known.add(url.href);
    waiting.push({ url, depth });
  }
};

/** Endings of files that are no text: not worth a request. */
const isNoPage = ({ pathname }: URL): boolean =>
  /\.(?:png|jpe?g|gif|svg|webp|ico|css|m?js|json|xml|rss|zip|gz|tgz|tar|bz2|xz|7z|exe|dmg|whl|jar|woff2?|ttf|mp[34]|webm|mov|avi|wasm)$/i.test(
    pathname,
  );

/** True when the page names another of this site as the real one, and that one has been given. */
const isCopy = ({ url, canonical }: ReadPage, { visit }: Visiting, given: Set<string>): boolean => {
  if (canonical === undefined || canonical.href === url.href || !visit.scope.holds(canonical)) return false;
  if (given.has(canonical.href)) return true;
  given.add(canonical.href);
  return false;
};
