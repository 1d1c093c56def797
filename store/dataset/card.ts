/** The dataset card: a README that says what the data is, how it was made, what it cost, and what it is not. */
import { stringify } from 'yaml';
import type { DatasetFacts, Row } from '../../schemas/dataset.ts';
import { splits } from '../../schemas/format.ts';
import type { AcceptRule, Committee } from '../../schemas/vote.ts';
import { type CardOptions, inFolder, limitsOf } from './limits.ts';

/** Markdown with YAML front matter as dataset hubs read it; the same text for the same rows and facts. */
export function cardOf(rows: Row[], facts: DatasetFacts, options: CardOptions): string {
  const parts = [
    `---\n${stringify(frontMatter(rows, facts, options.files))}---`,
    `# ${facts.name}`,
    ...(facts.description === undefined ? [] : [facts.description]),
    warnings(rows, facts),
    introduction(rows, facts),
    ...contents(rows, facts, options),
    ...making(facts),
    ...costs(rows, facts),
    ...licences(facts),
    '## Limits',
    limitsOf(rows, facts, options)
      .map((line) => `- ${line}`)
      .join('\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function frontMatter(rows: Row[], facts: DatasetFacts, files: string[]): { [key: string]: unknown } {
  const dataFiles = mainFiles(files).map((path) => ({ split: splitOfFile(path), path }));
  const configs = dataFiles.length === 0 ? [] : [{ config_name: 'default', data_files: dataFiles }];
  return {
    pretty_name: facts.name,
    license: 'other',
    license_name: 'not-chosen',
    task_categories: ['text-generation'],
    tags: ['agent', 'trajectories', 'synthetic', 'learn-by-interact', ...(isScripted(rows, facts) ? ['scripted'] : [])],
    size_categories: [sizeCategory(rows.length)],
    ...(configs.length === 0 ? {} : { configs }),
  };
}

/** `datasets` reads all configurations of a folder by one file format: Parquet where there is some, else one kind of chats. */
function mainFiles(files: string[]): string[] {
  const found = ['data/', 'chat/', 'trl/', 'adp/'].map((folder) => inFolder(files, folder));
  return found.find((each) => each.length > 0)?.filter((file) => !file.endsWith('metadata.json')) ?? [];
}

const splitOfFile = (path: string): string => splits.find((split) => path.includes(`/${split}.`)) ?? 'train';

function loading(files: string[]): string[] {
  const named = (folder: string): string =>
    inFolder(files, folder)
      .map((path) => `"${splitOfFile(path)}": "${path}"`)
      .join(', ');
  const jsonLines = (folder: string, comment: string): string[] =>
    inFolder(files, folder).length === 0 ? [] : [`load_dataset("json", data_files={${named(folder)}})  # ${comment}`];
  const lines = [
    ...(mainFiles(files).length === 0 ? [] : ['load_dataset(".")']),
    ...jsonLines('chat/', 'chats for fine-tuning'),
    ...jsonLines('trl/', 'for TRL; datasets 4.7 or newer keeps the arguments as they are'),
  ];
  if (lines.length === 0) return [];
  return ['In this folder, with `from datasets import load_dataset`:', `\`\`\`python\n${lines.join('\n')}\n\`\`\``];
}

function warnings(rows: Row[], facts: DatasetFacts): string {
  if (!isScripted(rows, facts)) return '';
  const who = facts.scripted.length === 0 ? 'A model or environment' : facts.scripted.join(', ');
  const share = `${rows.filter((row) => row.scripted).length} of ${rows.length} examples`;
  return `> **Scripted.** ${who} followed a script instead of answering. ${share} were made with its help; they show that the pipeline works and are no training data.`;
}

function introduction(rows: Row[], facts: DatasetFacts): string {
  const places = facts.environments.map(({ name, kind }) => `${name} (${kind})`).join(', ');
  const documents = new Set(rows.flatMap((row) => (row.document === null ? [] : [documentKey(row)]))).size;
  return `${rows.length} examples of an agent acting in ${places}, made from ${documents} documents by ${facts.generator}, run \`${facts.run}\`, seed ${facts.seed}, pipeline \`${facts.pipeline}\`. ${whatItIs(rows)}`;
}

/** Said by the styles that are there: the baseline without relabelling keeps tasks as they were posed. */
function whatItIs(rows: Row[]): string {
  const original = rows.some(({ style }) => style === 'original');
  const written = rows.some(({ style }) => style !== 'original');
  return [
    ...(written || !original
      ? [
          'An example is an instruction and the stretch of a recorded trajectory that accomplishes it: the instruction was written after the fact for what happened (learn-by-interact, arXiv 2501.10893).',
        ]
      : []),
    ...(original
      ? ['Examples of the style `original` are tasks as they were posed, with the whole trajectory that tried them.']
      : []),
  ].join(' ');
}

function contents(rows: Row[], { splitBy }: DatasetFacts, { files }: CardOptions): string[] {
  const present = splits.filter((split) => split !== 'validation' || rows.some((row) => row.split === split));
  const sides = present.map((split) => {
    const part = rows.filter((row) => row.split === split);
    const distinct = (key: (row: Row) => string): number => new Set(part.map(key)).size;
    const actions = part.reduce((sum, row) => sum + row.steps.length, 0);
    return [split, part.length, distinct(documentKey), distinct((row) => row.task.instruction), actions];
  });
  const styles = [...new Set(rows.map((row) => row.style))].sort();
  const lengths = rows.map((row) => row.steps.length).sort((a, b) => a - b);
  const at = (share: number) => lengths[Math.floor(share * (lengths.length - 1))] ?? 0;
  return [
    '## Contents',
    table(['split', 'examples', 'documents', 'tasks', 'actions'], sides),
    `No ${splitBy} is in two splits.`,
    table(
      ['style of instruction', 'examples'],
      styles.map((style) => [style, rows.filter((row) => row.style === style).length]),
    ),
    `Actions per example: ${at(0)} at least, ${at(0.5)} median, ${at(1)} at most.`,
    ...loading(files),
    `Files: ${files.map((file) => `\`${file}\``).join(', ')}; sums in \`checksums.txt\` (\`sha256sum --check checksums.txt\`).`,
  ];
}

