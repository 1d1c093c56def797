/** Sites by their links, against a real server: which pages, how politely, and what hostile ones do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { isInner } from '../../activities/sources/addresses.ts';
import { NotReadYet } from '../../activities/sources/context.ts';
import { openRequester } from '../../activities/sources/request.ts';
import type { PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { openReading } from './reading.ts';
import { html, siteServer } from './site-server.ts';

const place = openReading();
const { refusal, notes, waits } = place;
const site = await siteServer();

type SiteSource = Extract<PipelineSpec['sources'][number], { site: string }>;

let runs = 0;
const nextRun = (): string => {
  runs += 1;
  return `r-${runs}`;
};
/** Reads from `/docs/` in a run of its own, without pauses unless said otherwise. */
const crawl = (more: Partial<SiteSource> = {}, run: string | null = nextRun()) => place.read([source(more)], { run });
const source = (more: Partial<SiteSource>): SiteSource => ({ site: `${site.origin}/docs/`, delay: 0, ...more });
const refused = (more: Partial<SiteSource> = {}) => refusal([source(more)], { run: nextRun() });
const paths = (documents: { id: string }[]): string[] => documents.map(({ id }) => id);

test('links are followed breadth first inside the folder of the first page, each page once', async () => {
  site.serve({
    '/docs/': html(
      'Start',
      'b',
      'a#part',
      '/docs/a?utm_source=x',
      '/other/',
      'https://example.org/docs/',
      'mailto:a@b',
      '../docs/./c/',
    ),
    '/docs/a': html('A', 'b', 'deep'),
    '/docs/b': html('B', './', 'a'),
    '/docs/c/': html('C', '../deep'),
    '/docs/deep': html('Deep', 'deeper'),
    '/docs/deeper': html('Deeper'),
    '/other/': html('Other'),
  });
  const documents = await crawl({ depth: 2, license: 'MIT' });
  assert.deepEqual(paths(documents), ['/docs/', '/docs/b', '/docs/a', '/docs/c/', '/docs/deep']);
  assert.deepEqual(site.asked, ['/robots.txt', '/docs/', '/docs/b', '/docs/a', '/docs/c/', '/docs/deep']);
  const [start] = documents;
  assert.deepEqual([start?.source, start?.title, start?.license], [`${site.origin}/docs/`, 'Start', 'MIT']);
  assert.match(site.headers[0]?.['user-agent'] ?? '', /^learn-by-interact /);
  assert.deepEqual(paths(await crawl({ depth: 0 })), ['/docs/']);
  assert.deepEqual(paths(await crawl({ limit: 2 })), ['/docs/', '/docs/b']);
});

test('a folder without a slash at its end is a folder; a page with a dot stands in one', async () => {
  site.serve({
    '/docs': html('Docs', 'docs/a', 'x.html'),
    '/docs/a': html('A'),
    '/x.html': html('X', 'docs/a', 'y.html'),
    '/y.html': html('Y'),
  });
  assert.deepEqual(paths(await crawl({ site: `${site.origin}/docs` })), ['/docs', '/docs/a']);
  assert.deepEqual(paths(await crawl({ site: `${site.origin}/x.html` })), ['/x.html', '/docs/a', '/y.html']);
});

test('include and exclude decide before a page is asked for', async () => {
  site.serve({
    '/docs/': html('Start', 'en/a', 'en/b/c', 'fr/a', 'en/print'),
    '/docs/en/a': html('A'),
    '/docs/en/b/c': html('C'),
    '/docs/en/print': html('P'),
    '/docs/fr/a': html('F'),
  });
  assert.deepEqual(paths(await crawl({ include: ['/docs/en/**'], exclude: ['**/print'] })), [
    '/docs/en/a',
    '/docs/en/b/c',
  ]);
  assert.ok(!site.asked.includes('/docs/fr/a') && !site.asked.includes('/docs/en/print'));
  assert.deepEqual(paths(await crawl({ include: ['/docs/*/*'] })), ['/docs/en/a', '/docs/fr/a', '/docs/en/print']);
});

