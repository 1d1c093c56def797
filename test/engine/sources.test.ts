/** A run whose documents are the pages of a site, and what is seen of the place itself. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { html, siteServer } from '../sources/site-server.ts';
import { lastEvent, makePlace, type Place } from './place.ts';

let place: Place;
let sources = '';
const site = await siteServer();
before(async () => {
  sources = `sources:
  - { site: "${site.origin}/docs/", limit: 3, delay: 0, license: MIT }
  - { environment: board, take: observation }`;
  place = await makePlace({
    documents: 0,
    oneTask: true,
    change: (pipeline) => pipeline.replace(/sources:\n.*/, sources),
  });
});
after(() => place.close());

const board = '<p>Each lamp can be switched, and the board can be read.</p>';
const page = (room: string, ...links: string[]): string =>
  html(`Page of the ${room}`, ...links).replace('</main>', `${board}</main>`);

test('tasks come from the pages and from the place; a second run asks the site what changed, and no model', async () => {
  site.serve({
    '/docs/': page('hall', 'attic', 'gone'),
    '/docs/attic': { headers: { etag: '"1"' }, body: page('attic') },
  });
  const first = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.equal(first.exitCode, 0, first.stderr);
  const { run, progress } = lastEvent(first.stdout);
  assert.deepEqual([progress.funnel.documents, progress.funnel.tasks], [3, 3]);
  assert.ok(progress.funnel.kept > 0);
  assert.deepEqual(site.asked, ['/robots.txt', '/docs/', '/docs/attic', '/docs/gone']);
  const shown = await place.lbi('show', run);
  assert.match(shown.stdout, /Switch the lamps that burn off/);
  assert.match(shown.stdout, /not read, and why\n.*\/docs\/gone {2}the server answers 404/);
  const card = await readFile(join(place.folder, '.lbi/datasets', run, 'README.md'), 'utf8');
  assert.ok(card.includes(`| ${site.origin} | 2 | MIT |\n| environment board | 1 | not stated |`), card);
  const second = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.equal(second.exitCode, 0, second.stderr);
  assert.equal(lastEvent(second.stdout).progress.usage['instruct/writer']?.calls, 0);
  assert.equal(site.asked.length, 8);
  assert.equal(site.headers[6]?.['if-none-match'], '"1"');
});
