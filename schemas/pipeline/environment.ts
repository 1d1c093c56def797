/** `environments:` of the pipeline file, one variant per kind. */
import { type Static, Type } from 'typebox';
import { filled, key, strict, variants } from './key.ts';

const common = {
  about: Type.Optional(
    Type.String({
      maxLength: 1000,
      ...key('output', 'What the place is and what is in it, in words: told to the writer of tasks and to the agent.'),
    }),
  ),
  sessions: filled(Type.Integer({ minimum: 1, ...key('cost', 'Sessions open at once, per worker.', { default: 2 }) })),
  observation: filled(
    strict(
      {
        max_chars: filled(
          Type.Integer({ minimum: 200, ...key('output', 'Characters of one observation.', { default: 6000 }) }),
        ),
        screenshot: filled(
          Type.Boolean(
            key('output', 'Keep a screenshot of every observation and show it to models that see (browser).', {
              default: false,
            }),
          ),
        ),
      },
      key('output', 'What the agent is shown.', { default: {} }),
    ),
  ),
  step_timeout: filled(
    Type.Number({ exclusiveMinimum: 0, ...key('output', 'Seconds one action may take.', { default: 30 }) }),
  ),
};

export const ShellEnvironment = strict(
  {
    kind: Type.Literal('shell'),
    files: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        ...key('output', 'Files the folder holds at the start: path → content.'),
      }),
    ),
    copy: Type.Optional(
      Type.String(
        key('output', 'Folder to copy into the place, relative to the pipeline file.', { 'x-names': 'file' }),
      ),
    ),
    setup: Type.Optional(Type.Array(Type.String(), key('output', 'Commands run once before the first observation.'))),
    variables: Type.Optional(
      Type.Record(Type.String(), Type.String(), key('output', 'Environment variables of the shell.')),
    ),
    packages: Type.Optional(
      Type.Array(
        Type.String(),
        key('output', 'npm packages whose commands are on the PATH, e.g. npm@11.6.0; installed when needed.'),
      ),
    ),
    ...common,
  },
  { title: 'Shell in a bubblewrap sandbox without network' },
);

export const BrowserEnvironment = strict(
  {
    kind: Type.Literal('browser'),
    url: Type.Optional(Type.String(key('output', 'First page. With `app`, a path on it (default /).'))),
    app: Type.Optional(
      strict(
        {
          package: Type.Optional(
            Type.String(
              key(
                'output',
                'npm package of the application, e.g. tiddlywiki@5.4.1; installed when needed. Available as ${package}.',
              ),
            ),
          ),
          command: Type.Array(Type.String(), {
            minItems: 1,
            ...key(
              'output',
              'Program and arguments; ${port}, ${dir} (its private folder), ${package} and ${node} are filled in.',
            ),
          }),
          copy: Type.Optional(
            Type.String(key('output', 'Folder copied into ${dir} at the start; ${package} may be used.')),
          ),
          setup: Type.Optional(
            Type.Array(Type.Array(Type.String()), key('output', 'Commands run in ${dir} once, before the app starts.')),
          ),
          ready: filled(Type.String(key('output', 'Path that answers 200 when the app is up.', { default: '/' }))),
          start_timeout: filled(
            Type.Number({ exclusiveMinimum: 0, ...key('nothing', 'Seconds until it must be ready.', { default: 60 }) }),
          ),
        },
        key('output', 'Application that is started for each session, waited for, reset and stopped.'),
      ),
    ),
    allow: Type.Optional(
      Type.Array(
        Type.String(),
        key(
          'output',
          'URL patterns the browser may reach; everything else is blocked. Default: the origin of the first page.',
        ),
      ),
    ),
    viewport: Type.Optional(
      strict(
        {
          width: Type.Integer({ minimum: 200, ...key('output', 'Pixels across.') }),
          height: Type.Integer({ minimum: 200, ...key('output', 'Pixels down.') }),
        },
        key('output', 'Size of the page, in pixels.'),
      ),
    ),
    ...common,
  },
  { title: 'Browser (Chromium) on a web application' },
);

/** Deterministic place without any outside parts: labelled as scripted wherever its output appears. */
export const ScriptedEnvironment = strict(
  {
    kind: Type.Literal('scripted'),
    items: filled(Type.Integer({ minimum: 1, ...key('output', 'Lamps that can be switched.', { default: 4 }) })),
    ...common,
  },
  { title: 'Scripted: a deterministic board of lamps, for trying the engine' },
);

export const EnvironmentSpec = variants('kind', [ShellEnvironment, BrowserEnvironment, ScriptedEnvironment]);
export type EnvironmentSpec = Static<typeof EnvironmentSpec>;
export type ShellSpec = Static<typeof ShellEnvironment>;
export type BrowserSpec = Static<typeof BrowserEnvironment>;
export type ScriptedSpec = Static<typeof ScriptedEnvironment>;
export type EnvironmentKind = EnvironmentSpec['kind'];
