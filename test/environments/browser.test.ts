/** Observations and actions of the browser, in a real Chromium on the pages beside this file. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPlace, type Place, refOf, serve } from './browser-place.ts';

const line = (place: Place, part: string): string | undefined =>
  place
    .last()
    .text.split('\n')
    .find((one) => one.includes(part))
    ?.trim();

test('the first observation names everything that can be acted on', async (t) => {
  const site = await serve(t);
  const { first, objects } = await openPlace(t, { url: `${site.origin}/form.html` });
  const elements = new Map(first.elements?.map((one) => [`${one.role} ${one.name}`, one]));
  assert.deepEqual(
    elements.get('textbox Customer')?.actions,
    ['click', 'type'],
    'a box is named by the text before it',
  );
  assert.deepEqual(elements.get('checkbox Gift wrap')?.actions, ['click'], 'a check box by the text after it');
  assert.deepEqual(elements.get('combobox Colour')?.actions, ['select']);
  assert.deepEqual(elements.get('combobox Colour')?.options, ['Red', 'Green', 'Deep blue', 'Black']);
  assert.ok(!elements.has('button Delete'), 'disabled');
  assert.match(first.text, /- button "Delete" \[disabled\]/);
  assert.deepEqual(elements.get('textbox Locked')?.actions, ['click'], 'read-only');
  assert.deepEqual(elements.get('clickable Plain box')?.actions, ['click']);
  assert.ok(elements.has('clickable Hand box'));
  assert.ok(first.text.startsWith(`Page: Form – Übung\nURL: ${site.origin}/form.html\n`));
  assert.match(first.text, /- heading "Order form" \[level=1\]/);
  assert.match(first.text, /- button "Save" \[ref=e\d+\]/);
  assert.doesNotMatch(first.text, /ignore all previous/, 'text that nobody can read is left out');
  assert.equal(first.state.unreadable, 1);
  assert.ok(
    objects
      .get(first.full ?? '')
      ?.toString()
      .includes('- button "Save"'),
  );
});

test('a form is filled and sent by refs', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/form.html` });
  await place.on('type', 'Customer', { text: 'Zoë 渡辺 👩‍👧 می‌خواهم', submit: false });
  assert.equal(
    line(place, '"Customer"'),
    `- textbox "Customer" [focused] [ref=${refOf(place.first, 'Customer')}]: Zoë 渡辺 👩‍👧 می‌خواهم`,
  );
  await place.on('type', 'Customer', { text: 'Ann', submit: false });
  await place.on('type', 'Password', { text: 'secret!', submit: false });
  assert.match(line(place, '"Password"') ?? '', /\[filled\]/);
  assert.doesNotMatch(JSON.stringify(place.last()), /secret!|•/, 'a password is never shown');
  await place.on('select', 'Colour', { option: 'Deep blue' });
  await place.on('click', 'Gift wrap');
  assert.match(line(place, '"Gift wrap"') ?? '', /\[checked\]/);
  await place.on('type', 'Day', { text: '2026-02-03', submit: false });
  await place.on('type', 'Notes', { text: 'two\nlines', submit: false });
  await place.on('type', 'Rich', { text: 'typed', submit: false });
  const { error, observation } = await place.on('click', 'Save');
  assert.equal(error, undefined);
  assert.match(observation.text, /status: Ann\|secret!\|b\|2026-02-03\|two lines\|true\|typed/);
});

test('a text box is emptied by an empty text, and sent by submit', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/form.html` });
  await place.on('type', 'Customer', { text: 'x'.repeat(600), submit: false });
  await place.on('type', 'Customer', { text: '', submit: false });
  assert.doesNotMatch(line(place, '"Customer"') ?? '', /xxx/);
  await place.on('type', 'Customer', { text: 'Bo', submit: true });
  assert.match(place.last().text, /status: Bo\|\|Red/);
});

test('what is clickable only by its behaviour takes a click', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/form.html` });
  await place.on('click', 'Plain box');
  assert.match(place.last().text, /status: plain clicked/);
  await place.on('click', 'Hand box');
  assert.match(place.last().text, /status: hand clicked/);
});

test('refs stay while the element stays, and are never given to another', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/form.html` });
  const old = { save: refOf(place.first, 'Save'), rename: refOf(place.first, 'Rename me') };
  await place.on('click', 'Rename me');
  assert.equal(refOf(place.last(), 'Save'), old.save, 'a change elsewhere renumbers nothing');
  assert.notEqual(refOf(place.last(), 'Renamed'), old.rename, 'another name is another ref');
  const before = new Set(place.first.elements?.map((one) => one.ref));
  assert.ok(!before.has(refOf(place.last(), 'New on top')));
  await place.on('click', 'Other page');
  assert.match(place.last().text, /^Page: Other/);
  for (const element of place.last().elements ?? []) assert.ok(!before.has(element.ref), element.ref);
});

test('an element that is not what the action says is stale', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/form.html` });
  const save = refOf(place.first, 'Save');
  const wrong = await place.act('click', { element: 'Cancel', ref: save });
  assert.deepEqual(wrong.error, {
    class: 'stale',
    message: `${save} is button "Save", not "Cancel". Use the names and refs of the last observation.`,
  });
  const other = await place.act('click', { element: 'Other page', ref: save });
  assert.match(other.error?.message ?? '', new RegExp(`"Other page" is link ${refOf(place.first, 'Other page')}`));
  const gone = refOf(place.first, 'Short-lived');
  await place.on('click', 'Remove');
  const late = await place.act('click', { element: 'Short-lived', ref: gone });
  assert.equal(late.error?.class, 'stale');
  assert.match(late.error?.message ?? '', /no element e\d+ on the page/);
  assert.equal(
    (await place.act('click', { element: 'save ', ref: `[ref=${save}]` })).error,
    undefined,
    'written loosely',
  );
});

test('arguments are checked, and every refusal comes with an observation', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/form.html` });
  const cases: [string, Record<string, string | boolean>, string, RegExp][] = [
    ['fly', {}, 'invalid', /no action "fly"\. Actions: click, type/],
    ['click', { ref: 'e1' }, 'invalid', /argument "element" is missing/],
    ['click', { element: 'Save', ref: 'e1', force: true }, 'invalid', /unknown argument "force"/],
    ['scroll', { direction: 'sideways' }, 'invalid', /must be one of up, down/],
    ['press', { key: 'Hyper+q' }, 'invalid', /is not a key/],
    ['dialog', { accept: true, text: '' }, 'dialog', /No dialog is open/],
    ['back', {}, 'failed', /no page before/],
    ['scroll', { direction: 'down' }, 'failed', /nothing further down/],
    ['goto', { url: 'javascript:alert(1)' }, 'invalid', /not an address/],
    ['goto', { url: 'file:///etc/passwd' }, 'invalid', /not an address/],
  ];
  for (const [name, given, kind, message] of cases) {
    const { error, observation } = await place.act(name, given);
    assert.equal(error?.class, kind, `${name} ${JSON.stringify(given)}: ${error?.message}`);
    assert.match(error?.message ?? '', message);
    assert.equal(observation.stateHash, place.first.stateHash);
  }
  const [, ref = ''] = /"Delete" \[disabled\] \[ref=(e\d+)\]/.exec(place.first.text) ?? [];
  const disabled = await place.act('click', { element: 'Delete', ref });
  assert.match(disabled.error?.message ?? '', /"Delete" is disabled/);
  const option = await place.on('select', 'Colour', { option: 'Pink' });
  assert.match(option.error?.message ?? '', /no option "Pink"\. Its options: "Red", "Green"/);
  assert.match((await place.on('select', 'Colour', { option: 'Black' })).error?.message ?? '', /disabled/);
  assert.match((await place.on('type', 'Locked', { text: 'x', submit: false })).error?.message ?? '', /does not take/);
});

test('a covered element says what covers it', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/form.html` });
  await place.on('click', 'Cover');
  const { error } = await place.on('click', 'Save');
  assert.equal(error?.class, 'failed');
  assert.match(error?.message ?? '', /button "Save" is covered by div "Cookie notice"/);
});

test('frames and shadow trees are read and acted on', async (t) => {
  const site = await serve(t);
  const local = site.origin.replace('127.0.0.1', 'localhost');
  const place = await openPlace(t, { url: `${site.origin}/frames.html`, allow: [`${site.origin}/*`, `${local}/*`] });
  const same = place.first.elements?.filter((one) => one.name === 'Same name') ?? [];
  assert.equal(same.length, 3, place.first.text);
  assert.equal(new Set(same.map((one) => one.ref)).size, 3);
  for (const element of same.slice(1)) await place.act('click', { element: 'Same name', ref: element.ref });
  assert.equal(place.last().text.match(/Inner clicked/g)?.length, 2, place.last().text);
  await place.on('click', 'In srcdoc');
  await place.on('click', 'In open shadow');
  await place.on('click', 'In closed shadow');
  for (const name of ['Inline clicked', 'open clicked', 'closed clicked']) refOf(place.last(), name);
});

test('settling waits for what an action sets off', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/settle.html` });
  await place.on('click', 'Fetch then update');
  assert.match(place.last().text, /status: fetched/);
  await place.on('type', 'Search', { text: 'abc', submit: false });
  assert.match(place.last().text, /status: found abc/);
  await place.on('click', 'Timer');
  assert.match(place.last().text, /status: timer done/);
  await place.on('click', 'Route');
  assert.match(place.last().text, /^Page: Routed\nURL: .*\/spa\/route\n[\s\S]*status: route shown/);
  await place.act('back');
  assert.match(String(place.last().state.url), /settle\.html$/);
  const slow = await place.on('click', 'Slow page');
  assert.match(slow.observation.text, /Slow page/);
  await place.act('back');
  const restless = await place.on('click', 'Restless');
  assert.equal(restless.observation.state.settled, 'cap');
});

test('what fades out is gone when the page is looked at; wheels and clouds are not waited for', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/fade.html` });
  assert.match(place.first.text, /Old card/);
  assert.equal(place.first.state.settled, 'quiet', 'what moves without an end does not count');
  const thrown = await place.on('click', 'Throw away');
  assert.doesNotMatch(thrown.observation.text, /Old card/);
  assert.equal(thrown.observation.state.settled, 'quiet');
});

test('a page that hangs is stopped and the step says so', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/settle.html`, step_timeout: 1 });
  const { error, observation } = await place.on('click', 'Hang');
  assert.equal(error?.class, 'timeout', JSON.stringify(error));
  assert.match(observation.text, /^Page: Settle/);
  assert.equal((await place.on('click', 'Route')).error, undefined, 'the page lives on');
});

test('popups become tabs, back closes them, and downloads are listed', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/popups.html` });
  for (const name of ['Open popup', 'In a new tab']) {
    await place.on('click', name);
    assert.match(place.last().text, /^Page: Other\nURL: .*\nTabs: 1 "Opener", 2 "Other" \(current\)\n/);
    await place.act('back');
    assert.match(place.last().text, /^Page: Opener\nURL: .*popups.html\n- /);
  }
  await place.on('click', 'Download');
  assert.match(place.last().text, /Downloads: report\.csv/);
  assert.equal(await readFile(join(place.workdir, 'downloads', 'report.csv'), 'utf8'), 'a,b\n1,2\n');
});

test('the budget holds, with what is in view and what changed first', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/long.html`, observation: { max_chars: 1500 } });
  assert.ok(place.first.text.length <= 1500);
  assert.match(place.first.text, /"Open 3"/);
  assert.match(place.first.text, /… \d+ more: \d+ /);
  assert.doesNotMatch(place.first.text, /"Open 300"/);
  assert.ok((place.objects.get(place.first.full ?? '')?.length ?? 0) > 20_000, 'the whole tree is kept');
  for (const { ref } of place.first.elements ?? []) assert.ok(place.first.text.includes(`[ref=${ref}]`), ref);
  await place.on('click', 'Change below');
  assert.match(place.last().text, /Changed far below/);
  assert.ok(place.last().text.length <= 1500);
  await place.act('scroll', { direction: 'down' });
  assert.match(place.last().text, /Scroll: 640 of/);
  assert.notEqual(place.last().stateHash, place.first.stateHash);
  assert.match(place.last().text, /"Open 31"/);
  const small = await openPlace(t, { url: `${site.origin}/long.html`, observation: { max_chars: 200 } });
  assert.ok(small.first.text.length <= 200, small.first.text);
});

test('equal states have equal hashes, in another session too', async (t) => {
  const site = await serve(t);
  const spec = { url: `${site.origin}/form.html` };
  const [one, two] = [await openPlace(t, spec), await openPlace(t, spec)];
  assert.equal(one.first.stateHash, two.first.stateHash);
  await one.on('click', 'Gift wrap');
  assert.notEqual(one.last().stateHash, one.first.stateHash);
  await one.on('click', 'Gift wrap');
  assert.equal(one.last().stateHash, one.first.stateHash, 'back where it was');
  await two.on('type', 'Password', { text: 'a', submit: false });
  assert.notEqual(two.last().stateHash, one.first.stateHash);
});

test('a screenshot is kept where the pipeline asks for it', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, {
    url: `${site.origin}/other.html`,
    observation: { screenshot: true },
    viewport: { width: 400, height: 300 },
  });
  const png = place.objects.get(place.first.screenshot ?? '');
  assert.deepEqual([png?.toString('latin1', 1, 4), png?.readUInt32BE(16), png?.readUInt32BE(20)], ['PNG', 400, 300]);
});