test('robots.txt is kept: what it forbids, its crawl-delay, and pages that ask not to be used or followed', async () => {
  site.serve({
    '/robots.txt':
      'User-agent: learn-by-interact\nDisallow: /docs/private\nCrawl-delay: 2\n\nUser-agent: *\nDisallow: /\n',
    '/docs/': html('Start', 'private/x', 'hidden', 'quiet', 'a'),
    '/docs/hidden': '<meta name="robots" content="noindex"><p>hidden</p><a href="found">f</a>',
    '/docs/quiet': '<meta name="robots" content="nofollow"><p>quiet</p><a href="never">n</a>',
    '/docs/a': { headers: { 'x-robots-tag': 'noindex' }, body: html('A') },
    '/docs/found': html('Found'),
  });
  assert.deepEqual(paths(await crawl({ delay: 0.5 })), ['/docs/', '/docs/quiet', '/docs/found']);
  assert.ok(!site.asked.some((path) => /private|never/.test(path)), site.asked.join());
  assert.equal(waits.length, site.asked.length - 1);
  assert.ok(
    waits.slice(1).every((wait) => wait > 1500 && wait <= 2000),
    waits.join(),
  );
  assert.match(notes.find(({ what }) => what.endsWith('/private/x'))?.why ?? '', /robots\.txt forbids it \(line 2\)/);
  site.pages['/robots.txt'] = 'User-agent: *\nDisallow: /docs';
  assert.match((await refused()).message, /\/docs\/ cannot be read: robots\.txt forbids it/);
  site.pages['/robots.txt'] = 'User-agent: *\nCrawl-delay: 86400';
  assert.match((await refused()).message, /asks for 86400 seconds between two requests/);
});

test('a robots.txt that cannot be had stops the reading; one that is not there does not', async () => {
  site.serve({ '/robots.txt': { status: 503 }, '/docs/': html('Start') });
  const error = await refused();
  assert.deepEqual([error.kind, site.asked.filter((path) => path !== '/robots.txt')], ['operator', []]);
  site.pages['/robots.txt'] = { status: 410 };
  assert.equal((await crawl()).length, 1);
});

test('the pause between requests is kept', async () => {
  site.serve({ '/docs/': html('Start', 'a', 'b'), '/docs/a': html('A'), '/docs/b': html('B') });
  await crawl({ delay: 0.5 });
  assert.equal(waits.length, 3);
  assert.ok(
    waits.every((wait) => wait > 300 && wait <= 500),
    waits.join(),
  );
});

test('a server that asks for patience gets it; a long pause is handed on', async () => {
  let tries = 0;
  site.serve({
    '/docs/': (_request, response) => {
      tries += 1;
      response.writeHead(tries < 3 ? 429 : 200, {
        'retry-after': tries === 1 ? '7' : new Date(Date.now() + 9500).toUTCString(),
        'content-type': 'text/html',
      });
      response.end(html('Start'));
    },
  });
  assert.equal((await crawl()).length, 1);
  assert.equal(waits[0], 7000);
  assert.ok((waits[1] ?? 0) > 7000 && (waits[1] ?? 0) <= 9500, waits.join());
  site.pages['/docs/'] = { status: 503, headers: { 'retry-after': '600' } };
  const error = await refused();
  assert.deepEqual([error.kind, error.retryAfterMs], ['rate-limited', 600_000]);
});

test('pages that fail are noted, and a server that stays down ends the reading in a way that can be taken up', async () => {
  const names = Array.from({ length: 8 }, (_, index) => `p${index}`);
  site.serve({ '/docs/': html('Start', 'gone', 'broken', ...names), '/docs/broken': { status: 500 } });
  for (const name of names) site.pages[`/docs/${name}`] = html(name);
  assert.equal((await crawl()).length, 9);
  assert.deepEqual(
    notes.map(({ what, why }) => [what.slice(site.origin.length), why]),
    [
      ['/docs/gone', 'the server answers 404'],
      ['/docs/broken', `${site.origin}/docs/broken answers 500`],
    ],
  );
  assert.equal(site.asked.filter((path) => path === '/docs/broken').length, 4);
  // A page that could not be had keeps nobody from looking ahead, once the site has been read.
  assert.equal((await crawl({}, null)).length, 9);
  for (const name of names.slice(2)) site.pages[`/docs/${name}`] = (_request, response) => response.destroy();
  const error = await refused();
  assert.deepEqual([error.kind, site.asked.at(-1)], ['transient', '/docs/p6']);
});

