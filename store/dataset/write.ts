/** The dataset's folder: rows, the formats asked for, card, facts and checksums, put in place at once. */
import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonical } from '../../core/canonical.ts';
import type { Json } from '../../schemas/common.ts';
import type { DatasetFacts, Row } from '../../schemas/dataset.ts';
import type { Format } from '../../schemas/format.ts';
import { replaceFolder } from '../replace-folder.ts';
import { cardOf } from './card.ts';
import { type ExportContext, repeatedSteps, type Telling } from './conversation.ts';
import { filesOf, type OutFile } from './formats/formats.ts';

export interface DatasetFile {
  /** relative to the dataset's folder; a folder of one file per example ends in / */
  path: string;
  /** of a folder: of its lines in `checksums.txt` */
  sha256: string;
  /** examples in it; 0 for the card, the facts, the checksums and what only describes other files */
  rows: number;
}

/** Every row as it is, whatever formats are asked for: what the dataset can be checked and exported again from. */
export const ROWS_FILE = 'examples.jsonl';
export const FACTS_FILE = 'dataset.json';
export const CHECKSUMS_FILE = 'checksums.txt';

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/**
 * Writes the dataset; equal rows, facts and formats give equal bytes, in whatever order the rows come. A split without
 * rows has no file of its own. Replaces a dataset written before; throws a `spec` StoreError for a folder with other content.
 */
export async function writeDataset(
  folder: string,
  rows: Row[],
  facts: DatasetFacts,
  formats: Format[],
  telling: Telling,
): Promise<{ files: DatasetFile[] }> {
  const sorted = rows.toSorted((a, b) => (a.example < b.example ? -1 : a.example > b.example ? 1 : 0));
  const context: ExportContext = { facts, telling, repeated: repeatedSteps(sorted, telling) };
  return replaceFolder(folder, CHECKSUMS_FILE, async (into) => {
    const files: DatasetFile[] = [];
    const sums: string[] = [];
    const write = async ({ path, content }: Pick<OutFile, 'path' | 'content'>): Promise<string> => {
      const sum = sha256(content);
      sums.push(`${sum}  ${path}\n`);
      await writeDurably(join(into, path), content);
      return sum;
    };
    const told = async (path: string, content: string, rows: number): Promise<void> =>
      void files.push({ path, sha256: await write({ path, content }), rows });
    for (const format of formats) files.push(...(await writeFormat(filesOf(format, sorted, context), write)));
    await told(ROWS_FILE, sorted.map((row) => `${canonical(row)}\n`).join(''), sorted.length);
    await told(FACTS_FILE, `${JSON.stringify(JSON.parse(canonical(facts as object as Json)), null, 2)}\n`, 0);
    const data = files.map((file) => file.path);
    await told('README.md', cardOf(sorted, facts, { files: data, telling }), 0);
    await told(CHECKSUMS_FILE, sums.toSorted().join(''), 0);
    return { files };
  });
}

/** Writes the files of a format and tells of them, those of one folder together. */
async function writeFormat(out: OutFile[], write: (file: OutFile) => Promise<string>): Promise<DatasetFile[]> {
  const told = new Map<string, { lines: string[]; sum: string; rows: number }>();
  for (const file of out) {
    const sum = await write(file);
    const name = file.folder ?? file.path;
    const known = told.get(name) ?? { lines: [], sum, rows: 0 };
    known.lines.push(`${sum}  ${file.path}\n`);
    told.set(name, { ...known, rows: known.rows + file.rows });
  }
  return [...told].map(([path, { lines, sum, rows }]) => ({
    path,
    sha256: path.endsWith('/') ? sha256(lines.toSorted().join('')) : sum,
    rows,
  }));
}

async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
}
