/** Documents of an environment itself: what its driver says about it, or what is seen of it at the start. */
import { readMarkdownBody, readPlain } from '../../core/document/text.ts';
import type { SourceContext, SourceWith } from './context.ts';
import type { Original } from './original.ts';

/** `take: docs`: the driver's pages. `take: observation`: one original per fresh session (paper, Appendix G). */
export async function* readEnvironment(
  source: SourceWith<'environment'>,
  context: SourceContext,
): AsyncGenerator<Original> {
  const { environment: name } = source;
  const place = context.place(name);
  if (source.take === 'docs') {
    for (const { id, source: origin, title, text } of await place.docs())
      yield { id, source: origin, text: readMarkdownBody(text, id, title) };
    return;
  }
  for (let index = 0; index < source.count; index += 1) {
    const text = await place.observe(index);
    yield {
      id: `observation-${index + 1}`,
      source: `environment ${name}`,
      text: readPlain(text, `The current state of ${name}`),
      kind: 'observation',
    };
  }
}
