/** Nothing but what `allow` names is ever reached, by whatever way a page tries. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { readEgress } from '../../environments/browser/egress.ts';
import { openPlace, pages, serve } from './browser-place.ts';

/** A page that tries every way to another origin, and says on its server that it has. */
const attacker = (target: string, stun: number): string => `<!doctype html><title>Attacker</title>
<link rel="preload" as="image" href="${target}/preload"><link rel="prefetch" href="${target}/prefetch">
<link rel="stylesheet" href="${target}/style.css"><script src="${target}/script.js"></script>
<img src="${target}/img"><iframe src="${target}/iframe"></iframe><img src="/redirect">
<iframe srcdoc="<img src='${target}/srcdoc'><script>fetch('${target}/srcdoc-fetch')</script>"></iframe>
<button type="button" onclick="go()">Go</button><a href="${target}/link" target="_blank">Away</a>
<form action="${target}/form" method="post"><button>Send</button></form><p role="status" id="out">waiting</p>
<script>
const quietly = (work) => { try { Promise.resolve(work()).catch(() => {}); } catch {} };
const all = () => {
  quietly(() => fetch('${target}/fetch', { mode: 'no-cors' }));
  quietly(() => fetch('/redirect', { mode: 'no-cors' }));
  quietly(() => new WebSocket('${target.replace('http', 'ws')}/socket'));
  quietly(() => new EventSource('${target}/events'));
  quietly(() => navigator.sendBeacon('${target}/beacon', 'x'));
  quietly(() => { const request = new XMLHttpRequest(); request.open('POST', '${target}/xhr'); request.send('x'); });
  quietly(() => new Worker(URL.createObjectURL(new Blob(["fetch('${target}/worker', { mode: 'no-cors' }).catch(() => {})"]))));
  quietly(() => navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready));
  quietly(() => window.open('${target}/popup'));
  quietly(() => { const link = document.createElement('a'); link.href = '${target}/ping-link'; link.ping = '${target}/ping'; link.target = '_blank'; link.click(); });
  quietly(() => {
    const peer = new RTCPeerConnection({ iceServers: [{ urls: 'stun:127.0.0.1:${stun}' }] });
    peer.createDataChannel('x');
    return peer.createOffer().then((offer) => peer.setLocalDescription(offer));
  });
};
const go = () => { all(); setTimeout(() => { out.textContent = 'tried'; }, 400); };
all();
</script>`;

test('no way out of the allow-list', async (t) => {
  const forbidden = await serve(t);
  const stun = createSocket('udp4');
  let packets = 0;
  stun.on('message', () => {
    packets += 1;
  });
  stun.bind(0, '127.0.0.1');
  await once(stun, 'listening');
  t.after(() => stun.close());
  const site = await serve(t, (request, response) => {
    if (request.url === '/attack') {
      response.setHeader('content-type', 'text/html');
      response.end(attacker(forbidden.origin, stun.address().port));
    } else if (request.url === '/redirect') {
      response.writeHead(302, { location: `${forbidden.origin}/redirected` });
      response.end();
    } else if (request.url === '/worker.js') {
      response.setHeader('content-type', 'text/javascript');
      response.end(
        `self.oninstall = (event) => event.waitUntil(fetch('${forbidden.origin}/service', { mode: 'no-cors' }).catch(() => {}));`,
      );
    } else pages(request, response);
  });
  const place = await openPlace(t, { url: `${site.origin}/attack` });
  for (let tabs = 0; tabs < 10 && place.last().state.tabs !== undefined; tabs++) await place.act('back');
  await place.on('click', 'Go');
  for (let tabs = 0; tabs < 10 && place.last().state.tabs !== undefined; tabs++) await place.act('back');
  assert.match(place.last().text, /status: tried/);
  await place.on('click', 'Away');
  assert.match(place.last().text, /could not be opened/);
  await place.act('back');
  await place.on('click', 'Send');
  assert.match(place.last().text, /could not be opened/);
  const denied = await place.act('goto', { url: `${forbidden.origin}/goto` });
  assert.equal(denied.error?.class, 'denied');
  assert.match(denied.error?.message ?? '', /outside of what may be visited/);
  const redirected = await place.act('goto', { url: `${site.origin}/redirect` });
  assert.equal(redirected.error?.class, 'denied', redirected.error?.message);
  await sleep(300);
  assert.ok(site.hits.includes('/redirect') && site.hits.includes('/worker.js'), 'the attempts were made');
  assert.deepEqual(forbidden.hits, []);
  assert.equal(packets, 0, 'WebRTC');
});

test('what is allowed works: WebSocket, a second origin, and sessions apart', async (t) => {
  const one = await serve(t);
  const two = await serve(t);
  const place = await openPlace(t, { url: `${one.origin}/other.html`, allow: [`${one.origin}/*`, `${two.origin}/*`] });
  const lonely = await openPlace(t, { url: `${one.origin}/other.html` });
  assert.equal((await place.act('goto', { url: `${two.origin}/form.html` })).error, undefined);
  assert.equal((await lonely.act('goto', { url: `${two.origin}/form.html` })).error?.class, 'denied');
  const before = two.hits.length;
  const chatty = await openPlace(t, { url: `${one.origin}/socket.html?to=${encodeURIComponent(two.origin)}` });
  assert.equal(chatty.first.state.title, 'Socket');
  assert.equal(two.hits.length, before, 'what another session may reach is closed to this one');
  const open = await openPlace(t, {
    url: `${one.origin}/socket.html?to=${encodeURIComponent(two.origin)}`,
    allow: [`${one.origin}/*`, `${two.origin}/*`],
  });
  assert.equal(open.first.state.title, 'Socket');
  await sleep(200);
  assert.deepEqual(two.hits.slice(before).sort(), ['/fetched', 'upgrade /socket']);
});

test('patterns: paths, hosts and mistakes', () => {
  const egress = readEgress(['https://*.example.org/docs/*', 'http://127.0.0.1:*/*']);
  assert.equal(egress.allows('https://www.example.org/docs/a'), true);
  for (const url of [
    'https://example.com/docs/a',
    'https://www.example.org/private',
    'http://www.example.org/docs/a',
    'https://www.example.org.evil.com/docs/a',
    'http://127.0.0.2:8081/',
  ])
    assert.equal(egress.allows(url), false, url);
  assert.deepEqual(egress.bypass, ['<-loopback>', '*.example.org:443', '127.0.0.1']);
  for (const wrong of ['example.org', '/path', '', 'http://'])
    assert.throws(() => readEgress([wrong]), { name: 'EnvironmentError', kind: 'spec' }, wrong);
  fc.assert(
    fc.property(fc.webUrl(), (url) => {
      const allowed = readEgress(['http://127.0.0.1:8080/*']);
      return !allowed.allows(url);
    }),
  );
});
