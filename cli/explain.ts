/** `lbi explain`: a key of the pipeline file, or where an example comes from and why it was kept or dropped. */

import { LbiError } from '../core/errors.ts';
import { findKeys } from '../core/spec/keys.ts';
import { keyFacts, keyLines } from './explain/key.ts';
import { lineageFacts, lineageLines } from './explain/lineage.ts';
import { taskFacts, taskLines } from './explain/task.ts';
import { type Thing, thingOf } from './explain/things.ts';
import { program } from './home.ts';

export interface ExplainOptions {
  json?: boolean;
}

/** Exit codes: 0 explained, 3 there is no such thing. */
export async function explainCommand(what: string, options: ExplainOptions = {}): Promise<number> {
  const explained = (await keys(what)) ?? (await stored(what));
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ schema: 'lbi.explain/1', data: explained.data, warnings: [] })}\n`);
  else process.stdout.write(`${explained.lines.join('\n')}\n`);
  return 0;
}

interface Explained {
  lines: string[];
  data: unknown;
}

/** Undefined where the text can only name something that a run made. */
async function keys(what: string): Promise<Explained | undefined> {
  const search = findKeys(what);
  if ('found' in search) return { lines: keyLines(search.found), data: search.found.map(keyFacts) };
  if (/[/@]|^r-/.test(what) || /^[0-9a-f]{6,64}$/.test(what) || search.meant === undefined) return undefined;
  // A name that a run gave to a task looks like a misspelt key as well: the store knows.
  if ((await thingOf(what).catch(() => undefined)) !== undefined) return undefined;
  throw new LbiError(
    'spec',
    `the pipeline file has no key "${what}"; did you mean ${search.meant}?  (${program} explain ${search.meant})`,
  );
}

async function stored(what: string): Promise<Explained> {
  const thing: Thing = await thingOf(what);
  if (thing.kind === 'task') {
    const facts = await taskFacts(thing);
    return { lines: taskLines(facts), data: facts };
  }
  const facts = await lineageFacts(thing);
  return { lines: lineageLines(facts), data: facts };
}
