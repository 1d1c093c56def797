/** `environments:` of the pipeline file, one variant per kind. */
import type { Static } from 'typebox';
import type { OwnPath } from '../own-module.ts';
import { Type } from '../type.ts';
import { type Full, flag, key, list, number, openVariants, record, section, strict, text, whole } from './key.ts';
import { ownPath } from './own.ts';

const lease = section(
  'output',
  'For a place that sessions must not share (a site with one account, a display): the name of what is shared. Whoever opens a session waits for its turn, over all workers, runs and pipelines that use the name.',
  {
    name: text('nothing', 'What is shared; the same name is the same lease.', {
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$',
      example: 'wiki-account',
    }),
    slots: whole('cost', 'Sessions that may use it at once, over all workers.', {
      unit: 'sessions',
      min: 1,
      default: 1,
      example: 2,
    }),
    reset: section(
      'output',
      'How it is brought back to the known state before each session; left out, the place itself begins afresh.',
      {
        command: list(
          'output',
          'Program and arguments, run in the folder of the pipeline file; has to end with 0.',
          Type.String(),
          {
            min: 1,
            optional: true,
            example: ['./reset-wiki.sh', '--all'],
          },
        ),
        url: text('output', 'Address that is sent a POST and has to answer 2xx when all is reset.', {
          format: 'uri',
          pattern: '^https?://',
          optional: true,
          example: 'https://wiki.example.com/test/reset',
        }),
        timeout: number('nothing', 'Time it may take.', { unit: 'seconds', above: 0, default: 60, example: 300 }),
      },
      { optional: true },
    ),
  },
  { optional: true },
);

const common = {
  lease,
  about: text(
    'output',
    'What the place is and what is in it, in words: told to the writer of tasks and to the agent.',
    {
      maxLength: 1000,
      optional: true,
      example: 'A folder with one small npm package. There is no network.',
    },
  ),
  sessions: whole('cost', 'Sessions open at once, per worker.', { unit: 'sessions', min: 1, default: 2, example: 4 }),
  observation: section(
    'output',
    'What the agent is shown.',
    {
      max_chars: whole('output', 'Length of one observation.', {
        unit: 'characters',
        min: 200,
        default: 6000,
        example: 2000,
      }),
      screenshot: flag('output', 'Keep a screenshot of every observation and show it to models that see (browser).', {
        default: false,
      }),
    },
    { default: {} },
  ),
  step_timeout: number('output', 'Time one action may take.', {
    unit: 'seconds',
    above: 0,
    default: 30,
    example: 10,
  }),
};

export const ShellEnvironment = strict(
  {
    kind: Type.Literal('shell'),
    files: record('output', 'Files the folder holds at the start: path → content.', Type.String(), {
      optional: true,
      example: { 'notes.txt': 'milk, tea, bread' },
    }),
    copy: text('output', 'Folder to copy into the place, relative to the pipeline file.', {
      names: 'file',
      optional: true,
      example: 'workspace',
    }),
    setup: list('output', 'Commands run once before the first observation.', Type.String(), {
      optional: true,
      example: ['git init'],
    }),
    variables: record('output', 'Environment variables of the shell.', Type.String(), {
      optional: true,
      example: { LANG: 'C.UTF-8' },
    }),
    verify: text(
      'output',
      'Command run in a copy of the place after the last action, in /work: exit code 0 scores 1, else 0; a last line of output that is a number from 0 to 1 is the score.',
      { minLength: 1, maxLength: 16_000, optional: true, example: 'npm test' },
    ),
    packages: list(
      'output',
      'npm packages whose commands are on the PATH, with a version; installed when needed.',
      Type.String(),
      { optional: true, example: ['npm@11.6.2'] },
    ),
    ...common,
  },
  { title: 'Shell in a bubblewrap sandbox without network' },
);

