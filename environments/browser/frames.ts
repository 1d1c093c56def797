/** The few parts of puppeteer's frames that its public types leave out; everything that depends on them is here. */
import type { CDPSession, Frame, Page } from 'puppeteer-core';
import { EnvironmentError } from '../../core/errors.ts';

interface FrameInternals {
  readonly _id: string;
  readonly _loaderId: string;
  readonly client: CDPSession;
}

/** The frame's id in the protocol. */
export const frameId = (frame: Frame): string => internals(frame)._id;

/** Changes with every document that the frame loads. */
export const loaderId = (frame: Frame): string => internals(frame)._loaderId;

/** The protocol session of the process that draws the frame. */
export const clientOf = (frame: Frame): CDPSession => internals(frame).client;

/** A context for our own functions in this frame: it sees the page's elements, and the page sees nothing of it. */
export const isolatedWorld = async (frame: Frame): Promise<number> => {
  const world = await clientOf(frame).send('Page.createIsolatedWorld', { frameId: frameId(frame), worldName: 'lbi' });
  return world.executionContextId;
};

/** Runs an expression in the frame's isolated world and gives its JSON value. */
export const evaluateIn = async (frame: Frame, expression: string): Promise<unknown> => {
  const contextId = await isolatedWorld(frame);
  const reply = await clientOf(frame).send('Runtime.evaluate', {
    expression,
    contextId,
    awaitPromise: true,
    returnByValue: true,
  });
  if (reply.exceptionDetails !== undefined) throw new Error(describe(reply.exceptionDetails));
  return reply.result.value;
};

/** Frames of the page that are attached. */
export const liveFrames = (page: Page): Frame[] => page.frames().filter((frame) => !frame.detached);

const describe = (details: { text: string; exception?: { description?: string } }): string =>
  details.exception?.description ?? details.text;

const internals = (frame: Frame): FrameInternals => {
  const known = frame as unknown as Partial<FrameInternals>;
  if (known._id === undefined || known._loaderId === undefined || known.client === undefined)
    throw new EnvironmentError(
      'fatal',
      'This version of puppeteer-core hides frame ids: install the version in package.json.',
    );
  return known as FrameInternals;
};
