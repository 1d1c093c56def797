/** Gives elements their refs, and finds the element that an action means. */
import type { StepError } from '../../schemas/observation.ts';
import { flatten, type PageNode } from './node.ts';

export type Found = { node: PageNode } | { error: StepError };

/**
 * The refs of one session. An element keeps its ref while its role and name stay, also when the page around it changes;
 * a ref is never given to another element.
 */
export class Refs {
  #next = 1;
  #given = new Map<string, { ref: string; role: string; name: string }>();
  #byNode = new Map<PageNode, string>();
  #current = new Map<string, PageNode>();

  /** Numbers the elements of a new observation; those of the last one can be named no more, unless they are still there. */
  assign(roots: PageNode[]): void {
    this.#current = new Map();
    this.#byNode = new Map();
    const given = new Map(this.#given);
    for (const node of flatten(roots)) {
      if (node.actions === undefined) continue;
      const known = given.get(node.key);
      const same = known?.role === node.role && known.name === node.name;
      const entry = same ? known : { ref: `e${this.#next++}`, role: node.role, name: node.name };
      this.#given.set(node.key, entry);
      this.#byNode.set(node, entry.ref);
      this.#current.set(entry.ref, node);
    }
  }

  of(node: PageNode): string | undefined {
    return this.#byNode.get(node);
  }

  /** The element of the last observation that bears this ref and name. */
  find(ref: string, name: string): Found {
    const wanted = ref.replace(/^\[?(?:ref=)?/, '').replace(/\]$/, '');
    const node = this.#current.get(wanted);
    if (node === undefined) return stale(`There is no element ${wanted} on the page now.${this.#suggest(name)}`);
    if (sameName(node.name, name)) return { node };
    return stale(`${wanted} is ${node.role} "${node.name}", not "${name}".${this.#suggest(name)}`);
  }

  #suggest(name: string): string {
    if (name.trim() === '') return ' Use the names and refs of the last observation.';
    const others = [...this.#current].filter(([, node]) => sameName(node.name, name)).slice(0, 3);
    if (others.length === 0) return ' Use the names and refs of the last observation.';
    return ` "${name}" is ${others.map(([ref, node]) => `${node.role} ${ref}`).join(', ')}.`;
  }
}

const stale = (message: string): Found => ({ error: { class: 'stale', message } });

const sameName = (shown: string, given: string): boolean => {
  const [a, b] = [plain(shown), plain(given)];
  return a === b || (a.endsWith('…') && b.startsWith(a.slice(0, -1)));
};

const plain = (text: string): string => text.normalize('NFKC').replace(/\s+/g, ' ').trim().toLowerCase();
