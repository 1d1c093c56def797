/** Counts the requests of one page that are under way, so that settling can wait for them. */
import type { HTTPRequest, Page } from 'puppeteer-core';

export interface Traffic {
  /** Requests under way that are younger than `patience` milliseconds; navigations of the page count however old. */
  open(patience: number): number;
  /** Whether the page itself is on its way to another document. */
  navigating(): boolean;
  /** Time (`performance.now()`) of the last start or end of a request. */
  lastChange(): number;
  /** Requests started so far. */
  started(): number;
}

/** Streams and beacons never end, or matter to nobody. */
const IGNORED = new Set(['websocket', 'eventsource', 'ping', 'prefetch', 'cspviolationreport', 'preflight']);

export const watchTraffic = (page: Page): Traffic => {
  const since = new Map<HTTPRequest, number>();
  let last = 0;
  let started = 0;
  const begin = (request: HTTPRequest): void => {
    if (IGNORED.has(request.resourceType()) || /^(data|blob|about):/.test(request.url())) return;
    last = performance.now();
    since.set(request, last);
    started += 1;
  };
  const end = (request: HTTPRequest): void => {
    if (since.delete(request)) last = performance.now();
  };
  page.on('request', begin);
  page.on('requestfinished', end);
  page.on('requestfailed', end);
  const isNavigation = (request: HTTPRequest): boolean =>
    request.isNavigationRequest() && request.frame() === page.mainFrame();
  return {
    open: (patience) => {
      const oldest = performance.now() - patience;
      return [...since].filter(([request, at]) => at >= oldest || isNavigation(request)).length;
    },
    navigating: () => [...since.keys()].some(isNavigation),
    lastChange: () => last,
    started: () => started,
  };
};