function making(facts: DatasetFacts): string[] {
  const { members, criteria, passes, accept } = facts.committee;
  return [
    '## How it was made',
    table(
      ['', 'count'],
      facts.counts.map(({ what, count }) => [what, count]),
    ),
    table(
      ['model', 'is', 'works in'],
      facts.models.map(({ name, model, uses }) => [name, `\`${model}\``, uses.join(', ')]),
    ),
    ...(members.length === 0
      ? ['No committee judged the examples: all are kept.']
      : [
          `An example is kept when the committee of ${members.map(memberInWords).join(', ')} accepts it: ${ruleInWords(accept)}. Each member answers yes or no to each of:`,
          Object.entries(criteria)
            .map(([name, { ask, weight }]) => `- **${name}**: ${ask}${weight === 1 ? '' : ` (weight ${weight})`}`)
            .join('\n'),
          ...(passes === 'all'
            ? []
            : [`Its answers make a yes when at least ${passes.share} of them, by weight, are yes.`]),
        ]),
  ];
}

function costs(rows: Row[], facts: DatasetFacts): string[] {
  const usages = Object.entries(facts.usage).sort(([a], [b]) => (a < b ? -1 : 1));
  if (usages.length === 0) return [];
  const total = usages.reduce((sum, [, usage]) => sum + usage.usd, 0);
  const each = rows.length === 0 ? '' : `, $${(total / rows.length).toFixed(4)} per kept example`;
  return [
    '## What it cost',
    table(
      ['stage and model', 'calls', 'input tokens', 'of it cached', 'output tokens', 'US$'],
      usages.map(([name, use]) => [name, use.calls, use.input, use.cached, use.output, use.usd.toFixed(4)]),
    ),
    `Together $${total.toFixed(4)}${each}, rejected work included. Local models count as $0.`,
  ];
}

function licences(facts: DatasetFacts): string[] {
  return [
    '## Licences',
    'Instructions and observations derive from these documents and from the application. Nobody has chosen a licence for the dataset: who publishes it has to, in keeping with these and with the terms of the models.',
    table(
      ['source', 'documents', 'licence'],
      facts.sources.map(({ source, documents, license }) => [source, documents, license ?? 'not stated']),
    ),
  ];
}

function ruleInWords(rule: AcceptRule): string {
  if (rule === 'unanimous') return 'every member says yes';
  if (rule === 'majority') return 'more than half of the members say yes';
  if ('at_least' in rule) return `at least ${rule.at_least} members say yes`;
  if ('share' in rule) return `a share of at least ${rule.share} of the members, by weight, says yes`;
  return `the mean of P(yes), by weight, is at least ${rule.confidence}`;
}

function memberInWords({ name, weight, optional }: Committee['members'][number]): string {
  const notes = [...(weight === 1 ? [] : [`weight ${weight}`]), ...(optional ? ['optional'] : [])];
  return notes.length === 0 ? name : `${name} (${notes.join(', ')})`;
}

const documentKey = (row: Row): string => (row.document === null ? '' : `${row.document.source} ${row.document.id}`);
const isScripted = (rows: Row[], facts: DatasetFacts) => facts.scripted.length > 0 || rows.some((row) => row.scripted);

function sizeCategory(count: number): string {
  const names = ['n<1K', '1K<n<10K', '10K<n<100K', '100K<n<1M', '1M<n<10M'];
  return names.find((_, power) => count < 1000 * 10 ** power) ?? '10M<n<100M';
}

function table(head: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replace(/\s+/g, ' ').replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
