/** robots.txt of a site, honoured: what it forbids is not asked for, and its crawl-delay is kept. */
import robotsParser from 'robots-parser';
import { LbiError } from '../../core/errors.ts';
import { decodePage } from './decode.ts';
import { type Manners, userAgent, type Web } from './web.ts';

export interface Robots {
  allows(url: URL): boolean;
  /** Seconds between two requests that the site asks for, or 0. */
  delay: number;
  /** The line that forbids an address, for messages. */
  lineFor(url: URL): number;
}

/** Its types say that the module has a `default`; for Node the module is the function. */
const parseRobots = robotsParser as unknown as typeof robotsParser.default;

/** Longest robots.txt that is read (RFC 9309 asks for 500 KiB at least). */
const longest = 512 * 1024;
/** Longest crawl-delay that is kept, in seconds. */
const longestDelay = 300;

/** Names may be followed by a version and more: robots.txt knows the first word. */
const robotName = userAgent.split(' ')[0] ?? userAgent;

/** Reads robots.txt of an origin. None there allows everything; one that cannot be had allows nothing, and is `transient`. */
export const readRobots = async (web: Web, start: URL, manners: Manners): Promise<Robots> => {
  let url = new URL('/robots.txt', start);
  let page = await web.get(url, { ...manners, maxBytes: longest });
  for (let hop = 0; hop < 5 && page.location !== undefined && page.status >= 300 && page.status < 400; hop += 1) {
    const next = new URL(page.location, url);
    if (next.origin !== start.origin) break;
    url = next;
    page = await web.get(url, { ...manners, maxBytes: longest });
  }
  const text = page.status === 200 && page.body !== null ? decodePage(page.body, page.charset) : '';
  const robots = parseRobots(new URL('/robots.txt', start).href, text);
  const delay = robots.getCrawlDelay(robotName) ?? 0;
  if (!(delay <= longestDelay))
    throw new LbiError(
      'spec',
      `sources: ${start.origin}/robots.txt asks for ${delay} seconds between two requests, which no reading can wait for; look for the documentation as files, a package or a repository`,
    );
  return {
    allows: (address) => robots.isAllowed(address.href, robotName) !== false,
    delay: Math.max(0, delay),
    lineFor: (address) => robots.getMatchingLineNumber(address.href, robotName),
  };
};
