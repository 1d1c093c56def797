/** The browser keeps the contract of every environment. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import { browserDriver } from '../../environments/browser/driver.ts';
import type { Observation } from '../../schemas/observation.ts';
import { pages, refOf } from './browser-place.ts';
import { environmentContract } from './contract.ts';

const server = createServer(pages);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
after(() => {
  server.closeAllConnections();
  server.close();
});
const { port } = server.address() as AddressInfo;

const box = (seen: Observation) => ({ element: 'Customer', ref: refOf(seen, 'Customer') });

environmentContract('browser', {
  driver: browserDriver,
  spec: { kind: 'browser', url: `http://127.0.0.1:${port}/form.html`, observation: { max_chars: 900 } },
  maxChars: 900,
  changes: (seen) => ({ name: 'click', arguments: { element: 'Gift wrap', ref: refOf(seen, 'Gift wrap') } }),
  looks: () => ({ name: 'press', arguments: { key: 'Shift' } }),
  fails: () => ({ name: 'goto', arguments: { url: 'http://198.51.100.1/' } }),
  verify: {
    yes: { verify: "document.querySelector('input[type=checkbox]').checked" },
    no: { verify: "Promise.resolve(document.querySelectorAll('.no-such-thing').length)" },
    broken: { verify: 'noSuchFunction()' },
  },
  unicode: {
    action: (seen) => ({ name: 'type', arguments: { ...box(seen), text: 'Zoë 渡辺 🦊 عربى', submit: false } }),
    shows: 'Zoë 渡辺 🦊 عربى',
  },
});
