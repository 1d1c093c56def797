/** All documents of a pipeline: each source by its kind, divided into parts of a bounded size, each text once, always in the same order. */
import { createHash } from 'node:crypto';
import { LbiError } from '../../core/errors.ts';
import type { Document } from '../../schemas/document.ts';
import type { FullSpec } from '../../schemas/pipeline/pipeline.ts';
import type { SourceContext } from './context.ts';
import { readEnvironment } from './environment.ts';
import { readFiles } from './files.ts';
import { divide, type Original } from './original.ts';
import { readSite } from './site.ts';
import { readSitemap } from './sitemap.ts';

type Source = FullSpec['sources'][number];

/**
 * The documents of all sources, in the order of the pipeline; within a glob by path, within a site by the order of its links.
 * A text that came before, also in another source, is left out. Throws LbiError `spec` for sources that give nothing, unreadable
 * formats and paths that leave their folder; `operator` for what cannot be reached; `NotReadYet` where the context forbids to ask.
 */
export async function* readSources(sources: readonly Source[], context: SourceContext): AsyncGenerator<Document> {
  const seen = new Set<string>();
  for (const source of sources) yield* readSource(source, context, seen);
}

async function* readSource(source: Source, context: SourceContext, seen: Set<string>): AsyncGenerator<Document> {
  let given = 0;
  let blank = true;
  for await (const original of originalsOf(source, context)) {
    for (const document of divide(original, source)) {
      blank = false;
      // The same goal in another state is another task.
      const begun = document.start === undefined ? '' : JSON.stringify(document.start);
      const text = createHash('sha256').update(`${begun}${document.text.trim()}`).digest('base64');
      if (seen.has(text)) {
        context.note({ what: `${document.source} ${document.id}`, why: 'the same text came before' });
        continue;
      }
      seen.add(text);
      given += 1;
      yield document;
      if (source.limit !== undefined && given >= source.limit) return;
    }
  }
  if (blank) throw new LbiError('spec', `sources: ${nothingIn(source)}`);
}

const originalsOf = (source: Source, context: SourceContext): AsyncGenerator<Original> => {
  if ('files' in source) return readFiles(source, context);
  if ('sitemap' in source) return readSitemap(source, context);
  if ('site' in source) return readSite(source, context);
  return readEnvironment(source, context);
};

const nothingIn = (source: Source): string => {
  if ('files' in source) return `every file that "${[source.files].flat().join(', ')}" matches is empty`;
  if ('environment' in source) return `the environment ${source.environment} gave no text`;
  const address = 'site' in source ? source.site : source.sitemap;
  return `no page of ${address} gave a text: look at include and exclude, and whether the pages hold text without scripts`;
};
