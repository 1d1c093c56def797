/** A web site on a loopback port for tests: pages by path, every request written down. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

type Answer =
  | string
  | { status?: number; headers?: Record<string, string>; body?: string | Uint8Array }
  | ((request: IncomingMessage, response: ServerResponse) => void);

interface SiteServer {
  /** `http://127.0.0.1:…`, without a slash at its end. */
  origin: string;
  pages: Record<string, Answer>;
  /** Paths that were asked for, in order. */
  asked: string[];
  headers: IncomingMessage['headers'][];
  /** Starts anew with these pages. */
  serve(pages: Record<string, Answer>): void;
}

/** Stopped when the tests of the file end. Text is HTML unless its path ends in .txt, .xml or .md. */
export const siteServer = async (): Promise<SiteServer> => {
  const site: SiteServer = {
    origin: '',
    pages: {},
    asked: [],
    headers: [],
    serve: (pages) => {
      site.pages = pages;
      site.asked.length = 0;
      site.headers.length = 0;
    },
  };
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    site.asked.push(path);
    site.headers.push(request.headers);
    const answer = site.pages[path] ?? { status: 404, body: 'none' };
    if (typeof answer === 'function') return answer(request, response);
    const { status = 200, headers = {}, body = '' } = typeof answer === 'string' ? { body: answer } : answer;
    const type = path.endsWith('.txt')
      ? 'text/plain'
      : path.endsWith('.xml')
        ? 'application/xml'
        : path.endsWith('.md')
          ? 'text/markdown'
          : 'text/html; charset=utf-8';
    response.writeHead(status, { 'content-type': type, ...headers });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  site.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return site;
};

/** A page with a title, a text and links. */
export const html = (title: string, ...links: string[]): string =>
  `<html><head><title>${title}</title></head><body><main><h1>${title}</h1><p>All about ${title}.</p>${links.map((link) => `<a href="${link}">${link}</a>`).join(' ')}</main></body></html>`;
