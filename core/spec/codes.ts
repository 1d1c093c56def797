/** What each code of a problem means, with the same few lines wrong and right: `lbi explain CODE`, and the rules of a code-scanning report. */
import type { ProblemCode } from './problem.ts';

export interface ExplainedCode {
  title: string;
  /** What is meant, and why it is refused or warned of. */
  means: string;
  /** Top-level keys of a pipeline file; the rest of it is as usual. A first line `# lbi …` holds the flags that matter. */
  wrong: string;
  /** The text in `wrong` that the problem points at. */
  points: string;
  right: string;
}

export const codes: Record<ProblemCode, ExplainedCode> = {
  syntax: {
    title: 'The YAML cannot be read',
    means:
      'A line is no "key: value", a bracket is not closed, or a comma is missing. One fault of this kind hides all others, which are mostly its echo.',
    wrong: 'name: demo\nseed 7',
    points: 'seed 7',
    right: 'name: demo\nseed: 7',
  },
  tab: {
    title: 'A tab in the indentation',
    means: 'YAML allows spaces alone before a key. Most editors replace the tabs of a file with one command.',
    wrong: 'budget:\n\tusd: 10',
    points: '\t',
    right: 'budget:\n  usd: 10',
  },
  indent: {
    title: 'The indentation fits nothing',
    means:
      'A line stands neither below its neighbours nor below their parent. The keys of one map begin in one column.',
    wrong: 'environments:\n  box:\n    kind: shell\n   sessions: 2',
    points: 'sessions: 2',
    right: 'environments:\n  box:\n    kind: shell\n    sessions: 2',
  },
  quote: {
    title: 'Quotes are missing, or not closed',
    means:
      'A value with ": ", with {{ }}, with ${…} between brackets, or beginning with * or @ means something else to YAML than to its reader. Put the whole value in quotes.',
    wrong: 'sources:\n  - files: *.md',
    points: '*.md',
    right: 'sources:\n  - files: "*.md"',
  },
  'duplicate-key': {
    title: 'A key is written twice',
    means: 'Of two values for one key, one would be lost without a word.',
    wrong: 'seed: 1\nseed: 2',
    points: 'seed: 2',
    right: 'seed: 2',
  },
  tag: {
    title: 'A tag of YAML',
    means: 'Words like !env or !include mean nothing in a pipeline. Values come from ${env:NAME}.',
    wrong: 'name: !env NAME',
    points: '!env',
    right: 'name: ${env:NAME:-demo}',
  },
  anchor: {
    title: 'An anchor that is not there',
    means:
      'A use (*name) needs its anchor (&name) above it, in the same file and not around it. The merge key << takes a map. Keys that begin with x- are a place for anchors.',
    wrong: 'x-box: &box { kind: shell }\nenvironments:\n  box: *bx',
    points: '*bx',
    right: 'x-box: &box { kind: shell }\nenvironments:\n  box: *box',
  },
  'too-large': {
    title: 'Too much to be a pipeline',
    means:
      'The text, its nesting, or what its aliases grow to is beyond what any pipeline has; this also stops files that are made to exhaust memory.',
    wrong: [
      'x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]',
      ...['b', 'c', 'd', 'e'].map((name, at) => `x-${name}: &${name} [${Array(10).fill(`*${'abcd'[at]}`).join(', ')}]`),
    ].join('\n'),
    points: '1',
    right: 'x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\nx-b: [*a, *a]',
  },
  empty: {
    title: 'The file is empty',
    means: 'There is nothing in it but comments. lbi init writes a commented pipeline to begin with.',
    wrong: '# nothing yet',
    points: '#',
    right: 'name: demo',
  },
  env: {
    title: 'An environment variable is not set',
    means: 'A value is to come from the environment and has no default. Nothing is replaced by an empty text.',
    wrong: 'name: ${env:PROJECT}',
    points: '${env:PROJECT}',
    right: 'name: ${env:PROJECT:-demo}',
  },
  placeholder: {
    title: 'A placeholder that is not known',
    means:
      '${…} is filled in by lbi; for the characters themselves write $${…}. Environment variables are ${env:NAME}, secrets ${secret:NAME}.',
    wrong: 'environments:\n  box: { kind: shell, setup: ["echo ${HOME}"] }',
    points: '${HOME}',
    right: 'environments:\n  box: { kind: shell, setup: ["echo $${HOME}"] }',
  },
  secret: {
    title: 'A secret in the wrong place',
    means:
      'A key stands in clear in the file, or is asked for where its value would be kept with the run. api_key names a secret; its value is read by the worker and stored nowhere.',
    wrong: 'models:\n  writer: { provider: openai, model: gpt-5, api_key: sk-1234 }',
    points: 'sk-1234',
    right: 'models:\n  writer: { provider: openai, model: gpt-5, api_key: "${secret:OPENAI_API_KEY}" }',
  },
  profile: {
    title: 'No such profile',
    means: '--profile names one of the entries under profiles: of the file.',
    wrong: '# lbi run pipeline.yaml --profile smal\nprofiles:\n  small: { seed: 1 }',
    points: 'smal',
    right: '# lbi run pipeline.yaml --profile small\nprofiles:\n  small: { seed: 1 }',
  },
  extends: {
    title: 'A file that cannot be extended',
    means:
      'extends names a file that is not there, that extends this one again, or changes a list in a way that its base does not allow. Paths are relative to the file in which they are written.',
    wrong: 'extends: missing.yaml',
    points: 'missing.yaml',
    right: 'extends: base.yaml',
  },
  input: {
    title: 'An input that is missing or does not fit',
    means:
      'inputs: declares what a run may be given with --input name=value. A required one was not given, or the value is of another type, out of range, or none of the choices.',
    wrong: 'inputs:\n  docs: { type: integer }\nseed: ${input:docs}',
    points: 'docs',
    right: 'inputs:\n  docs: { type: integer, default: 5 }\nseed: ${input:docs}',
  },
  set: {
    title: 'A --set flag that changes nothing',
    means: '--set takes path=value: keys joined by dots, items by number, stages by what they use.',
    wrong: '# lbi run pipeline.yaml --set stages.interract.max_steps=5\nname: demo',
    points: 'interract',
    right: '# lbi run pipeline.yaml --set stages.interact.max_steps=5\nname: demo',
  },
  'unknown-key': {
    title: 'A key that does not exist here',
    means:
      'A misspelt key, or one of another place, would be ignored without a word. Notes and anchors of your own go under keys that begin with x-.',
    wrong: 'budget: { used: 10 }',
    points: 'used',
    right: 'budget: { usd: 10 }',
  },
  'missing-key': {
    title: 'A key that is needed',
    means: 'Without this key the part has no meaning, and there is no default that would be right for everybody.',
    wrong: 'models:\n  writer: { provider: scripted }',
    points: 'writer',
    right: 'models:\n  writer: { provider: scripted, script: replies.yaml }',
  },
  type: {
    title: 'A value of another type',
    means:
      'A number where a text is needed, a text where a list is needed, or nothing at all. The fix shows how it is written.',
    wrong: 'seed: many',
    points: 'many',
    right: 'seed: 7',
  },
  value: {
    title: 'A value that is not possible',
    means:
      'The type is right; the number is out of its range, the word is none of the choices, or the text has another form.',
    wrong: 'environments:\n  box: { kind: shel }',
    points: 'shel',
    right: 'environments:\n  box: { kind: shell }',
  },
  'unknown-name': {
    title: 'A name that is not defined',
    means: 'A stage names a model or an environment, a rule names a member, and there is none of that name.',
    wrong: 'stages:\n  - { uses: instruct, model: wirter }',
    points: 'wirter',
    right: 'stages:\n  - { uses: instruct, model: writer }',
  },
  'stage-order': {
    title: 'Stages in an order that cannot be',
    means:
      'Each stage works on what an earlier one makes: instruct → interact → construct → filter → index, export. Each is used once.',
    wrong: 'stages:\n  - { uses: interact, model: writer, environment: box }',
    points: 'interact',
    right: 'stages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: writer, environment: box }',
  },
  filter: {
    title: 'A filter that lets nothing through',
    means:
      'What is asked of trajectories can never be: more steps than a window has, a score where no place gives one, shares in the wrong order.',
    wrong: 'stages:\n  - { uses: filter, steps: { min: 9, max: 3 }, committee: { members: [writer] } }',
    points: '9',
    right: 'stages:\n  - { uses: filter, steps: { min: 3, max: 9 }, committee: { members: [writer] } }',
  },
  committee: {
    title: 'A committee that cannot judge, or judges itself',
    means:
      'An error where no example could ever be accepted; a warning where members judge their own work, are one model, or cannot say how sure they are.',
    wrong: 'stages:\n  - { uses: filter, committee: { members: [writer], accept: { at_least: 2 } } }',
    points: '2',
    right: 'stages:\n  - { uses: filter, committee: { members: [writer, judge], accept: { at_least: 2 } } }',
  },
  budget: {
    title: 'A budget over a model without a price',
    means:
      'With budget.usd every model that is used must have a known price, or it would spend past the budget unseen.',
    wrong:
      'budget: { usd: 5 }\nmodels:\n  writer: { provider: openai, model: qwen3, base_url: "http://127.0.0.1:11434/v1" }',
    points: 'qwen3',
    right:
      'budget: { usd: 5 }\nmodels:\n  writer: { provider: openai, model: qwen3, base_url: "http://127.0.0.1:11434/v1", price: { input: 0, output: 0 } }',
  },
  place: {
    title: 'An environment that could not be used',
    means:
      'The first page is no address or is not allowed, the application is not told its port, or what is allowed is the whole web.',
    wrong: 'environments:\n  box: { kind: browser, url: "https://a.example/", allow: ["https://b.example/*"] }',
    points: 'allow',
    right: 'environments:\n  box: { kind: browser, url: "https://a.example/", allow: ["https://a.example/*"] }',
  },
  source: {
    title: 'Documents that cannot be had in this way',
    means:
      'A source asks for what its kind does not have: a path that leaves its package, a ref without a repository, the documentation of a place that has none.',
    wrong: 'sources:\n  - { files: docs/*.md, ref: main }',
    points: 'ref',
    right: 'sources:\n  - { files: docs/*.md, git: "https://git.example.com/a/b.git", ref: main }',
  },
  timing: {
    title: 'Times that do not fit together',
    means: 'A stage gives a call up before its model may have answered, or before a lost worker is noticed.',
    wrong:
      'models:\n  writer: { provider: scripted, script: a.yaml, timeout: 60 }\nstages:\n  - { uses: instruct, model: writer, timeout: 30 }',
    points: '30',
    right:
      'models:\n  writer: { provider: scripted, script: a.yaml, timeout: 60 }\nstages:\n  - { uses: instruct, model: writer, timeout: 90 }',
  },
  combination: {
    title: 'Values that defeat each other',
    means: 'Each is right alone; together nothing could come of it, or what is paid for would be dropped.',
    wrong:
      'stages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: writer, environment: box, min_steps: 5, max_steps: 5 }',
    points: '5, max',
    right:
      'stages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: writer, environment: box, min_steps: 1, max_steps: 5 }',
  },
  prompt: {
    title: 'A prompt file that cannot be filled in',
    means:
      'The file lacks "# System" or "# User", uses a variable that this prompt does not have, or leaves out one without which the model would answer blindly. The message names its line.',
    wrong: 'stages:\n  - { uses: instruct, model: writer, prompt: prompts/wrong.md }',
    points: 'prompts/wrong.md',
    right: 'stages:\n  - { uses: instruct, model: writer, prompt: prompts/right.md }',
  },
  file: {
    title: 'A file that does not exist',
    means: 'Paths are relative to the folder of the file in which they are written.',
    wrong: 'stages:\n  - { uses: instruct, model: writer, prompt: prompts/missing.md }',
    points: 'prompts/missing.md',
    right: 'stages:\n  - { uses: instruct, model: writer, prompt: prompts/right.md }',
  },
  unused: {
    title: 'Something that nothing uses',
    means: 'A model or environment is defined and no stage names it: often a name that was changed in one place alone.',
    wrong:
      'environments:\n  box: { kind: shell }\n  spare: { kind: shell }\nstages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: judge, environment: box }',
    points: 'spare',
    right:
      'environments:\n  box: { kind: shell }\nstages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: judge, environment: box }',
  },
  module: {
    title: 'A module of your own that cannot be used',
    means:
      'uses, kind and provider take the path of a TypeScript module. The file is missing, does not run, exports something else than it should here, or its path holds a placeholder.',
    wrong:
      'stages:\n  - { uses: instruct, model: writer }\n  - { uses: "./${env:CHECK:-check}.ts" }\n  - { uses: interact, model: judge, environment: box }',
    points: '"./${env:CHECK:-check}.ts"',
    right: 'stages:\n  - { uses: instruct, model: writer }\n  - { uses: interact, model: judge, environment: box }',
  },
};
