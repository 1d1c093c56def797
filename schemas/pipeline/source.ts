/** `sources:` of the pipeline file, one shape per kind: which key an entry has says where its documents come from. */
import type { Static } from 'typebox';
import { Type } from '../type.ts';
import { choice, key, list, number, section, shapes, strict, text, whole } from './key.ts';

const common = {
  max_chars: whole('output', 'A longer document is split at its headings into parts of about this length.', {
    unit: 'characters',
    min: 200,
    default: 6000,
    example: 3000,
  }),
  parts: whole('output', 'Most parts taken from one document, from its beginning.', {
    unit: 'parts',
    min: 1,
    optional: true,
    example: 1,
    selects: true,
  }),
  license: text('nothing', 'Licence of the documents, for the dataset card.', {
    optional: true,
    example: 'CC-BY-4.0',
  }),
};

const limit = whole('output', 'Most documents of this source.', {
  unit: 'documents',
  min: 1,
  optional: true,
  example: 200,
  selects: true,
});

export const FilesSource = strict(
  {
    files: Type.Union(
      [Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })],
      key('output', 'Glob(s); the order of a list is kept.', { names: 'glob', example: 'docs/**/*.md', selects: true }),
    ),
    package: text(
      'output',
      'npm package that carries the documents, with version. Without it and `git`, `files` is relative to the pipeline file.',
      { optional: true, minLength: 1, example: 'npm@11.6.2' },
    ),
    git: text(
      'output',
      'git repository that carries the documents: an https, ssh or file address, or a local folder.',
      {
        names: 'repository',
        optional: true,
        minLength: 1,
        example: 'https://github.com/npm/cli',
      },
    ),
    ref: text(
      'output',
      'Branch, tag or commit of `git`; its commit is part of the origin. Default: the default branch.',
      {
        optional: true,
        minLength: 1,
        example: 'v11.6.2',
      },
    ),
    fields: section(
      'output',
      'Which keys of a JSONL line hold what.',
      {
        text: text('output', 'The text; every line has it.', { minLength: 1, default: 'text', example: 'content' }),
        title: text('output', 'The title, where a line has it.', { minLength: 1, default: 'title', example: 'name' }),
        id: text('output', 'What tells the line from others, where it has it.', {
          minLength: 1,
          default: 'id',
          example: 'slug',
        }),
      },
      { default: {} },
    ),
    limit,
    ...common,
  },
  { title: 'Files: of this folder, of an npm package, or of a git repository' },
);

/** What every source has that is read from the web. */
const web = {
  include: list(
    'output',
    'Only pages whose address one of these matches: `*` stands for anything but `/`, `**` for anything; a pattern that begins with `/` is compared with the path.',
    Type.String({ minLength: 1 }),
    { min: 1, optional: true, example: ['/docs/**'], selects: true },
  ),
  exclude: list('output', 'No pages whose address one of these matches.', Type.String({ minLength: 1 }), {
    min: 1,
    optional: true,
    example: ['/docs/*/print'],
    selects: true,
  }),
  limit: whole(
    'output',
    'Most documents of this source. Pages that give none are asked for as well, up to four times this number in all.',
    { unit: 'documents', min: 1, default: 200, example: 50, selects: true },
  ),
  delay: number('cost', 'Pause between two requests; longer where robots.txt asks for it.', {
    unit: 'seconds',
    min: 0,
    max: 3600,
    default: 0.5,
    example: 1,
  }),
  timeout: number('nothing', 'Time until a page must be here in full.', {
    unit: 'seconds',
    above: 0,
    max: 600,
    default: 30,
    example: 60,
  }),
  max_bytes: whole('output', 'A larger page is left out.', {
    unit: 'bytes',
    min: 1000,
    max: 100_000_000,
    default: 5_000_000,
    example: 1_000_000,
    selects: true,
  }),
};

export const SitemapSource = strict(
  {
    sitemap: text('output', 'Address of a sitemap.xml, also of an index of sitemaps, also packed with gzip.', {
      format: 'uri',
      example: 'https://docs.example.com/sitemap.xml',
    }),
    ...web,
    ...common,
  },
  { title: 'Sitemap: the pages that a site lists' },
);

export const SiteSource = strict(
  {
    site: text(
      'output',
      'First page. Links are followed within its folder: below `https://x.org/docs/`, nothing outside `/docs/` is read.',
      { format: 'uri', example: 'https://docs.example.com/guide/' },
    ),
    depth: whole('output', 'How many links away from the first page.', {
      unit: 'links',
      min: 0,
      default: 3,
      example: 1,
      selects: true,
    }),
    ...web,
    ...common,
  },
  { title: 'Site: pages found by following links from a first one' },
);

export const EnvironmentSource = strict(
  {
    environment: text('output', 'Name of an environment in `environments`.', {
      names: 'environment',
      example: 'box',
    }),
    take: choice(
      'output',
      'docs: the documentation that the place brings itself; observation: what is seen of it at the start, with no documentation at all (paper, Appendix G); goals: what it asks for itself, each a task as it stands, tried in the state that asks for it.',
      ['docs', 'observation', 'goals'],
      { default: 'docs', example: 'observation' },
    ),
    tasks: list(
      'output',
      "Which of the place's own tasks are begun, by name; `*` stands for any letters. Default: all. Only of places that set goals (miniwob, scripted).",
      Type.String({ minLength: 1, maxLength: 100 }),
      { min: 1, optional: true, example: ['click-*', 'login-user'], selects: true },
    ),
    seeds: section(
      'output',
      'The states that tasks begin from, of places that set goals: one for each task and seed.',
      {
        from: whole('output', 'The first.', {
          unit: 'seed',
          min: 0,
          max: 1_000_000,
          default: 0,
          example: 100,
          selects: true,
        }),
        count: whole('output', 'How many.', {
          unit: 'seeds',
          min: 1,
          max: 10_000,
          default: 1,
          example: 7,
          selects: true,
        }),
      },
      { optional: true, example: { from: 0, count: 7 } },
    ),
    count: whole('output', 'Fresh sessions that are looked at, each with a seed of its own (take: observation).', {
      unit: 'sessions',
      min: 1,
      max: 1000,
      default: 1,
      example: 3,
      selects: true,
    }),
    limit,
    ...common,
  },
  { title: 'Environment: the place itself' },
);

export const SourceSpec = shapes(
  ['files', 'sitemap', 'site', 'environment'],
  [FilesSource, SitemapSource, SiteSource, EnvironmentSource],
);
export type SourceSpec = Static<typeof SourceSpec>;
