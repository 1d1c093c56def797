/** The dataset card: a README that says what the data is, how it was made, what it cost, and what it is not. */
import { stringify } from 'yaml';
import type { DatasetFacts, Row } from '../../schemas/dataset.ts';
import type { AcceptRule, Committee } from '../../schemas/vote.ts';
import type { ChatOptions } from './openai.ts';

interface CardOptions {
  /** the data files beside the card */
  files: string[];
  chat: ChatOptions;
}

/** Markdown with YAML front matter as dataset hubs read it; the same text for the same rows and facts. */
export function cardOf(rows: Row[], facts: DatasetFacts, options: CardOptions): string {
  const parts = [
    `---\n${stringify(frontMatter(rows, facts, options.files))}---`,
    `# ${facts.name}`,
    ...(facts.description === undefined ? [] : [facts.description]),
    warnings(rows, facts),
    introduction(rows, facts),
    ...contents(rows, options),
    ...making(facts),
    ...costs(rows, facts),
    ...licences(facts),
    ...limits(rows, facts, options.chat),
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

/** `datasets` reads all configurations of a folder by one file format: Parquet where there is some, else the chats. */
function mainFiles(files: string[]): string[] {
  const inFolder = (folder: string) => files.filter((file) => file.startsWith(folder));
  return inFolder('data/').length > 0 ? inFolder('data/') : inFolder('chat/');
}

const splitOfFile = (path: string): string => (path.includes('train') ? 'train' : 'test');

function loading(files: string[]): string[] {
  const chats = files.filter((file) => file.startsWith('chat/'));
  const named = chats.map((path) => `"${splitOfFile(path)}": "${path}"`).join(', ');
  const lines = [
    ...(mainFiles(files).length === 0 ? [] : ['load_dataset(".")']),
    ...(chats.length === 0 ? [] : [`load_dataset("json", data_files={${named}})  # chats for fine-tuning`]),
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
  return `${rows.length} examples of an agent acting in ${places}, made from ${documents} documents by ${facts.generator}, run \`${facts.run}\`, seed ${facts.seed}, pipeline \`${facts.pipeline}\`. An example is an instruction and the stretch of a recorded trajectory that accomplishes it: the instruction was written after the fact for what happened (learn-by-interact, arXiv 2501.10893).`;
}

function contents(rows: Row[], { files }: CardOptions): string[] {
  const splitRow = (split: string, part: Row[]) => [
    split,
    part.length,
    new Set(part.map(documentKey)).size,
    part.reduce((sum, row) => sum + row.steps.length, 0),
  ];
  const splits = ['train', 'test'].map((split) =>
    splitRow(
      split,
      rows.filter((row) => row.split === split),
    ),
  );
  const styles = [...new Set(rows.map((row) => row.style))].sort();
  const lengths = rows.map((row) => row.steps.length).sort((a, b) => a - b);
  const at = (share: number) => lengths[Math.floor(share * (lengths.length - 1))] ?? 0;
  return [
    '## Contents',
    table(['split', 'examples', 'documents', 'actions'], splits),
    'No document is in both splits.',
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
    `An example is kept when the committee of ${members.map(memberInWords).join(', ')} accepts it: ${ruleInWords(accept)}. Each member answers yes or no to each of:`,
    Object.entries(criteria)
      .map(([name, { ask, weight }]) => `- **${name}**: ${ask}${weight === 1 ? '' : ` (weight ${weight})`}`)
      .join('\n'),
    ...(passes === 'all' ? [] : [`Its answers make a yes when at least ${passes.share} of them, by weight, are yes.`]),
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

function limits(rows: Row[], facts: DatasetFacts, chat: ChatOptions): string[] {
  const judges = facts.committee.members.length;
  const own = facts.models.filter(({ uses }) => uses.includes('filter') && uses.includes('construct'));
  const lines = [
    'The committee is made of models. Nobody has checked its verdicts by hand; expect wrong examples among the kept.',
    ...(own.length === 0
      ? []
      : [`${own.map(({ name }) => name).join(', ')} judged instructions that it wrote itself.`]),
    ...(judges === 1 ? ['A single model is the whole committee.'] : []),
    'The recorded reasons were written for the task that the agent was given, not for the instruction of the example.',
    ...(chat.finish === 'none'
      ? ['The chats end on the last action: they do not teach when to stop.']
      : ['The final `finish` of each chat was added: no model wrote it, and its answer is always "done".']),
    'In the chats, actions that failed have weight 0: they are context, not targets. Trainers that ignore weights learn them.',
    ...(rows.some((row) => row.split === 'test') ? [] : ['There is no test split.']),
  ];
  return ['## Limits', lines.map((line) => `- ${line}`).join('\n')];
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
