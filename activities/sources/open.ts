/** The context in which sources are read: by an activity, which may ask the outside, or by a plan, which only looks at what is here. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LbiError } from '../../core/errors.ts';
import { environmentIdentity } from '../../core/plan.ts';
import { nearest } from '../../core/spec/suggest.ts';
import type { Session, SessionContext, SessionTask, Start } from '../../environments/environment.ts';
import type { Json } from '../../schemas/common.ts';
import type { Document } from '../../schemas/document.ts';
import type { Observation } from '../../schemas/observation.ts';
import type { Plan } from '../../schemas/plan.ts';
import { getJson, hashOf, putJson } from '../../store/json.ts';
import type { Deps } from '../deps.ts';
import { type DocumentPlace, type Note, NotReadYet, type SourceContext } from './context.ts';

type ReadingDeps = Pick<
  Deps,
  'store' | 'packageFolder' | 'repositories' | 'driver' | 'sessions' | 'queues' | 'caller' | 'cancelled' | 'signal'
>;

/** For the activity `read` of a run. */
export const sourceContext = (
  deps: ReadingDeps,
  plan: Plan,
  { run, note }: { run: string; note(note: Note): void },
): SourceContext => {
  const signal = AbortSignal.any([deps.cancelled(), deps.signal]);
  return {
    file: (path) => resolve(plan.folder, path),
    packageFolder: deps.packageFolder,
    repositories: deps.repositories,
    place: (name) => placeOf(deps, plan, name),
    store: deps.store,
    run,
    signal,
    note,
    wait: async (milliseconds) => {
      // A cancelled activity ends with the signal's own reason, not with that of the timer.
      await sleep(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
  };
};

/** For looking ahead: nothing outside is asked, and what no run has read yet throws `NotReadYet`. */
export const cachedContext = (
  deps: Pick<Deps, 'store' | 'packageFolder' | 'repositories'>,
  plan: Plan,
  signal: AbortSignal = new AbortController().signal,
): SourceContext => ({
  file: (path) => resolve(plan.folder, path),
  packageFolder: deps.packageFolder,
  repositories: deps.repositories,
  place: (name) => placeOf({ store: deps.store }, plan, name),
  store: deps.store,
  run: null,
  signal,
  note: () => undefined,
  wait: async () => undefined,
});

/** What a place says and shows is kept under its identity, as its trajectories are. Without a driver only what is kept is given. */
const placeOf = (deps: Pick<Deps, 'store'> | ReadingDeps, plan: Plan, name: string): DocumentPlace => {
  const once = async <T extends object | string>(
    question: Json,
    find: (live: ReadingDeps) => Promise<T>,
  ): Promise<T> => {
    const key = hashOf({ unit: 'place', version: 1, environment: environmentIdentity(plan, name), question });
    const known = await deps.store.memo(key);
    if (known !== undefined) return getJson<T>(deps.store, known);
    if (!('driver' in deps)) throw new NotReadYet(`the environment ${name}`);
    const ref = await putJson(deps.store, await find(deps));
    return getJson<T>(deps.store, await deps.store.remember(key, ref));
  };
  return {
    docs: async () => once('docs', (live) => docsOf(live, plan, name)),
    observe: async (index) => {
      // The first is what tasks will find: they are tried with the seed of the pipeline.
      const seed = plan.spec.seed + index;
      const task = { id: `reading-${index}`, seed };
      return once({ observe: seed }, (live) => inSession(live, plan, name, task, async (_, { text }) => text));
    },
    starts: async (names, seeds) => {
      const found = await once<{ states: Start[] | null }>({ starts: seeds }, async (live) => {
        const driver = await live.driver(plan, specOf(plan, name));
        return { states: (await driver.starts?.(specOf(plan, name), sessionContext(live, plan, ''), seeds)) ?? null };
      });
      return found.states === null ? undefined : named(found.states, names, name);
    },
    begin: async ({ id, seed, setup }) =>
      once({ begin: setup, seed }, (live) =>
        inSession(live, plan, name, { id, seed, setup }, async (session, { text }) => {
          if (session.goal === undefined) throw new LbiError('spec', `sources: ${name} tells no goals`);
          return { text, goal: await session.goal() };
        }),
      ),
  };
};

/** The states whose names one of the patterns matches; a pattern that matches none is a mistake. */
const named = (states: Start[], patterns: string[] | undefined, place: string): Start[] => {
  if (patterns === undefined) return states;
  const nameOf = ({ id }: Start): string => id.slice(0, id.lastIndexOf('#'));
  const names = [...new Set(states.map(nameOf))];
  const wanted = new Set<string>();
  for (const pattern of patterns) {
    const regex = new RegExp(`^${pattern.split('*').map(escapeRegex).join('.*')}$`);
    const matching = names.filter((name) => regex.test(name));
    if (matching.length === 0) {
      const meant = nearest(pattern, names);
      const hint = meant === undefined ? `; there are ${names.slice(0, 8).join(', ')} …` : `; did you mean ${meant}?`;
      throw new LbiError('spec', `sources: the environment ${place} has no task "${pattern}"${hint}`);
    }
    for (const name of matching) wanted.add(name);
  }
  return states.filter((state) => wanted.has(nameOf(state)));
};

const escapeRegex = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');

const specOf = (plan: Plan, name: string) => {
  const spec = plan.spec.environments[name];
  if (spec === undefined) throw new LbiError('spec', `sources: the plan has no environment "${name}"`);
  return spec;
};

const sessionContext = (deps: ReadingDeps, plan: Plan, workdir: string): SessionContext => ({
  workdir,
  put: (bytes) => deps.store.put(bytes),
  packageFolder: deps.packageFolder,
  file: (path) => resolve(plan.folder, path),
  signal: AbortSignal.any([deps.cancelled(), deps.signal]),
});

const docsOf = async (deps: ReadingDeps, plan: Plan, name: string): Promise<Document[]> => {
  const spec = specOf(plan, name);
  const driver = await deps.driver(plan, spec);
  if (driver.docs === undefined)
    throw new LbiError(
      'spec',
      `sources: environments of the kind ${spec.kind} bring no documentation; take: observation`,
    );
  const workdir = await mkdtemp(join(tmpdir(), 'lbi-docs-'));
  try {
    const documents: Document[] = [];
    for await (const document of driver.docs(spec, sessionContext(deps, plan, workdir))) documents.push(document);
    return documents;
  } finally {
    await rm(workdir, { recursive: true, force: true });
  }
};

/** Opens a session as an episode does, begins, looks, and closes it. */
const inSession = async <T>(
  deps: ReadingDeps,
  plan: Plan,
  name: string,
  task: SessionTask,
  look: (session: Session, first: Observation) => Promise<T>,
): Promise<T> => {
  const spec = specOf(plan, name);
  const driver = await deps.driver(plan, spec);
  const caller = deps.caller();
  // Sessions are called by their workflow, so that those of one that was given up are closed.
  const id = `${caller.slice(0, caller.lastIndexOf('/'))}#reading-${name}-${task.id}`;
  const context = (workdir: string) => sessionContext(deps, plan, workdir);
  try {
    const session = await deps.sessions.open(id, deps.queues.environment(plan, name), (workdir) =>
      driver.open(spec, context(workdir)),
    );
    return await look(session, await session.reset(task));
  } finally {
    await deps.sessions.close(id);
  }
};
