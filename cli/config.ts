/** `lbi config`: the pipeline as the engine reads it, out of all its files, profile, flags and inputs; and where each value comes from. */
import { styleText } from 'node:util';
import { Document, isMap, isSeq, type Node, parse } from 'yaml';
import { withDefaults } from '../core/spec/defaults.ts';
import { type Setting, settingsOf, writtenSpec } from '../core/spec/origins.ts';
import { renderProblems } from '../core/spec/render.ts';
import { pipelineSchema } from '../core/spec/schema.ts';
import type { Json, JsonObject } from '../schemas/common.ts';
import { hasPrice, type PipelineFileOptions, readPipelineFile, unreadable } from './pipeline-file.ts';
import { WrongCall } from './wrong-call.ts';

export interface ConfigOptions extends PipelineFileOptions {
  json?: boolean;
  /** One line a value: what it is and where it was set, instead of the pipeline. */
  sources?: boolean;
  /** Also what nobody set. */
  defaults?: boolean;
}

/** Exit codes: 0 valid, 2 no such file, 3 the pipeline is invalid. Problems go to stderr, the pipeline to stdout. */
export const configCommand = async (file: string, options: ConfigOptions = {}): Promise<number> => {
  const { loaded } = await readPipelineFile(file, { knownPrice: hasPrice, ...options }).catch((error: unknown) => {
    throw new WrongCall(unreadable(file, error));
  });
  const problems = 'problems' in loaded ? loaded.problems : loaded.warnings;
  const color = styleText('red', 'x', { stream: process.stderr }) !== 'x';
  if (problems.length > 0) process.stderr.write(renderProblems(problems, loaded.sources, { color }));
  if ('problems' in loaded) return 3;
  const full = options.defaults === true ? withDefaults(loaded.spec, loaded.own) : undefined;
  const settings = settingsOf(loaded.tree, full);
  const files = Object.keys(loaded.sources);
  const spec = writtenSpec(loaded.tree);
  const shown = full === undefined ? spec : joined(spec, full as unknown as JsonObject);
  if (options.json === true) {
    const { inputs = {} } = loaded.spec;
    const data = { file, files, inputs, spec: shown, settings: options.sources === true ? settings : undefined };
    process.stdout.write(`${JSON.stringify({ schema: 'lbi.config/1', data, warnings: loaded.warnings })}\n`);
  } else if (options.sources === true) process.stdout.write(table(settings));
  else process.stdout.write(pipelineText(files, settings, shown, spec));
  return 0;
};

/** What was written, and beside it the defaults, in the order of the reference. */
const joined = (spec: JsonObject, full: JsonObject): JsonObject => {
  const names = Object.keys(pipelineSchema.properties ?? {}).filter((name) => name !== 'inputs' && name in full);
  return Object.fromEntries(names.map((name) => [name, join(spec[name], full[name] ?? null)]));
};

const join = (spec: Json | undefined, full: Json): Json => {
  if (spec === undefined) return full;
  if (Array.isArray(spec) && Array.isArray(full)) return spec.map((item, index) => join(item, full[index] ?? item));
  if (!isObject(spec) || !isObject(full)) return spec;
  const added = Object.entries(full).map(([name, value]): [string, Json] => [name, join(spec[name], value)]);
  return { ...spec, ...Object.fromEntries(added) };
};

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The pipeline as YAML; above it what it was made of, as comments. */
const pipelineText = (files: string[], settings: Setting[], shown: JsonObject, spec: JsonObject): string => {
  const [main, ...others] = files;
  const inputs = settings.filter(({ path }) => path.startsWith('inputs.'));
  const head = [
    ...(others.length === 0 ? [] : [`# ${main} over ${others.join(', ')}`]),
    ...inputs.map(({ path, value, from }) => `# ${path} = ${inLine(value)}   ${from}`),
  ];
  const document = new Document(shown);
  if (shown !== spec) markDefaults(document.contents as Node | null, shown, spec);
  return [...head, yamlText(document)].join('\n');
};

/** Long texts as blocks, unless one of them would not be read back as it is: those of blanks alone are not. */
export const yamlText = (document: Document): string => {
  const text = document.toString({ lineWidth: 0 });
  const same = JSON.stringify(parse(text)) === JSON.stringify(document.toJS());
  const safe = same ? text : document.toString({ lineWidth: 0, blockQuote: false });
  return safe.endsWith('\n') ? safe : `${safe}\n`;
};

/** A comment at each value that nobody set. */
const markDefaults = (node: Node | null, shown: Json, spec: Json | undefined): void => {
  if (spec === undefined && node !== null && !isMap(node) && !isSeq(node)) node.comment = ' default';
  if (isMap(node) && isObject(shown))
    for (const [name, value] of Object.entries(shown)) {
      const before = spec !== undefined && isObject(spec) ? spec[name] : undefined;
      markDefaults(node.get(name, true) as Node | null, value, before);
    }
  if (isSeq(node) && Array.isArray(shown))
    for (const [index, value] of shown.entries())
      markDefaults(node.items[index] as Node, value, Array.isArray(spec) ? spec[index] : undefined);
};

const widest = 48;

/** Path, value and place in columns; what else is known of the value behind them. */
const table = (settings: Setting[]): string => {
  const rows = settings.map((setting) => [setting.path, inLine(setting.value), setting.from, notes(setting)] as const);
  const width = (column: 0 | 1 | 2): number => Math.max(0, ...rows.map((row) => row[column].length));
  const [paths, values, places] = [width(0), width(1), width(2)];
  const color = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const dim = (text: string): string => (color ? styleText('dim', text) : text);
  return rows
    .map(([path, value, from, note]) => {
      const place = note === '' ? from : `${from.padEnd(places)}  ${note}`;
      return `${path.padEnd(paths)}  ${value.padEnd(values)}  ${dim(place)}\n`;
    })
    .join('');
};

const inLine = (value: Json): string => {
  const plain = typeof value === 'string' && /^[\w./@*$:{}-][^\n]*$/.test(value) && value.trim() === value;
  const text = plain ? value : JSON.stringify(value);
  return text.length > widest ? `${text.slice(0, widest - 1)}…` : text;
};

const notes = ({ profile, variables, input, used }: Setting): string =>
  [
    ...(profile === undefined ? [] : [`profile ${profile}`]),
    ...(variables ?? []).map((name) => `env ${name}`),
    ...(input === undefined ? [] : [`input ${input}`]),
    ...(used === undefined ? [] : [`used at ${used}`]),
  ].join(', ');
