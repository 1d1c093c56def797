/** The environment of a new pipeline: where the agent acts. */
import { resolve } from 'node:path';
import type { Choices } from './choices.ts';
import { sizesOf } from './models-part.ts';
import { quoted } from './yaml-words.ts';

export interface PlacePart {
  name: string;
  lines: string[];
}

/** The npm whose manual is the sample's documentation: the same one works in the sandbox. */
export const npm = 'npm@11.6.2';
export const tiddlywiki = 'tiddlywiki@5.4.1';

/** True when the place is the sample of its kind: nothing of the user's own was named or found. */
export const isSample = ({ place, app, url }: Choices): boolean =>
  place === 'shell'
    ? app === undefined
    : place === 'browser'
      ? url === undefined && (app === undefined || /^tiddlywiki\b/.test(app))
      : false;

const observation = (choices: Choices): string[] =>
  sizesOf(choices).small ? ['  observation: { max_chars: 2000 } # what a small model can take in'] : [];

const aboutWords =
  '  # What the place is, in words: told to the writer of tasks and to the agent. Say what is there and what is not.';

const shell = (choices: Choices): PlacePart => {
  const sample = isSample(choices) && choices.docs.kind === 'sample';
  const packages = sample ? npm : choices.app;
  const about = sample
    ? 'A folder with one small npm package. The npm command works here; there is no network.'
    : choices.app === undefined
      ? 'A folder with a text file, and the usual Unix commands. There is no network.'
      : `A folder with a text file. The commands of ${choices.app} work here; there is no network.`;
  const files = sample
    ? [
        '    package.json: |',
        '      { "name": "example", "version": "1.0.0", "scripts": { "test": "node index.js" } }',
        '    index.js: |',
        '      console.log("all is well");',
      ]
    : ['    notes.txt: |', '      milk, tea, bread'];
  return {
    name: 'box',
    lines: [
      '# A sandbox without network, fresh for every task.',
      'box:',
      '  kind: shell',
      aboutWords,
      `  about: ${JSON.stringify(about.replaceAll('$', '$$$$'))}`,
      packages === undefined
        ? '  # npm packages whose commands the agent may use:  packages: [prettier@3.6.2]'
        : `  packages: [${quoted(packages)}] # npm packages whose commands the agent may use`,
      '  # What the folder holds at the start. A folder of your own instead:  copy: workspace',
      '  files:',
      ...files,
      `  sessions: ${choices.writer === 'local' ? 1 : 2}`,
      ...observation(choices),
    ],
  };
};

const shared = [
  '  # This site is shared by all tasks and is not put back between them: use one whose data may change, and one session.',
  '  sessions: 1',
];

const site = (choices: Choices, url: string): PlacePart => ({
  name: 'site',
  lines: [
    'site:',
    '  kind: browser',
    `  url: ${JSON.stringify(new URL(url).href.replaceAll('$', '$$$$'))}`,
    '  # Nothing else can be reached from the browser; left out, the origin of the first page.',
    `  allow: [${JSON.stringify(`${new URL(url).origin}/*`)}]`,
    ...shared,
    ...observation(choices),
  ],
});

const ownApp = (choices: Choices, command: string): PlacePart => {
  const folder = resolve('.').replaceAll("'", String.raw`'\''`).replaceAll('$', '$$$$');
  const start = `cd '${folder}' && PORT=\${port} exec ${command}`;
  return {
    name: 'app',
    lines: [
      '# Started for each session with a free port in PORT, and stopped after it.',
      'app:',
      '  kind: browser',
      '  app:',
      `    command: [/bin/sh, -c, ${JSON.stringify(start)}]`,
      '    ready: / # the path that answers 200 when it is up',
      '  # It runs in its own folder, so what one task changes there the next one sees. To begin each session afresh, let the',
      '  # command keep its data in ${dir}, and lay the first state there with  copy: FOLDER  or  setup: [[…]].',
      '  allow: ["http://127.0.0.1:${port}/*"] # nothing else can be reached from the browser',
      '  sessions: 1',
      ...observation(choices),
    ],
  };
};

const wiki = (choices: Choices): PlacePart => ({
  name: 'wiki',
  lines: [
    'wiki:',
    '  kind: browser',
    '  # Started anew for each session, and stopped after it. For a site that is running already: url: http://127.0.0.1:8080/',
    '  app:',
    `    package: ${tiddlywiki}`,
    '    copy: ${package}/editions/server',
    '    command: ["${node}", "${package}/tiddlywiki.js", "${dir}", --listen, "port=${port}", host=127.0.0.1]',
    '    ready: /status',
    '  # Nothing else can be reached from the browser.',
    '  allow: ["http://127.0.0.1:${port}/*"]',
    `  sessions: ${choices.writer === 'local' ? 1 : 2}`,
    ...observation(choices),
  ],
});

const board = (choices: Choices): PlacePart => ({
  name: 'board',
  lines: [
    '# Lamps that can be switched: for trying the engine, without any outside parts.',
    'board:',
    '  kind: scripted',
    '  about: "A board of four lamps, lamp-1 to lamp-4. Each can be switched, and the board can be read."',
    '  items: 4',
    ...observation(choices),
  ],
});

export const environmentOf = (choices: Choices): PlacePart => {
  const { place, url, app } = choices;
  if (place === 'shell') return shell(choices);
  if (place === 'scripted') return board(choices);
  if (url !== undefined) return site(choices, url);
  return app === undefined || isSample(choices) ? wiki(choices) : ownApp(choices, app);
};
