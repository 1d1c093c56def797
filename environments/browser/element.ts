/** Brings an element into view and finds the point where a click reaches it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame } from 'puppeteer-core';
import { clientOf, frameId, isolatedWorld } from './frames.ts';
import type { PageNode } from './node.ts';

/** An action that cannot be done; its message goes to the agent. */
export class ActionFailed extends Error {
  readonly class: 'failed' | 'stale' | 'denied' | 'timeout' | 'invalid' | 'dialog';
  constructor(message: string, kind: ActionFailed['class'] = 'failed') {
    super(message);
    this.class = kind;
  }
}

interface Point {
  x: number;
  y: number;
}

/** How an element is called in messages. */
export const called = (node: PageNode): string => `${node.role} "${node.name}"`;

/** Runs a function of the page with the element as its first argument, in the isolated world. Throws `ActionFailed` `stale` when it is gone. */
export const callOn = async (node: PageNode, declaration: string, ...values: unknown[]): Promise<unknown> => {
  const client = clientOf(node.frame);
  const objectId = await resolve(node.frame, node.backendId);
  if (objectId === undefined) throw gone(node);
  const reply = await client.send('Runtime.callFunctionOn', {
    objectId,
    functionDeclaration: `function (...values) { return (${declaration})(this, ...values); }`,
    arguments: values.map((value) => ({ value })),
    returnByValue: true,
    awaitPromise: true,
  });
  if (reply.exceptionDetails !== undefined)
    throw new ActionFailed(`${called(node)}: ${reply.exceptionDetails.exception?.description ?? 'the page refused'}`);
  return reply.result.value;
};

const resolve = async (frame: Frame, backendNodeId: number): Promise<string | undefined> => {
  try {
    const executionContextId = await isolatedWorld(frame);
    const { object } = await clientOf(frame).send('DOM.resolveNode', { backendNodeId, executionContextId });
    return object.objectId;
  } catch {
    return undefined;
  }
};

const gone = (node: PageNode): ActionFailed =>
  new ActionFailed(`${called(node)} has gone from the page since it was seen. Look at the page again.`, 'stale');

/** Makes sure that the element is in the document and on screen. */
export const reveal = async (node: PageNode): Promise<void> => {
  const connected = await callOn(node, '(element) => element.isConnected');
  if (connected !== true) throw gone(node);
  const client = clientOf(node.frame);
  await client.send('DOM.scrollIntoViewIfNeeded', { backendNodeId: node.backendId }).catch(() => {
    throw new ActionFailed(`${called(node)} is not visible now: it may stand in a closed menu or another tab.`);
  });
};

/** A point of the element, in the main frame's viewport, where nothing covers it. */
export const clickablePoint = async (node: PageNode): Promise<Point> => {
  await reveal(node);
  const box = await restingBox(node);
  const offset = await offsetOf(node.frame);
  let cover = '';
  for (const [across, down] of PLACES) {
    const local = { x: box.x + box.width * across, y: box.y + box.height * down };
    const hit = await hitTest(node, local);
    if (hit === 'element') return { x: local.x + offset.x, y: local.y + offset.y };
    cover ||= hit;
  }
  throw new ActionFailed(`${called(node)} is covered by ${cover || 'something else'}. Close or move that first.`);
};

/** The middle first, then the quarters. */
const PLACES = [
  [0.5, 0.5],
  [0.25, 0.5],
  [0.75, 0.5],
  [0.5, 0.25],
  [0.5, 0.75],
] as const;

/** The first box of the element, once it has stopped moving (at most half a second). */
const restingBox = async (node: PageNode): Promise<{ x: number; y: number; width: number; height: number }> => {
  let before = await firstQuad(node);
  for (let look = 0; look < 15; look++) {
    await sleep(25);
    const now = await firstQuad(node);
    if (JSON.stringify(now) === JSON.stringify(before)) break;
    before = now;
  }
  const xs = [before[0], before[2], before[4], before[6]].map((value) => value ?? 0);
  const ys = [before[1], before[3], before[5], before[7]].map((value) => value ?? 0);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
};

const firstQuad = async (node: PageNode): Promise<number[]> => {
  const reply = await clientOf(node.frame)
    .send('DOM.getContentQuads', { backendNodeId: node.backendId })
    .catch(() => undefined);
  const quads = reply?.quads ?? [];
  const quad = quads.find(([x1 = 0, y1 = 0, , , x2 = 0, y2 = 0]) => Math.abs(x2 - x1) >= 1 && Math.abs(y2 - y1) >= 1);
  if (quad === undefined) throw new ActionFailed(`${called(node)} is not visible now: nothing of it is drawn.`);
  return quad;
};

/** Where the viewport of the frame's process lies in that of the main frame. */
const offsetOf = async (frame: Frame): Promise<Point> => {
  const offset = { x: 0, y: 0 };
  for (let at = frame, parent = at.parentFrame(); parent !== null; at = parent, parent = at.parentFrame()) {
    if (clientOf(at) === clientOf(parent)) continue;
    const { backendNodeId } = await clientOf(parent).send('DOM.getFrameOwner', { frameId: frameId(at) });
    const { model } = await clientOf(parent).send('DOM.getBoxModel', { backendNodeId });
    offset.x += model.content[0] ?? 0;
    offset.y += model.content[1] ?? 0;
  }
  return offset;
};

/** `element` when a click at the point reaches it or its label, else what it would reach. */
const hitTest = async (node: PageNode, point: Point): Promise<string> => {
  const client = clientOf(node.frame);
  const { cssLayoutViewport: view } = await client.send('Page.getLayoutMetrics');
  const hit = await client
    .send('DOM.getNodeForLocation', {
      x: Math.round(point.x + view.pageX),
      y: Math.round(point.y + view.pageY),
      includeUserAgentShadowDOM: false,
      ignorePointerEventsNone: false,
    })
    .catch(() => undefined);
  if (hit === undefined) return 'the edge of the window';
  if (hit.backendNodeId === node.backendId) return 'element';
  const [mine, theirs] = await Promise.all([
    resolve(node.frame, node.backendId),
    hit.frameId === frameId(node.frame) ? resolve(node.frame, hit.backendNodeId) : undefined,
  ]);
  if (theirs === undefined) return 'another part of the page';
  const reply = await client.send('Runtime.callFunctionOn', {
    objectId: theirs,
    functionDeclaration: REACHES,
    arguments: [mine === undefined ? { value: null } : { objectId: mine }],
    returnByValue: true,
  });
  return String(reply.result.value ?? '');
};

/** Up from what was hit, through shadow roots; a label stands for its control, and an element for what is drawn in it. */
const REACHES = `function (target) {
  const up = (node) => node.assignedSlot ?? node.parentNode ?? node.host ?? null;
  for (let at = this; at; at = up(at)) if (at === target) return 'element';
  const hit = this.nodeType === 1 ? this : this.parentElement;
  const label = hit && hit.closest ? hit.closest('label') : null;
  if (label && (label.control === target || label.contains(target))) return 'element';
  const words = (hit ? hit.getAttribute('aria-label') || hit.textContent || '' : '').replace(/\\s+/g, ' ').trim();
  return hit ? hit.tagName.toLowerCase() + (words ? ' "' + words.slice(0, 60) + '"' : '') : 'something else';
}`;
