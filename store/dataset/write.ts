/** The dataset's folder: rows, the formats asked for, card, facts and checksums, put in place at once. */
import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canonical } from '../../core/canonical.ts';
import type { DatasetFacts, Row } from '../../schemas/dataset.ts';
import { replaceFolder } from '../replace-folder.ts';
import { cardOf } from './card.ts';
import { type ChatOptions, chatLines } from './openai.ts';
import { parquetBytes } from './parquet.ts';

export type Format = 'openai' | 'parquet';

export interface DatasetFile {
  /** relative to the dataset's folder */
  path: string;
  sha256: string;
  /** examples in it; 0 for the card, the facts and the checksums */
  rows: number;
}

/** Every row as it is, whatever formats are asked for: what the dataset can be checked and exported again from. */
export const ROWS_FILE = 'examples.jsonl';
export const FACTS_FILE = 'dataset.json';
export const CHECKSUMS_FILE = 'checksums.txt';

const SPLITS = ['train', 'test'] as const;

/**
 * Writes the dataset; equal rows, facts and formats give equal bytes, in whatever order the rows come. A split without
 * rows has no file of its own. Replaces a dataset written before; throws a `spec` StoreError for a folder with other content.
 */
export async function writeDataset(
  folder: string,
  rows: Row[],
  facts: DatasetFacts,
  formats: Format[],
  chat: ChatOptions = {},
): Promise<{ files: DatasetFile[] }> {
  const sorted = [...rows].sort((a, b) => (a.example < b.example ? -1 : a.example > b.example ? 1 : 0));
  return replaceFolder(folder, CHECKSUMS_FILE, async (into) => {
    const files: DatasetFile[] = [];
    const write = async (path: string, content: string | Uint8Array, count: number) => {
      files.push({ path, sha256: createHash('sha256').update(content).digest('hex'), rows: count });
      await writeDurably(join(into, path), content);
    };
    for (const split of SPLITS) {
      const part = sorted.filter((row) => row.split === split);
      if (part.length === 0) continue;
      if (formats.includes('openai')) await write(`chat/${split}.jsonl`, chatLines(part, chat), part.length);
      if (formats.includes('parquet')) await write(`data/${split}.parquet`, parquetBytes(part), part.length);
    }
    await write(ROWS_FILE, sorted.map((row) => `${canonical(row)}\n`).join(''), sorted.length);
    await write(FACTS_FILE, `${JSON.stringify(JSON.parse(canonical(facts)), null, 2)}\n`, 0);
    const data = files.map((file) => file.path);
    await write('README.md', cardOf(sorted, facts, { files: data, chat }), 0);
    const lines = files.map((file) => `${file.sha256}  ${file.path}\n`).sort();
    await write(CHECKSUMS_FILE, lines.join(''), 0);
    return { files };
  });
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
