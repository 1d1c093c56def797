/** The pipeline that `lbi init` writes: choices in, commented YAML out. */
import type { Choices } from './choices.ts';
import type { Found } from './look.ts';
import { committeeOf, modelsOf, sizesOf } from './models-part.ts';
import { environmentOf } from './place-part.ts';
import type { Source } from './source-part.ts';
import { indent, quoted } from './yaml-words.ts';

const words: Record<Choices['place'], string> = {
  shell: 'in a shell',
  browser: 'in a browser',
  scripted: 'on a scripted board of lamps',
};

const introduction = ({ name, place }: Choices, source: Source): string[] => [
  '# yaml-language-server: $schema=./pipeline.schema.json',
  '# $schema: ./pipeline.schema.json',
  '#',
  `# Documentation → tasks → attempts ${words[place]} → instructions for what happened → what a committee accepts.`,
  '# Check it: lbi validate pipeline.yaml       One document, shown as it happens: lbi preview pipeline.yaml',
  '# All of it: lbi run pipeline.yaml          What a key means: lbi explain stages.interact.max_steps',
  'version: "1"',
  `name: ${quoted(name)}`,
  `description: ${source.description}`,
];

const stagesOf = (choices: Choices, found: Found): string[] => {
  const size = sizesOf(choices);
  const environment = environmentOf(choices).name;
  return [
    'stages:',
    '  # Invent tasks from each document.',
    `  - { uses: instruct, model: writer, per_document: ${size.perDocument} }`,
    `  # Try each task; every attempt is kept, whatever came of it.${size.small ? ' (min_steps: small models like to finish before they begin.)' : ''}`,
    `  - { uses: interact, environment: ${environment}, model: writer, max_steps: ${size.steps}${size.small ? ', min_steps: 1' : ''}, concurrency: ${size.concurrency} }`,
    '  # Write an instruction for what really happened in each stretch of an attempt.',
    `  - { uses: construct, model: writer, styles: [${size.small ? 'new-task' : 'new-task, replicate'}], max_windows: ${size.windows} }`,
    ...indent(committeeOf(choices, found), 2),
    '  # What was kept, to be found again: lbi retrieve RUN "…", or knowledge: of the stage interact.',
    `  - { uses: index, embedding: ${size.small ? 'none' : 'local'} }`,
    '  - { uses: export, formats: [openai, parquet] }',
  ];
};

/** The text of pipeline.yaml. */
export const pipelineText = (choices: Choices, found: Found, source: Source): string => {
  const size = sizesOf(choices);
  const sections = [
    introduction(choices, source),
    modelsOf(choices, found),
    ['environments:', ...indent(environmentOf(choices).lines, 2)],
    ['sources:', ...indent(source.lines(size.documents), 2)],
    stagesOf(choices, found),
    ...(size.budget ? [['# The run waits when this is spent, and goes on after a raise.', 'budget: { usd: 10 }']] : []),
    [
      '# A first look for little: lbi run pipeline.yaml --profile tiny',
      'profiles:',
      '  tiny:',
      '    sources:',
      ...indent(
        source.lines(1).filter((line) => !line.startsWith('#')),
        6,
      ),
      ...(size.budget ? ['    budget: { usd: 1 }'] : []),
    ],
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
};
