/** The whole way on a real application: TiddlyWiki from npm, worked on by refs alone. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Observation } from '../../schemas/observation.ts';
import { openPlace, refOf } from './browser-place.ts';

const cache = process.env.LBI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbi');
const wiki = join(cache, 'packages', 'tiddlywiki@5.4.1', 'node_modules', 'tiddlywiki');
const skip = existsSync(wiki)
  ? false
  : `npm i --prefix ${join(cache, 'packages', 'tiddlywiki@5.4.1')} tiddlywiki@5.4.1`;

const named = (seen: Observation, role: string, name: RegExp): string => {
  const found = seen.elements?.find((one) => one.role === role && name.test(one.name));
  assert.ok(found !== undefined, `no ${role} ${name} in:\n${seen.text}`);
  return found.name;
};

test('a tiddler is written through the pages and found by the server', { skip }, async (t) => {
  const place = await openPlace(
    t,
    {
      app: {
        package: 'tiddlywiki@5.4.1',
        copy: '${package}/editions/server',
        command: ['${node}', '${package}/tiddlywiki.js', '${dir}', '--listen', 'port=${port}'],
        ready: '/status',
      },
    },
    { packageFolder: async () => wiki },
  );
  assert.match(place.first.text, /^Page: .*\nURL: http:\/\/127\.0\.0\.1:\d+\//);
  assert.ok(place.first.text.length <= 6000);
  await place.on('click', named(place.first, 'button', /new tiddler/i));
  const title = named(place.last(), 'textbox', /^Draft of/);
  const typed = await place.on('type', title, { text: 'Zoë’s note', submit: false });
  assert.equal(typed.error, undefined);
  const text = named(typed.observation, 'textbox', /^Type the text/);
  assert.equal((await place.on('type', text, { text: 'Written by refs', submit: false })).error, undefined);
  const saved = await place.on('click', named(place.last(), 'button', /^Confirm changes/));
  assert.equal(saved.error, undefined);
  assert.match(saved.observation.text, /Zoë’s note[\s\S]*Written by refs/);
  const origin = new URL(String(place.first.state.url)).origin;
  let titles: string[] = [];
  for (let wait = 0; wait < 20 && !titles.includes('Zoë’s note'); wait++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const tiddlers = (await (await fetch(`${origin}/recipes/default/tiddlers.json`)).json()) as { title: string }[];
    titles = tiddlers.map((one) => one.title);
  }
  assert.ok(titles.includes('Zoë’s note'), titles.join(', '));
  assert.ok(refOf(place.last(), named(place.last(), 'button', /new tiddler/i)));
});
