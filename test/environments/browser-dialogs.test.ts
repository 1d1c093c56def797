/** Dialogs block a page: they are shown, and nothing hangs on them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPlace, serve } from './browser-place.ts';

test('alert, confirm and prompt are shown and answered', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/dialogs.html` });
  const alert = await place.on('click', 'Alert');
  assert.equal(alert.error, undefined);
  assert.deepEqual(alert.observation.state.dialog, { type: 'alert', message: 'Careful' });
  assert.match(alert.observation.text, /^Page: Dialogs\nURL: .*\nDialog: alert "Careful"\n/);
  assert.deepEqual(alert.observation.elements, []);
  const meanwhile = await place.act('click', { element: 'Confirm', ref: 'e2' });
  assert.equal(meanwhile.error?.class, 'dialog');
  assert.equal(meanwhile.observation.stateHash, alert.observation.stateHash);
  await place.act('dialog', { accept: true, text: '' });
  assert.match(place.last().text, /status: alert answered/);
  for (const accept of [true, false]) {
    await place.on('click', 'Confirm');
    await place.act('dialog', { accept, text: '' });
    assert.match(place.last().text, new RegExp(`status: confirm ${accept}`));
  }
  await place.on('click', 'Prompt');
  assert.deepEqual(place.last().state.dialog, { type: 'prompt', message: 'Your name?', value: 'Nobody' });
  await place.act('dialog', { accept: true, text: 'Zoë' });
  assert.match(place.last().text, /status: prompt Zoë/);
  await place.on('click', 'Prompt');
  await place.act('dialog', { accept: false, text: 'ignored' });
  assert.match(place.last().text, /status: prompt null/);
});

test('a dialog that comes later, or in a popup, is seen too', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/dialogs.html` });
  await place.on('click', 'Late alert');
  assert.deepEqual(place.last().state.dialog, { type: 'alert', message: 'Late' });
  await place.act('dialog', { accept: true, text: '' });
  await place.on('click', 'Popup that alerts');
  // A dialog before the first line of a new tab may be dismissed by the browser before anybody can see it.
  if (place.last().state.dialog !== undefined) await place.act('dialog', { accept: false, text: '' });
  assert.match(place.last().text, /^Page: Alerting[\s\S]*After the alert/);
});

test('leaving a guarded page asks nobody', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/dialogs.html` });
  await place.on('click', 'Guard');
  await place.on('click', 'Leave');
  assert.match(place.last().text, /^Page: Other/);
});

test('a first page that alerts is shown with its dialog, and closes', async (t) => {
  const site = await serve(t);
  const place = await openPlace(t, { url: `${site.origin}/alerting.html` });
  assert.deepEqual(place.first.state.dialog, { type: 'alert', message: 'From the popup' });
  await place.session.close();
});
