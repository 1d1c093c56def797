/** The filter on a real server: an optional member without a key, a place that verifies, votes that are spared and asked for later. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Done, lastEvent, makePlace, type Place } from './place.ts';

const places: Place[] = [];
after(async () => {
  for (const place of places) await place.close();
});
const placeWith = async (...[options]: Parameters<typeof makePlace>): Promise<Place> => {
  const place = await makePlace(options);
  places.push(place);
  return place;
};

const scripted = (more = ''): string => `{ provider: scripted, script: lamps.script.yaml${more} }`;
const callsOf = ({ progress }: Done, account: string): number => progress.usage[account]?.calls ?? 0;

const run = async (place: Place): Promise<{ done: Done; exitCode: number }> => {
  const { stdout, stderr, exitCode } = await place.lbi('run', 'pipeline.yaml', '--json');
  assert.match(stdout, /"type":"done"/, stderr);
  return { done: lastEvent(stdout), exitCode };
};

test('an optional member that cannot be asked blocks nothing; what is not verified or scored low is dropped; an odd keep rate is told', async () => {
  const place = await placeWith({
    documents: 1,
    models: `  writer: ${scripted()}\n  judge: { provider: openai, model: judge, base_url: "http://127.0.0.1:9/v1", api_key: "\${secret:LAMPS_NO_SUCH_KEY}" }`,
    change: (text) =>
      text
        .replace('items: 4,', 'items: 4, verify: 2,')
        .replace('[writer, judge]', '[writer, { model: judge, name: spare, optional: true }]')
        .replace('uses: filter,', 'uses: filter, min_score: 0.9, expect: { keep_rate: [0.9, 1] },'),
  });
  const { done, exitCode } = await run(place);
  assert.equal(done.status, 'COMPLETED');
  const { funnel, dataset } = done.progress;
  assert.equal(funnel.dropped['outcome-below-min-score'], 1);
  assert.ok(funnel.voted > 0 && funnel.kept > 0);
  assert.deepEqual(dataset?.absent, { 'spare failed to answer': funnel.voted });
  assert.equal(callsOf(done, 'filter/spare'), 0);
  assert.equal(dataset?.unexpected?.length, 1);
  assert.deepEqual([exitCode, done.exit], [5, 5]);

  const shown = (await place.lbi('show', '@last')).stdout;
  assert.match(shown, /not as expected: \d+ of \d+ judged examples were kept/);
  assert.match(shown, /votes not cast\n +\d+ +spare failed to answer/);
  const tasks = [...shown.matchAll(/^ +(\S+-[0-9a-f]{6}) +finished/gm)].map((match) => match[1] ?? '');
  const walks = await Promise.all(tasks.map(async (task) => (await place.lbi('show', '@last', task)).stdout));
  assert.equal(walks.filter((walk) => walk.includes('score 1 (2 lamps on, 2 wanted)')).length, 2);
  assert.equal(walks.filter((walk) => walk.includes('score 0 (0 lamps on, 2 wanted)')).length, 1);
  const examples = (await place.lbi('show', '@last', '--examples')).stdout;
  assert.match(examples, /spare: failed, the verdict is without it · .*LAMPS_NO_SUCH_KEY/);

  // Found finished: the scores and the failures of that time still stand.
  const again = await run(place);
  assert.equal(again.done.progress.funnel.episodesReused, 3);
  assert.equal(again.done.progress.funnel.dropped['outcome-below-min-score'], 1);
  assert.equal((await place.lbi('check', '@last')).exitCode, 0);
});

test('votes that cannot change the verdict are spared, and asked for when another rule needs them', async () => {
  const place = await placeWith({
    documents: 1,
    models: `  writer: ${scripted()}\n  judge: ${scripted(', temperature: 0.5')}`,
    change: (text) => text.replace('reasons: one', 'reasons: one, ask: until-decided, accept: unanimous'),
  });
  const file = join(place.folder, 'pipeline.yaml');
  const rule = async (from: string, to: string): Promise<void> => {
    const text = await readFile(file, 'utf8');
    assert.ok(text.includes(from));
    await writeFile(file, text.replace(from, to));
  };
  const first = (await run(place)).done;
  const judged = first.progress.funnel.voted;
  const spared = first.progress.dataset?.absent?.['judge was not asked: the verdict stood'] ?? 0;
  assert.ok(spared > 0 && spared < judged);
  const asked = callsOf(first, 'filter/judge');
  const dropped = (await place.lbi('show', '@last', '--dropped')).stdout;
  assert.match(dropped, /writer says no: natural/);
  assert.match(dropped, /judge: not asked, the verdict stood/);

  await rule('accept: unanimous', 'accept: { at_least: 1 }');
  const lenient = (await run(place)).done;
  assert.equal(callsOf(lenient, 'filter/writer'), 0);
  assert.equal(callsOf(lenient, 'interact/writer'), 0);
  // One question for all windows that look alike: what is asked is what was never asked.
  assert.ok(callsOf(lenient, 'filter/judge') > 0 && callsOf(lenient, 'filter/judge') <= spared);
  assert.ok(lenient.progress.funnel.episodesReused > 0, 'episodes in which all votes are there are not begun again');
  assert.equal((await place.lbi('check', '@last')).exitCode, 0);

  await rule('accept: { at_least: 1 }', 'accept: unanimous');
  const back = (await run(place)).done;
  assert.equal(back.progress.funnel.episodesReused, first.progress.funnel.episodes);
  assert.equal(back.progress.dataset?.kept, first.progress.dataset?.kept);

  await rule('ask: until-decided', 'ask: all');
  const all = (await run(place)).done;
  assert.equal(callsOf(all, 'filter/judge'), 0, `${asked} were asked at first, ${spared} spared`);
  assert.equal(all.progress.dataset?.absent, undefined);
});