test('what an interrupted reading has read is not asked for again in the same run, and what has not changed is not sent again', async () => {
  const names = ['a', 'b', 'c'];
  site.serve({ '/docs/': { headers: { etag: '"start"' }, body: html('Start', ...names) } });
  for (const name of names)
    site.pages[`/docs/${name}`] = (request, response) => {
      const same = request.headers['if-none-match'] === `"${name}"`;
      response.writeHead(same ? 304 : 200, { etag: `"${name}"`, 'content-type': 'text/html' });
      response.end(same ? undefined : html(name));
    };
  const whole = site.pages['/docs/b'];
  site.pages['/docs/b'] = (_request, response) => response.destroy();
  const stop = new AbortController();
  const wait = async (): Promise<void> => stop.abort(new Error('stopped'));
  await assert.rejects(place.read([source({})], { run: 'r-x', signal: stop.signal, wait }), /stopped/);
  assert.ok(whole !== undefined);
  site.pages['/docs/b'] = whole;
  const before = [...site.asked];
  assert.equal((await crawl({}, 'r-x')).length, 4);
  assert.deepEqual(site.asked.slice(before.length), ['/docs/b', '/docs/c']);
  site.asked.length = 0;
  const first = await crawl({}, 'r-x');
  assert.deepEqual(site.asked, []);
  const second = await crawl({}, 'r-y');
  assert.equal(site.asked.length, 5);
  assert.deepEqual(second, first);
  assert.equal(site.headers.at(-1)?.['if-none-match'], '"c"');
  assert.deepEqual(await crawl({}, null), first);
  assert.equal(site.asked.length, 5);
});

test('without asking, a site that no run has read is not read yet', async () => {
  site.serve({ '/new/': html('New', 'a') });
  const error = await refusal([source({ site: `${site.origin}/new/` })], { run: null });
  assert.ok(error instanceof NotReadYet, String(error));
  assert.equal(error.name, 'NotReadYet');
  assert.deepEqual(site.asked, []);
});

test('redirects are followed inside only, and not in circles', async () => {
  const to = (location: string) => ({ status: 302, headers: { location } });
  site.serve({
    '/docs/': html('Start', 'moved', 'out', 'away', 'circle', 'chain0', 'inner', 'nowhere', 'script'),
    '/docs/moved': to('new'),
    '/docs/new': html('New'),
    '/docs/out': to('/secret'),
    '/docs/away': to('https://example.org/'),
    '/docs/inner': to('http://169.254.169.254/latest/meta-data'),
    '/docs/circle': to('circle2'),
    '/docs/circle2': to('circle'),
    '/docs/nowhere': { status: 301 },
    '/docs/script': to('file:///etc/passwd'),
    '/secret': html('Secret'),
  });
  for (let index = 0; index < 9; index += 1) site.pages[`/docs/chain${index}`] = to(`chain${index + 1}`);
  assert.deepEqual(paths(await crawl()), ['/docs/', '/docs/new']);
  assert.deepEqual(
    notes.map(({ why }) => why.replace(site.origin, '')),
    [
      'it redirects to /secret, which is outside of the source',
      'it redirects to https://example.org/, which is outside of the source',
      'redirects lead in a circle',
      'more than 5 redirects',
      'it redirects to http://169.254.169.254/latest/meta-data, which is outside of the source',
      'a redirect leads to no address',
      'a redirect leads to no address',
    ],
  );
  site.pages['/docs/'] = to('https://example.org/docs/');
  assert.match(
    (await refused()).message,
    /cannot be read: it redirects to https:\/\/example\.org\/docs\/, which is outside/,
  );
});

test('huge, packed, slow and foreign answers are left out', async () => {
  site.serve({
    '/docs/': html('Start', 'huge', 'endless', 'bomb', 'picture', 'slow', 'badzip', 'a'),
    '/docs/huge': { headers: { 'content-length': '9000000' }, body: 'x'.repeat(9_000_000) },
    '/docs/endless': (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      const more = (): boolean => response.write('x'.repeat(64 * 1024)) && !response.destroyed;
      response.on('drain', more);
      while (more());
    },
    '/docs/bomb': { headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(300_000_000)) },
    '/docs/badzip': { headers: { 'content-encoding': 'gzip' }, body: 'no gzip' },
    '/docs/picture': { headers: { 'content-type': 'image/png' }, body: 'x' },
    '/docs/slow': (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
    },
    '/docs/a': { headers: { 'content-encoding': 'gzip' }, body: gzipSync(html('A')) },
  });
  assert.deepEqual(paths(await crawl({ timeout: 0.4, max_bytes: 200_000 })), ['/docs/', '/docs/a']);
  assert.deepEqual(
    notes.map(({ what, why }) => [what.split('/').at(-1), why]),
    [
      ['huge', 'it is larger than max_bytes'],
      ['endless', 'it is larger than max_bytes'],
      ['bomb', 'it is larger than max_bytes'],
      ['picture', 'it is image/png, which is not read'],
      ['slow', 'no whole answer in time'],
      ['badzip', 'incorrect header check'],
    ],
  );
});

