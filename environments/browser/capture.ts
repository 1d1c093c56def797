/** Asks the browser for what a page holds: accessibility tree, layout and attributes of every frame, in few calls. */
import type { CDPSession, Frame, Page, Protocol } from 'puppeteer-core';
import { clientOf, frameId, liveFrames, loaderId } from './frames.ts';

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What the layout knows of one element or text, by its backend node id. */
export interface Layout {
  tag: string;
  attributes: Map<string, string>;
  /** In the viewport of the main frame, CSS pixels; undefined where nothing is drawn. */
  box?: Box;
  /** It listens for clicks itself. */
  listens: boolean;
  /** Its cursor is a hand and its parent's is not. */
  hand: boolean;
  /** Transparent, or written too small to be read. */
  unreadable: boolean;
}

/** One frame as it was seen. */
export interface FrameCapture {
  frame: Frame;
  /** Of the document: node ids are only unique together with it. */
  loader: string;
  nodes: Protocol.Accessibility.AXNode[];
  layout: Map<number, Layout>;
  /** Backend node ids of iframe elements → the frame in them. */
  children: Map<number, FrameCapture>;
}

export interface PageCapture {
  main: FrameCapture;
  url: string;
  title: string;
  viewport: { width: number; height: number };
  scroll: { x: number; y: number; width: number; height: number };
}

type Snapshot = Protocol.DOMSnapshot.CaptureSnapshotResponse;
type Document = Protocol.DOMSnapshot.DocumentSnapshot;

const STYLES = ['cursor', 'opacity', 'font-size'];
const SMALLEST_FONT = 3;

/** Throws what the protocol throws when a frame goes away meanwhile: the caller tries again. */
export const capturePage = async (page: Page): Promise<PageCapture> => {
  const frames = liveFrames(page);
  const snapshots = snapshotsOf(frames);
  const [metrics, title, captures, owners] = await Promise.all([
    clientOf(page.mainFrame()).send('Page.getLayoutMetrics'),
    page.title(),
    Promise.all(frames.map((frame) => captureFrame(frame))),
    Promise.all(frames.map((frame) => ownerOf(frame))),
  ]);
  const byFrame = new Map(
    captures.filter((capture) => capture !== undefined).map((capture) => [capture.frame, capture]),
  );
  for (const [index, frame] of frames.entries()) {
    const parent = frame.parentFrame();
    const child = byFrame.get(frame);
    const owner = owners[index];
    if (parent !== null && child !== undefined && owner !== undefined) byFrame.get(parent)?.children.set(owner, child);
  }
  const main = byFrame.get(page.mainFrame());
  if (main === undefined) throw new Error('The main frame was detached.');
  await placeFrame(main, snapshots, { x: 0, y: 0 });
  const { cssVisualViewport: view, cssContentSize: content } = metrics;
  return {
    main,
    url: page.url(),
    title,
    viewport: { width: view.clientWidth, height: view.clientHeight },
    scroll: { x: view.pageX, y: view.pageY, width: content.width, height: content.height },
  };
};

const snapshotsOf = (frames: Frame[]): Map<CDPSession, Promise<Snapshot | undefined>> => {
  const clients = [...new Set(frames.map(clientOf))];
  return new Map(
    clients.map((client) => [
      client,
      client.send('DOMSnapshot.captureSnapshot', { computedStyles: STYLES }).catch(() => undefined),
    ]),
  );
};

const captureFrame = async (frame: Frame): Promise<FrameCapture | undefined> => {
  const loader = loaderId(frame);
  const ask = clientOf(frame).send('Accessibility.getFullAXTree', { frameId: frameId(frame) });
  // A frame inside the page may go away at any time; the page itself may not.
  const tree = frame.parentFrame() === null ? await ask : await ask.catch(() => undefined);
  return tree && { frame, loader, nodes: tree.nodes, layout: new Map(), children: new Map() };
};

const ownerOf = async (frame: Frame): Promise<number | undefined> => {
  const parent = frame.parentFrame();
  if (parent === null) return undefined;
  const owner = await clientOf(parent)
    .send('DOM.getFrameOwner', { frameId: frameId(frame) })
    .catch(() => undefined);
  return owner?.backendNodeId;
};

/** Fills the layout of a frame and of the frames in it; `origin` is where its viewport lies in that of the main frame. */
const placeFrame = async (
  capture: FrameCapture,
  snapshots: Map<CDPSession, Promise<Snapshot | undefined>>,
  origin: { x: number; y: number },
): Promise<void> => {
  const snapshot = await snapshots.get(clientOf(capture.frame));
  const id = frameId(capture.frame);
  const document = snapshot?.documents.find((candidate) => snapshot.strings[candidate.frameId] === id);
  if (snapshot === undefined || document === undefined) return;
  capture.layout = readLayout(snapshot.strings, document, origin);
  for (const [owner, child] of capture.children) {
    const box = capture.layout.get(owner)?.box;
    await placeFrame(child, snapshots, box ?? { x: 0, y: 0 });
  }
};

const readLayout = (strings: string[], document: Document, origin: { x: number; y: number }): Map<number, Layout> => {
  const { nodes, layout } = document;
  const ids = nodes.backendNodeId ?? [];
  const listening = new Set(nodes.isClickable?.index ?? []);
  const drawn = new Map(layout.nodeIndex.map((node, row) => [node, row]));
  const style = (node: number, which: number): string => {
    const row = drawn.get(node);
    return row === undefined ? '' : (strings[layout.styles[row]?.[which] ?? -1] ?? '');
  };
  const parentOf = (node: number): number => nodes.parentIndex?.[node] ?? -1;
  const shift = { x: origin.x - (document.scrollOffsetX ?? 0), y: origin.y - (document.scrollOffsetY ?? 0) };
  const found = new Map<number, Layout>();
  // Parents come before their children.
  const transparent: boolean[] = [];
  for (const [node, id] of ids.entries()) {
    transparent[node] = style(node, 1) === '0' || transparent[parentOf(node)] === true;
    const box = boxAt(layout.bounds[drawn.get(node) ?? -1], shift);
    const hand = style(node, 0) === 'pointer' && style(parentOf(node), 0) !== 'pointer';
    const font = Number.parseFloat(style(node, 2) || '16');
    found.set(id, {
      tag: strings[nodes.nodeName?.[node] ?? -1] ?? '',
      attributes: attributesOf(strings, nodes.attributes?.[node] ?? []),
      ...(box === undefined ? {} : { box }),
      listens: listening.has(node),
      hand,
      unreadable: transparent[node] === true || font < SMALLEST_FONT,
    });
  }
  return found;
};

const boxAt = (bounds: number[] | undefined, shift: { x: number; y: number }): Box | undefined => {
  const [x = 0, y = 0, width = 0, height = 0] = bounds ?? [];
  return width < 1 || height < 1 ? undefined : { x: x + shift.x, y: y + shift.y, width, height };
};

const attributesOf = (strings: string[], pairs: number[]): Map<string, string> => {
  const found = new Map<string, string>();
  for (let at = 0; at + 1 < pairs.length; at += 2)
    found.set(strings[pairs[at] ?? -1] ?? '', strings[pairs[at + 1] ?? -1] ?? '');
  return found;
};
