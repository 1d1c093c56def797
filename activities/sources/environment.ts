/** Documents of an environment itself: what its driver says about it, or what is seen of it at the start. */
import { readMarkdownBody, readPlain } from '../../core/document/text.ts';
import { LbiError } from '../../core/errors.ts';
import type { Start } from '../../environments/environment.ts';
import type { DocumentPlace, SourceContext, SourceWith } from './context.ts';
import type { Original } from './original.ts';

/**
 * `take: docs`: the driver's pages. `take: observation`: what is seen at the start of fresh sessions (paper, Appendix G). `take: goals`:
 * what the place asks for itself, one original for each task and seed.
 */
export async function* readEnvironment(
  source: SourceWith<'environment'>,
  context: SourceContext,
): AsyncGenerator<Original> {
  const { environment: name, seeds, tasks } = source;
  const place = context.place(name);
  if (source.take === 'docs') {
    for (const { id, source: origin, title, text } of await place.docs())
      yield { id, source: origin, text: readMarkdownBody(text, id, title) };
    return;
  }
  if (source.take === 'observation' && seeds === undefined && tasks === undefined) {
    yield* readObservations(source.count, name, place);
    return;
  }
  const wanted = Array.from({ length: seeds?.count ?? 1 }, (_, at) => (seeds?.from ?? 0) + at);
  const states = await place.starts(tasks, wanted);
  if (states === undefined)
    throw new LbiError(
      'spec',
      `sources: the environment ${name} sets no goals itself; write take: observation, without seeds`,
    );
  yield* readStarts(source.take, states, name, place);
}

async function* readStarts(
  take: 'observation' | 'goals',
  states: Start[],
  name: string,
  place: DocumentPlace,
): AsyncGenerator<Original> {
  for (const { id, seed, setup } of states) {
    const { text, goal } = await place.begin({ id, seed, setup });
    const from = { id, source: `environment ${name}`, start: { seed, setup } };
    if (take === 'goals') yield { ...from, text: readPlain(goal, goal), kind: 'goal' };
    else yield { ...from, text: readPlain(text, `The state ${id} of ${name}`), kind: 'observation' };
  }
}

async function* readObservations(count: number, name: string, place: DocumentPlace): AsyncGenerator<Original> {
  for (let index = 0; index < count; index += 1) {
    const text = await place.observe(index);
    yield {
      id: `observation-${index + 1}`,
      source: `environment ${name}`,
      text: readPlain(text, `The current state of ${name}`),
      kind: 'observation',
    };
  }
}
