/** Rows as Parquet: one row per example, nested columns that pyarrow, `datasets` and DuckDB read as lists and structs. */
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { canonical } from '../../../core/canonical.ts';
import type { Row } from '../../../schemas/dataset.ts';

type Repetition = 'REQUIRED' | 'OPTIONAL';

const text = (name: string, repetition: Repetition = 'REQUIRED'): SchemaElement[] => [
  { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' }, repetition_type: repetition },
];
const flag = (name: string): SchemaElement[] => [{ name, type: 'BOOLEAN', repetition_type: 'REQUIRED' }];
const whole = (name: string): SchemaElement[] => [{ name, type: 'INT32', repetition_type: 'REQUIRED' }];
const real = (name: string, repetition: Repetition): SchemaElement[] => [
  { name, type: 'DOUBLE', repetition_type: repetition },
];

/** `fields` is one element list per field, each beginning with the field itself. */
function group(name: string, fields: SchemaElement[][], repetition: Repetition = 'REQUIRED'): SchemaElement[] {
  return [{ name, repetition_type: repetition, num_children: fields.length }, ...fields.flat()];
}

function list(name: string, element: SchemaElement[]): SchemaElement[] {
  return [
    { name, converted_type: 'LIST', logical_type: { type: 'LIST' }, repetition_type: 'REQUIRED', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...element,
  ];
}

const STEP = [text('reason'), text('action'), text('arguments'), text('error', 'OPTIONAL'), text('observation')];
const CRITERION = [text('name'), flag('yes'), text('reason')];
const VOTE = [
  text('vote'),
  text('member'),
  text('model'),
  flag('yes'),
  real('confidence', 'OPTIONAL'),
  list('criteria', group('element', CRITERION)),
];
const DOCUMENT = [text('id'), text('source'), text('title'), text('license', 'OPTIONAL')];
const TRAJECTORY = [text('head'), whole('from'), whole('to'), list('steps', whole('element'))];

/** Each column: its schema and its value in a row. */
const COLUMNS: { schema: SchemaElement[]; value: (row: Row) => unknown }[] = [
  { schema: text('id'), value: (row) => row.id },
  { schema: text('example'), value: (row) => row.example },
  { schema: text('instruction'), value: (row) => row.instruction },
  { schema: text('style'), value: (row) => row.style },
  { schema: text('environment'), value: (row) => row.environment },
  { schema: text('actions', 'OPTIONAL'), value: (row) => row.actions },
  { schema: text('observation'), value: (row) => row.observation },
  { schema: list('steps', group('element', STEP)), value: (row) => row.steps.map(stepValue) },
  { schema: group('task', [text('id'), text('instruction')]), value: (row) => row.task },
  { schema: group('document', DOCUMENT, 'OPTIONAL'), value: (row) => row.document },
  { schema: group('trajectory', TRAJECTORY), value: (row) => row.trajectory },
  { schema: list('votes', group('element', VOTE)), value: (row) => row.votes.map(voteValue) },
  { schema: flag('scripted'), value: (row) => row.scripted },
];

/** Arguments differ from action to action, so they are one column of JSON text instead of a struct of everything. */
const stepValue = (step: Row['steps'][number]) => ({ ...step, arguments: canonical(step.arguments) });

/** Criteria are named by the pipeline: a list keeps the schema the same for every dataset. */
const voteValue = (vote: Row['votes'][number]) => ({
  ...vote,
  criteria: Object.entries(vote.criteria).map(([name, answer]) => ({ name, ...answer })),
});

/** The bytes of a Parquet file (Snappy), the same for equal rows; no rows make a file with the schema alone. */
export function parquetBytes(rows: Row[]): Uint8Array {
  const columnData = COLUMNS.map(({ schema, value }) => ({ name: schema[0]?.name ?? '', data: rows.map(value) }));
  const root = { name: 'root', num_children: COLUMNS.length };
  const schema = [root, ...COLUMNS.flatMap((column) => column.schema)];
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, createdBy: 'learn-by-interact' }));
}
