/** What stages of the user's own are given, read from the store, and what they give back, held to what it must be. */
import { LbiError } from '../core/errors.ts';
import type { Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import type { Example } from '../schemas/example.ts';
import type { DocumentEntry, TransformInput } from '../schemas/flow.ts';
import type { Task } from '../schemas/task.ts';
import { getJson, putJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { readTrajectory, shownSteps } from './chain.ts';
import type { StageExample, StageTrajectory } from './own-stage.ts';
import { readWindow } from './windows.ts';

/** Most tasks that may come back for one document, and most documents for each that was given. */
const maxTasks = 100;
const maxDocuments = 50;

const wrong = (name: string, what: string): LbiError => new LbiError('module', `${name} gave ${what}`);

const field = (item: unknown, key: string): unknown =>
  typeof item === 'object' && item !== null ? (item as Record<string, unknown>)[key] : undefined;

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';

/** Documents as the run lists them; each is stored, a changed one under its own reference. */
export async function documentEntries(
  store: Store,
  name: string,
  returned: unknown[],
  given: number,
): Promise<DocumentEntry[]> {
  if (returned.length > given * maxDocuments)
    throw wrong(name, `${returned.length} documents for ${given}: at most ${maxDocuments} for each are taken`);
  const ids = new Set<string>();
  const entries: DocumentEntry[] = [];
  for (const item of returned) {
    for (const key of ['id', 'source', 'title', 'text'])
      if (!isText(field(item, key))) throw wrong(name, `a document whose "${key}" is no text`);
    const { id, source, title, text, span, license } = item as Document;
    if (ids.has(id)) throw wrong(name, `two documents with the id "${id}"`);
    ids.add(id);
    const document: Document = {
      ...{ id, source, title, text: text.toWellFormed() },
      ...(span === undefined ? {} : { span }),
      ...(license === undefined ? {} : { license }),
    };
    entries.push({ ref: await putJson(store, document), id, title });
  }
  return entries;
}

export function instructionsOf(name: string, returned: unknown[]): string[] {
  if (returned.length > maxTasks)
    throw wrong(name, `${returned.length} tasks for one document: at most ${maxTasks} are taken`);
  return returned.map((item) => {
    const instruction = field(item, 'instruction');
    if (!isText(instruction)) throw wrong(name, 'a task whose "instruction" is no text');
    return instruction.trim().toWellFormed();
  });
}

export async function trajectoryItem(
  store: Store,
  { task: ref, head, outcome, detail }: Extract<TransformInput, { trajectory: unknown }>['trajectory'],
): Promise<StageTrajectory> {
  const task = await getJson<Task>(store, ref);
  const [root, ...steps] = await readTrajectory(store, head);
  return {
    task: { id: task.id, instruction: task.instruction },
    outcome,
    detail,
    first: root.observation.text,
    steps: shownSteps(steps),
  };
}

interface Examples {
  items: StageExample[];
  refs: Ref[];
  /** the reference of what came back in place of one, null when nothing did */
  changed(ref: Ref, returned: unknown): Promise<Ref | null>;
}

export async function exampleItems(store: Store, refs: Ref[]): Promise<Examples> {
  const examples = new Map<Ref, Example>();
  const items: StageExample[] = [];
  for (const ref of refs) {
    const example = await getJson<Example>(store, ref);
    examples.set(ref, example);
    const task = await getJson<Task>(store, example.task);
    const { first, steps } = await readWindow(store, example.head, example.window);
    const { instruction, style } = example;
    items.push({ id: ref, instruction, style, task: { id: task.id, instruction: task.instruction }, first, steps });
  }
  const changed: Examples['changed'] = async (ref, returned) => {
    const example = examples.get(ref);
    if (returned === undefined || example === undefined) return null;
    const instruction = field(returned, 'instruction');
    if (!isText(instruction)) throw wrong('the stage', 'an example whose "instruction" is no text');
    if (instruction === example.instruction) return ref;
    return putJson(store, { ...example, instruction: instruction.trim().toWellFormed() });
  };
  return { items, refs, changed };
}

/** What came back by its id: only what was given, and each once. */
export function keptOf(name: string, ids: string[], returned: unknown[]): Map<string, unknown> {
  const known = new Set(ids);
  const kept = new Map<string, unknown>();
  for (const item of returned) {
    const id = field(item, 'id');
    if (typeof id !== 'string' || !known.has(id))
      throw wrong(name, 'something that it was not given: its id is unknown');
    if (kept.has(id)) throw wrong(name, `the same item twice (${id})`);
    kept.set(id, item);
  }
  return kept;
}
