/** Reads HTML and PDF in a thread of its own: hostile ones take minutes or all memory, and a thread can be ended. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type PageFacts, readHtml } from '../../core/document/html.ts';
import type { DocumentText } from '../../core/document/text.ts';
import { LbiError } from '../../core/errors.ts';
import { type PdfText, readPdf } from './pdf.ts';

interface Html {
  html: string;
  /** What a page without a title is called. */
  name: string;
}

interface Pdf {
  pdf: Uint8Array;
  name: string;
}

type Job = Html | Pdf;
interface HtmlResult {
  text: DocumentText;
  facts: PageFacts;
}
/** `lost`: the thread did not answer, and may still be at work. */
type Outcome = { done: HtmlResult | PdfText } | { failed: string; lost?: true };

/** Seconds that a page or a PDF may take: far more than an honest one of its size needs. */
const secondsFor = (job: Job): number =>
  'html' in job ? Math.ceil(5 + job.html.length / 200_000) : Math.ceil(30 + job.pdf.length / 50_000);
/** Memory of the thread, in MB. */
const mostMemory = 1024;
/** Tells our threads from others that load this module. */
const mark = 'learn-by-interact: reading';

/** The text of a page and what it says of itself. `path` is how errors call it; throws a spec error for what cannot be read. */
export const readHtmlAside = async (
  html: string,
  { name, path }: { name: string; path: string },
): Promise<HtmlResult> => (await inTurn({ html, name }, path)) as HtmlResult;

/** The text of a PDF, as `readPdf` gives it. */
export const readPdfAside = async (pdf: Uint8Array, { name, path }: { name: string; path: string }): Promise<PdfText> =>
  (await inTurn({ pdf, name }, path)) as PdfText;

let thread: Worker | undefined;
let last: Promise<unknown> = Promise.resolve();

/** One at a time: what waits has not begun, so its time has not either. */
const inTurn = (job: Job, path: string): Promise<HtmlResult | PdfText> => {
  const turn = last.then(() => run(job, path));
  last = turn.catch(() => undefined);
  return turn;
};

const run = async (job: Job, path: string): Promise<HtmlResult | PdfText> => {
  thread ??= new Worker(new URL(import.meta.url), {
    workerData: mark,
    resourceLimits: { maxOldGenerationSizeMb: mostMemory },
    execArgv: [],
  });
  const worker = thread;
  const outcome = await answerOf(worker, job);
  worker.unref();
  if ('done' in outcome) return outcome.done;
  if (outcome.lost) {
    thread = undefined;
    void worker.terminate();
  }
  throw new LbiError('spec', `sources: ${path} ${outcome.failed}`);
};

/** The thread's answer to a job, or how it failed to give one. */
const answerOf = (worker: Worker, job: Job): Promise<Outcome> =>
  new Promise((resolve) => {
    const seconds = secondsFor(job);
    const answer = (outcome: Outcome): void => {
      clearTimeout(timer);
      worker.off('message', answer).off('error', broken).off('exit', gone);
      resolve(outcome);
    };
    const broken = (error: Error): void => answer({ failed: `cannot be read (${error.message})`, lost: true });
    const gone = (): void => answer({ failed: 'cannot be read: its thread ended', lost: true });
    const timer = setTimeout(
      () => answer({ failed: `takes longer than ${seconds} seconds to be read`, lost: true }),
      seconds * 1000,
    );
    worker.on('message', answer).on('error', broken).on('exit', gone);
    worker.ref();
    worker.postMessage(job);
  });

const work = async (job: Job): Promise<Outcome> => {
  try {
    return { done: 'html' in job ? readHtml(job.html, job.name) : await readPdf(job.pdf, job.name) };
  } catch (error) {
    if (error instanceof RangeError) return { failed: 'is nested too deeply to be read' };
    return { failed: error instanceof LbiError ? error.message : `cannot be read (${String(error)})` };
  }
};

if (!isMainThread && workerData === mark)
  parentPort?.on('message', async (job: Job) => parentPort?.postMessage(await work(job)));
