/** docs/reference/pipeline.md from the schema: every key, what it takes, its default and what a change of it does. */
import { accepts, pipelineSchema, type SchemaNode, tagValues } from '../core/spec/schema.ts';

const effects = { output: 'runs again', cost: 'kept', nothing: 'kept' } as const;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const shownDefault = (schema: SchemaNode): string => {
  const value = schema.default;
  if (value === undefined || JSON.stringify(value) === '{}') return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
};

const takes = (schema: SchemaNode): string => {
  const plain = /^(an? |the |any |true$|false$)/;
  const choices = accepts(schema).map((choice) => (plain.test(choice) ? choice : `\`${choice}\``));
  return `${choices.join(', ')}${schema['x-unit'] === undefined ? '' : ` (${schema['x-unit']})`}`;
};

const shownExample = (schema: SchemaNode): string => {
  const [example] = schema.examples ?? [];
  if (example === undefined) return '';
  return ` E.g. \`${typeof example === 'string' ? example : JSON.stringify(example)}\`.`;
};

/** One row a key; the keys of a map inside follow it as `map.key`. */
const rows = (schema: SchemaNode, prefix: string): string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, below]) => {
    const needed = schema.required?.includes(name) === true ? ' **required**' : '';
    const effect = below['x-selects'] === true ? 'only what is new runs' : effects[below['x-effect'] ?? 'output'];
    const columns = [
      `\`${prefix}${name}\`${needed}`,
      cell(takes(below)),
      shownDefault(below),
      cell(`${below.description ?? ''}${shownExample(below)}`),
      effect,
    ];
    const inner = below.properties === undefined ? [] : rows(below, `${prefix}${name}.`);
    return [`| ${columns.join(' | ')} |`, ...inner];
  });

const table = (schema: SchemaNode): string =>
  ['| key | takes | default | meaning | finished work |', '| --- | --- | --- | --- | --- |', ...rows(schema, '')].join(
    '\n',
  );

const variantSections = (schema: SchemaNode | undefined): string => {
  const tag = schema?.discriminator?.propertyName ?? '';
  const own = schema?.['x-own'];
  const { [tag]: path, ...common } = own?.properties ?? {};
  const ours = (schema?.oneOf ?? []).map(
    (variant, index) =>
      `### \`${tag}: ${tagValues(schema ?? {})[index]}\`\n\n${variant.title ?? ''}.\n\n${table(variant)}`,
  );
  const theirs =
    own === undefined
      ? []
      : [
          `### \`${tag}: ${path?.examples?.[0]}\`\n\n${own.title}: a path to its module ([guide](../guides/own-modules.md)). Besides the keys that the module adds:\n\n${table({ properties: common })}`,
        ];
  return [...ours, ...theirs].join('\n\n');
};

/** One section a shape, headed by the key that tells it. */
const shapeSections = (schema: SchemaNode | undefined): string => {
  const tags = schema?.['x-told-by'] ?? [];
  return (schema?.anyOf ?? [])
    .map((shape, index) => `### \`${tags[index]}\`\n\n${shape.title ?? ''}.\n\n${table(shape)}`)
    .join('\n\n');
};

const top = pipelineSchema.properties ?? {};
const anyEntry = (schema: SchemaNode | undefined): SchemaNode | undefined => schema?.patternProperties?.['^.*$'];

const introduction = `# The pipeline file

<!-- Made from schemas/pipeline by \`node setup/generate.ts\`: change it there. -->

One YAML 1.2 file says what is made, with which models, in which places. \`lbi validate FILE\` checks it, \`lbi init\` writes one to
begin with, and \`lbi schema\` prints the JSON Schema that editors complete with.

- Keys that are not listed here are errors, except those that begin with \`x-\`: a home for notes and YAML anchors.
- \`\${env:NAME}\` is replaced by an environment variable when the file is loaded; unset is an error. \`\${env:NAME:-default}\` stands in
  for a variable that is unset or empty; \`\${env:NAME:?text}\` is an error with that text then. Between \`[ ]\` or \`{ }\` put it in quotes.
  \`$$\` is a plain \`$\`.
- \`\${input:NAME}\` is replaced by one of \`inputs\`, which \`--input NAME=VALUE\` gives. A whole value keeps the input's type.
- \`\${secret:NAME}\` stays a name and is read on the worker only. It can stand in \`api_key\` and nowhere else.
- \`\${port} \${dir} \${package} \${node}\` are filled in when an application starts, \`\${run} \${pipeline}\` when a dataset is written.
- \`{{ name }}\` has a meaning in prompt files only.
- \`extends\` lays this file over others, \`--profile NAME\` an entry of \`profiles\` over the files: maps are merged, everything else is
  replaced, lists as a whole, and a written \`null\` removes. \`stages\` as a map of names changes the stages below instead of replacing
  them; a map of numbers does so with other lists. Paths are relative to the file in which they are written
  ([composing](../guides/composing.md)).
- \`--set stages.interact.max_steps=5\` changes one value; stages are called by name, other list items by number from 0.
- \`lbi config FILE --sources\` shows what comes out and where each value was set.

The last column says what a change does to finished work: **runs again** where the output depends on the
key, **only what is new runs** where the key decides which pieces of work there are, **kept** otherwise.`;

/** The text of the reference page. */
export const reference = (): string =>
  `${[
    introduction,
    `## The file\n\n${table({ ...pipelineSchema })}`,
    `## inputs\n\nA name → what may be given with a run.\n\n${variantSections(anyEntry(top.inputs))}`,
    `## models\n\nA name (small letters, digits, \`-\`, \`_\`) → a model. Stages and committees use the name.\n\n${variantSections(anyEntry(top.models))}`,
    `## environments\n\nA name → a place where the agent acts.\n\n${variantSections(anyEntry(top.environments))}`,
    `## sources\n\nA list; documents are read in its order, and one text is read once. Which of these keys an entry has says what kind of source it is.\n\n${shapeSections(top.sources?.items)}`,
    `## stages\n\nA list in the order of the method: instruct → interact → construct → filter → index, export. Each stands there once at most, after the stage whose output it takes.\n\n${variantSections(top.stages?.items)}`,
  ].join('\n\n')}\n`;
