/** Sitemaps, against a real server: which pages in which order, and what wrong or hostile ones do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { openReading } from './reading.ts';
import { html, siteServer } from './site-server.ts';

const place = openReading();
const { notes } = place;
const site = await siteServer();

type SitemapSource = Extract<PipelineSpec['sources'][number], { sitemap: string }>;

let runs = 0;
const next = () => {
  runs += 1;
  return { run: `r-${runs}` };
};
const source = (more: Partial<SitemapSource>): SitemapSource => ({
  sitemap: `${site.origin}/sitemap.xml`,
  delay: 0,
  ...more,
});
const read = (more: Partial<SitemapSource> = {}) => place.read([source(more)], next());
const refused = async (more: Partial<SitemapSource> = {}): Promise<string> =>
  (await place.refusal([source(more)], next())).message;
const ids = (documents: { id: string }[]): string[] => documents.map(({ id }) => id);

const urlset = (...pages: string[]): string =>
  `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${pages.map((page) => `<url>\n<loc>\n${page.startsWith('http') ? page : site.origin + page}\n</loc><lastmod>2026-01-01</lastmod></url>`).join('')}</urlset>`;
const index = (...maps: string[]): string =>
  `<sitemapindex>${maps.map((map) => `<sitemap><loc>${map.startsWith('http') ? map : site.origin + map}</loc></sitemap>`).join('')}</sitemapindex>`;

test('the pages of a sitemap are read in its order, each once', async () => {
  site.serve({
    '/sitemap.xml': urlset('/b', '/a?x=1&amp;y=2', '/b#part', '/c', 'https://example.org/d', '/gone'),
    '/a?x=1&y=2': html('A'),
    '/b': html('B'),
    '/c': html('C', '/never'),
  });
  assert.deepEqual(ids(await read()), ['/b', '/a?x=1&y=2', '/c']);
  assert.deepEqual(site.asked, ['/robots.txt', '/sitemap.xml', '/b', '/a?x=1&y=2', '/c', '/gone']);
  assert.deepEqual(
    notes.map(({ why }) => why),
    ['the server answers 404', 'of another origin, e.g. https://example.org/d'],
  );
  assert.deepEqual(ids(await read({ limit: 1 })), ['/b']);
  assert.deepEqual(ids(await read({ include: ['/a', '/c'], exclude: ['/c'] })), ['/a?x=1&y=2']);
});

test('an index leads to sitemaps, also packed ones, of the same origin only and each once', async () => {
  site.serve({
    '/sitemap.xml': index(
      '/one.xml.gz',
      '/sitemap.xml',
      'https://example.org/sitemap.xml',
      '/bad.xml',
      '/two.xml',
      '/one.xml.gz',
    ),
    '/one.xml.gz': { headers: { 'content-type': 'application/x-gzip' }, body: gzipSync(urlset('/a')) },
    '/two.xml': `${urlset('/b')}`,
    '/bad.xml': '<html>',
    '/a': html('A'),
    '/b': html('B'),
  });
  assert.deepEqual(ids(await read()), ['/a', '/b']);
  assert.deepEqual(
    site.asked.filter((path) => path.includes('xml')),
    ['/sitemap.xml', '/one.xml.gz', '/bad.xml', '/two.xml'],
  );
  assert.deepEqual(
    notes.map(({ why }) => why.replace(site.origin, '')),
    ['a sitemap of another origin', '/bad.xml is no sitemap: <urlset> or <sitemapindex> was expected'],
  );
});

test('robots.txt holds for listed pages too', async () => {
  site.serve({
    '/robots.txt': 'User-agent: *\nDisallow: /private',
    '/sitemap.xml': urlset('/private/a', '/b'),
    '/b': html('B'),
  });
  assert.deepEqual(ids(await read()), ['/b']);
  assert.ok(!site.asked.includes('/private/a'));
});

test('what is no sitemap, or lists nothing that can be read, is refused in words', async () => {
  site.serve({ '/sitemap.xml': html('Not found') });
  assert.match(await refused(), /sitemap\.xml is no sitemap: <urlset> or <sitemapindex> was expected/);
  site.serve({ '/sitemap.xml': urlset() });
  assert.match(await refused(), /sitemap\.xml lists no page/);
  site.serve({ '/sitemap.xml': urlset('https://example.org/a', 'https://example.org/b') });
  assert.match(await refused(), /lists only pages of other origins, e\.g\. https:\/\/example\.org\/a/);
  site.serve({});
  assert.match(await refused(), /sitemap\.xml answers 404/);
  site.serve({ '/sitemap.xml': { status: 301, headers: { location: 'https://example.org/sitemap.xml' } } });
  assert.match(await refused(), /redirects to https:\/\/example\.org\/sitemap\.xml; name that address/);
});

test('entities are not expanded, and packed maps do not grow without end', async () => {
  const entities = Array.from({ length: 9 }, (_, step) => {
    const [name, below] = [String.fromCharCode(98 + step), String.fromCharCode(97 + step)];
    return `<!ENTITY ${name} "${`&${below};`.repeat(10)}">`;
  });
  const withEntities = (...more: string[]): string =>
    `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">${[...entities, ...more].join('')}]>${urlset('/x&j;', '/b')}`;
  site.serve({ '/sitemap.xml': withEntities(), '/b': html('B') });
  assert.deepEqual(ids(await read()), ['/b']);
  assert.ok(
    site.asked.every((path) => path.length < 100),
    site.asked.join(),
  );
  site.serve({ '/sitemap.xml': withEntities('<!ENTITY file SYSTEM "file:///etc/passwd">') });
  assert.match(await refused(), /is no sitemap/);
  const packed = gzipSync(Buffer.alloc(60 * 1024 * 1024, ' '));
  site.serve({ '/sitemap.xml': { body: packed, headers: { 'content-type': 'application/gzip' } } });
  assert.match(await refused(), /cannot be unpacked, or holds more than/);
});
