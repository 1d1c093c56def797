/** What the browser tests share: a server for the pages beside this file, and a session on it. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { browserDriver } from '../../environments/browser/driver.ts';
import type { Session, SessionContext, StepResult } from '../../environments/environment.ts';
import type { Observation } from '../../schemas/observation.ts';
import type { BrowserSpec } from '../../schemas/pipeline/environment.ts';

const PAGES = join(import.meta.dirname, 'pages');

export interface Site {
  origin: string;
  /** Every path asked for, WebSocket upgrades included. */
  hits: string[];
  server: Server;
}

/** Serves `pages/` and a few slow or moving addresses on a free port. */
export const serve = async (t: TestContext, listener: RequestListener = pages): Promise<Site> => {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? '');
    listener(request, response);
  });
  server.on('upgrade', (request, socket) => {
    hits.push(`upgrade ${request.url}`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hits, server };
};

export const pages: RequestListener = (request, response) => {
  const url = new URL(request.url ?? '/', 'http://site');
  const file = join(PAGES, url.pathname);
  const wait = Number(url.searchParams.get('ms') ?? 0);
  const send = (): void => {
    if (url.pathname === '/file') {
      response.setHeader('content-disposition', 'attachment; filename="report.csv"');
      response.end('a,b\n1,2\n');
    } else if (url.pathname === '/slow') response.end('fetched');
    else if (url.pathname === '/slow.html') html(response, '<title>Slow</title><h1>Slow page</h1>');
    else if (url.pathname.endsWith('.html') && existsSync(file)) html(response, readFileSync(file, 'utf8'));
    else {
      response.statusCode = 404;
      response.end('not here');
    }
  };
  setTimeout(send, wait);
};

const html = (response: Parameters<RequestListener>[1], text: string): void => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(text);
};

export interface Place {
  session: Session;
  first: Observation;
  workdir: string;
  objects: Map<string, Buffer>;
  /** Does the next step. */
  act(name: string, given?: Record<string, string | boolean>): Promise<StepResult>;
  /** Names an element of the last observation by its name and does the next step on it. */
  on(action: string, name: string, more?: Record<string, string | boolean>): Promise<StepResult>;
  last(): Observation;
}

export const contextIn = (workdir: string, objects = new Map<string, Buffer>()): SessionContext => ({
  workdir,
  put: async (bytes) => {
    const ref = createHash('sha256').update(bytes).digest('hex');
    objects.set(ref, Buffer.from(bytes));
    return ref;
  },
  packageFolder: async (name) => {
    throw new Error(`no package ${name} in this test`);
  },
  file: (path) => join(PAGES, path),
  signal: new AbortController().signal,
});

export const temporaryFolder = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'lbi-test-browser-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** A session on a page, closed with the test. */
export const openPlace = async (
  t: TestContext,
  spec: Omit<BrowserSpec, 'kind'>,
  changes: Partial<SessionContext> = {},
): Promise<Place> => {
  const workdir = await temporaryFolder(t);
  const objects = new Map<string, Buffer>();
  const session = await browserDriver.open(
    { kind: 'browser', ...spec },
    { ...contextIn(workdir, objects), ...changes },
  );
  t.after(() => session.close());
  const first = await session.reset({ id: 'test', seed: 1 });
  let last = first;
  let index = 0;
  const act: Place['act'] = async (name, given = {}) => {
    index += 1;
    const result = await session.step({ name, arguments: given }, index);
    last = result.observation;
    return result;
  };
  const on: Place['on'] = (action, name, more = {}) =>
    act(action, { element: name, ref: refOf(last, name, undefined, action), ...more });
  return { session, first, workdir, objects, act, on, last: () => last };
};

/** The ref that the observation shows for a name; of several, one that takes the action. */
export const refOf = (observation: Observation, name: string, role?: string, action?: string): string => {
  const all = (observation.elements ?? []).filter(
    (one) => one.name === name && (role === undefined || one.role === role),
  );
  const found = all.find((one) => action !== undefined && one.actions.includes(action)) ?? all[0];
  if (found === undefined) throw new Error(`"${name}" is not among the elements of:\n${observation.text}`);
  return found.ref;
};