test('links without end do not make a reading endless', async () => {
  site.serve({ '/docs/': html('Start', 'n1', ...Array.from({ length: 3000 }, (_, index) => `gone${index}`)) });
  for (let index = 1; index < 200; index += 1)
    site.pages[`/docs/n${index}`] = html('Always the same', `n${index + 1}`).replace(
      /<a.*a>/,
      (link) => `<nav>${link}</nav>`,
    );
  assert.deepEqual(paths(await crawl({ limit: 10, depth: 1000, max_chars: 100_000 })), ['/docs/', '/docs/n1']);
  assert.ok(site.asked.length <= 2 + 4 * 10, String(site.asked.length));
});

test('a page that names another as the real one is not read beside it', async () => {
  const canonical = (title: string, link: string) => `<link rel="canonical" href="${link}">${html(title)}`;
  site.serve({
    '/docs/': html('Start', 'a', 'a?view=print', 'b'),
    '/docs/a': html('A'),
    '/docs/a?view=print': canonical('A for print', '/docs/a'),
    '/docs/b': canonical('B', 'https://example.org/b'),
  });
  assert.deepEqual(paths(await crawl()), ['/docs/', '/docs/a', '/docs/b']);
  assert.equal(notes[0]?.why, `a copy of ${site.origin}/docs/a`);
});

test('Markdown, text and PDF pages are read, and links of Markdown are followed', async () => {
  site.serve({
    '/docs/': html('Start', 'a.md', 'c.txt', 'd.pdf'),
    '/docs/a.md': '---\ntitle: Ay\n---\ntext [b](b.md) [c](<c.txt>)',
    '/docs/b.md': '# Bee',
    '/docs/c.txt': 'see [x](x.md)',
    '/docs/d.pdf': { headers: { 'content-type': 'application/pdf' }, body: 'no pdf' },
  });
  const documents = await crawl();
  assert.deepEqual(
    documents.map(({ title }) => title),
    ['Start', 'Ay', 'c', 'Bee'],
  );
  assert.match(notes[0]?.why ?? '', /^it cannot be read as PDF/);
});

test('an address that cannot be reached is a matter for a person', async () => {
  const { kind, message } = await refusal([{ site: 'http://127.0.0.1:9/docs/' }]);
  assert.deepEqual(
    [kind, /127\.0\.0\.1:9\/docs\/ cannot be reached \(.*ECONNREFUSED.*check the address/.test(message)],
    ['operator', true],
    message,
  );
  site.serve({ '/docs/': { status: 403 } });
  assert.match((await refused()).message, /cannot be read: the server answers 403/);
  site.serve({ '/docs/': '<main></main>' });
  assert.match((await refused()).message, /no page of .* gave a text/);
});

test('a public source cannot lead into the inner network', async () => {
  for (const address of [
    '127.0.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    'fd00::1',
    'fe80::1',
    '224.0.0.1',
    '255.255.255.255',
    '64:ff9b::a00:1',
  ])
    assert.equal(isInner(address), true, address);
  for (const address of ['93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:2800::1', '::ffff:93.184.216.34'])
    assert.equal(isInner(address), false, address);
  site.serve({ '/docs/': html('Start') });
  const requester = openRequester(false);
  const port = new URL(site.origin).port;
  const options = {
    headers: {},
    timeout: 3000,
    maxBytes: 1000,
    wanted: () => true,
    signal: new AbortController().signal,
  };
  try {
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', '0.0.0.0'])
      await assert.rejects(
        requester.get(new URL(`http://${host}:${port}/docs/`), options),
        /is not of the public internet/,
        host,
      );
  } finally {
    requester.close();
  }
  assert.deepEqual(site.asked, []);
});
