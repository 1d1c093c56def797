/** Which project a store belongs to: its id is part of every queue's name, so that projects on one cluster do not take each other's work. */
import { randomBytes } from 'node:crypto';
import { getJson, hashOf, putJson } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import { temporal } from '../temporal.config.ts';

const key = hashOf({ unit: 'project' });

/**
 * The id that the store itself carries, made by whoever asks first. Not a hash of the store's address: a folder may be moved while runs
 * are open, and two machines may each have a store at the same path.
 */
export async function projectOf(store: Store): Promise<string> {
  const known = await store.memo(key);
  const ref = known ?? (await store.remember(key, await putJson(store, { id: randomBytes(4).toString('hex') })));
  return (await getJson<{ id: string }>(store, ref)).id;
}

/** The id of a store that is only looked at; undefined when nobody has asked for one yet. */
export async function knownProject(store: Store): Promise<string | undefined> {
  const known = await store.memo(key);
  return known === undefined ? undefined : (await getJson<{ id: string }>(store, known)).id;
}

/** The name of a queue in a project: `lbi.openai.gpt.1a2b3c` becomes `lbi.PROJECT.openai.gpt.1a2b3c`. */
export const queueOf = (project: string, name: string = temporal.queuePrefix): string =>
  `${temporal.queuePrefix}.${project}${name.slice(temporal.queuePrefix.length)}`;