const app = section(
  'output',
  'Application that is started for each session, waited for, reset and stopped.',
  {
    package: text('output', 'npm package of the application; installed when needed. Available as ${package}.', {
      optional: true,
      example: 'tiddlywiki@5.4.1',
    }),
    command: list(
      'output',
      'Program and arguments; ${port}, ${dir} (its private folder), ${package} and ${node} are filled in.',
      Type.String(),
      { min: 1, example: ['${node}', 'server.js', '--port=${port}'] },
    ),
    copy: text('output', 'Folder copied into ${dir} at the start; ${package} may be used.', {
      names: 'file',
      optional: true,
      example: '${package}/data',
    }),
    setup: list('output', 'Commands run in ${dir} once, before the app starts.', Type.Array(Type.String()), {
      optional: true,
      example: [['${node}', 'seed.js']],
    }),
    ready: text('output', 'Path that answers 200 when the app is up.', { default: '/', example: '/status' }),
    start_timeout: number('nothing', 'Time until it must be ready.', {
      unit: 'seconds',
      above: 0,
      default: 60,
      example: 20,
    }),
  },
  { optional: true },
);

export const BrowserEnvironment = strict(
  {
    kind: Type.Literal('browser'),
    url: text('output', 'First page. With `app`, a path on it (default /).', {
      optional: true,
      example: 'https://shop.example.com/',
    }),
    app,
    allow: list(
      'output',
      'URL patterns the browser may reach; everything else is blocked. Default: the origin of the first page.',
      Type.String(),
      { optional: true, example: ['http://127.0.0.1:${port}/*'] },
    ),
    verify: text(
      'output',
      'JavaScript expression evaluated in the page after the last action, which must change nothing: true or false, or a number from 0 to 1, or a promise of one.',
      {
        minLength: 1,
        maxLength: 16_000,
        optional: true,
        example: "document.querySelectorAll('.done').length >= 3",
      },
    ),
    viewport: section(
      'output',
      'Size of the page.',
      {
        width: whole('output', 'Across.', { unit: 'pixels', min: 200, example: 1280 }),
        height: whole('output', 'Down.', { unit: 'pixels', min: 200, example: 720 }),
      },
      { optional: true },
    ),
    ...common,
  },
  { title: 'Browser (Chromium) on a web application' },
);

export const MiniwobEnvironment = strict(
  {
    kind: Type.Literal('miniwob'),
    verify: Type.Optional(
      Type.Literal(
        'reward',
        key('output', "Score each attempt by the benchmark's own reward: 0 to 1, part credit included."),
      ),
    ),
    ...common,
  },
  { title: 'MiniWoB++: 125 small web tasks with goals and rewards of their own, in Chromium' },
);

/** Deterministic place without any outside parts: labelled as scripted wherever its output appears. */
export const ScriptedEnvironment = strict(
  {
    kind: Type.Literal('scripted'),
    items: whole('output', 'Lamps that can be switched.', { unit: 'lamps', min: 1, default: 4, example: 6 }),
    verify: whole('output', 'Lamps that have to burn after the last action; fewer score their share.', {
      unit: 'lamps',
      min: 1,
      optional: true,
      example: 2,
    }),
    ...common,
  },
  { title: 'Scripted: a deterministic board of lamps, for trying the engine' },
);

/** A place of the user's own. What further keys it has, its module says. */
export const OwnEnvironment = strict(
  { kind: ownPath('A place', './my-place.ts'), ...common },
  { title: 'A place of your own' },
);

export const EnvironmentSpec = openVariants(
  'kind',
  [ShellEnvironment, BrowserEnvironment, MiniwobEnvironment, ScriptedEnvironment],
  OwnEnvironment,
);
/** A place of a kind that comes with the program. */
export type EnvironmentSpec = Exclude<Static<typeof EnvironmentSpec>, { kind: OwnPath }>;
export type FullOwnEnvironment = Full<typeof OwnEnvironment>;
export type ShellSpec = Static<typeof ShellEnvironment>;
export type BrowserSpec = Static<typeof BrowserEnvironment>;
export type MiniwobSpec = Static<typeof MiniwobEnvironment>;
export type ScriptedSpec = Static<typeof ScriptedEnvironment>;
export type EnvironmentKind = EnvironmentSpec['kind'];
/** An environment with its defaults filled in, those of the user's own among them. */
export type FullEnvironment = Full<typeof EnvironmentSpec>;
