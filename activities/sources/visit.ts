/** What a crawl and the reading of a sitemap have in common: manners, a bound on requests, and servers that stop answering. */
import { canonical } from '../../core/canonical.ts';
import { LbiError } from '../../core/errors.ts';
import type { Json } from '../../schemas/common.ts';
import { keepAnswer, lastAnswer } from './answers.ts';
import { NotReadYet, type SourceContext, type SourceWith } from './context.ts';
import type { Original } from './original.ts';
import { type ReadPage, type Refusal, readPage, type Visit } from './page.ts';
import { readRobots } from './robots.ts';
import type { Scope } from './scope.ts';
import { openWeb } from './web.ts';

/** Requests for pages per wanted document: pages that redirect, repeat or give nothing are requests too. */
const requestsPerDocument = 4;
/** Pages in a row that could not be had before the server counts as down. */
const patience = 5;

export interface Visiting {
  visit: Visit;
  /** False when as many pages were asked for as may be. */
  more(): boolean;
  /** Reads a page of the source; a page that gives nothing is noted and comes back undefined. */
  read(url: URL): Promise<ReadPage | undefined>;
}

type WebSource = SourceWith<'sitemap'> | SourceWith<'site'>;

/** Runs `work` with a connection that is closed at its end. */
export async function* visiting(
  { start, scope, source }: { start: URL; scope: Scope; source: WebSource },
  context: SourceContext,
  work: (visiting: Visiting) => AsyncGenerator<Original>,
): AsyncGenerator<Original> {
  const web = await openWeb(start, context);
  let failed = false;
  try {
    const asked = { delay: source.delay, timeout: source.timeout, maxBytes: source.max_bytes };
    const robots = await reached(start, () => readRobots(web, start, asked));
    const manners = { ...asked, delay: Math.max(asked.delay, robots.delay) };
    yield* work(visitorOf({ web, robots, scope, manners }, source, context));
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    web.close();
    if (!failed && context.run !== null)
      await keepAnswer(context, 'sites', { run: context.run, question: nameOf(source), value: 'read' });
  }
}

/** A source as it is written: one that was read to its end may lack pages that could not be had. */
const nameOf = (source: WebSource): string => canonical(source as Json);

const visitorOf = (visit: Visit, source: WebSource, context: SourceContext): Visiting => {
  let left = source.limit * requestsPerDocument;
  let failures = 0;
  return {
    visit,
    more: () => left > 0,
    read: async (url) => {
      left -= 1;
      context.signal.throwIfAborted();
      const read = await readPage(url, visit).catch(async (error: unknown): Promise<Refusal> => {
        if (error instanceof NotReadYet && (await lastAnswer(context, 'sites', nameOf(source))) !== undefined)
          return { why: 'it could not be had' };
        if (!(error instanceof LbiError) || error.kind !== 'transient') throw error;
        failures += 1;
        if (failures >= patience) throw error;
        return { why: error.message.replace(/^sources: /, '') };
      });
      if (!('why' in read)) {
        failures = 0;
        return read;
      }
      context.note({ what: url.href, why: read.why });
      return undefined;
    },
  };
};

/** What fails at the first address is for a person to look at: a wrong name, no network, a server that is down. */
export const reached = async <T>(start: URL, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LbiError) || error.kind !== 'transient') throw error;
    const why = error.message.replace(/^sources: /, '');
    throw new LbiError(
      'operator',
      `sources: ${start.href} cannot be reached (${why}); check the address and the network`,
      {
        cause: error,
      },
    );
  }
};

/** The original of a page. */
export const originalOf = (page: ReadPage): Original[] => {
  const { url, text } = page;
  return text === undefined ? [] : [{ id: url.pathname + url.search, source: url.href, text }];
};
