/** Finds the elements that take clicks although nothing but their behaviour says so. */
import type { Layout } from './capture.ts';
import type { PageNode } from './node.ts';

const NEVER = new Set(['HTML', 'BODY', '#document', 'IFRAME', 'FRAME', 'OPTION']);

/**
 * Own listener, own hand cursor or own place in the tab order: two of them make an element clickable. One is enough where
 * nothing inside it can be acted on; else it is a container that listens for its content.
 */
export const isClickable = (
  layout: Layout | undefined,
  children: PageNode[],
  everything: Map<number, Layout>,
): boolean => {
  if (layout?.box === undefined || NEVER.has(layout.tag)) return false;
  const evidence = [layout.listens, layout.hand, Number(layout.attributes.get('tabindex') ?? -1) >= 0];
  const count = evidence.filter(Boolean).length;
  if (count === 0) return false;
  if (layout.tag === 'LABEL' && labelsVisible(layout, everything)) return false;
  return count > 1 || !children.some(holdsActions);
};

/** A label whose box is there to be clicked itself. */
const labelsVisible = (label: Layout, everything: Map<number, Layout>): boolean => {
  const id = label.attributes.get('for');
  if (id === undefined) return false;
  return [...everything.values()].some(
    (layout) => layout.attributes.get('id') === id && layout.box !== undefined && !layout.unreadable,
  );
};

const holdsActions = (node: PageNode): boolean => node.actions !== undefined || node.children.some(holdsActions);
