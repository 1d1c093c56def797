/** JSONL: each line a document; a bad line is an error that names it. */
import { createReadStream } from 'node:fs';
import { type DocumentText, readMarkdownBody } from '../../core/document/text.ts';
import { LbiError } from '../../core/errors.ts';

/** Which keys of a line hold what. */
export interface Fields {
  text: string;
  title: string;
  id: string;
}

/** Longest line, in bytes. */
const longest = 16 * 1024 * 1024;

/** Documents with what tells them apart within the file: their own id, else the number of the line. */
export async function* readJsonLines(
  path: string,
  fields: Fields,
): AsyncGenerator<{ key: string; text: DocumentText }> {
  const lines = new Map<string, number>();
  for await (const { number, bytes } of linesOf(path)) {
    const where = `${path}:${number}`;
    const record = parseLine(bytes, where);
    if (record === undefined) continue;
    const whole = record[fields.text];
    if (typeof whole !== 'string')
      throw bad(where, `"${fields.text}" is ${kindOf(whole)}, not a text${hint(record, fields)}`);
    const key = keyOf(record[fields.id], number, { where, name: fields.id });
    const before = lines.get(key);
    if (before !== undefined) throw bad(where, `the ${fields.id} "${key}" stands in line ${before} as well`);
    lines.set(key, number);
    const title = record[fields.title];
    const named = typeof title === 'string' && title.trim() !== '' ? title.trim() : undefined;
    yield { key, text: readMarkdownBody(whole.toWellFormed(), key, named) };
  }
}

const bad = (where: string, what: string): LbiError => new LbiError('spec', `sources: ${where}: ${what}`);

const kindOf = (value: unknown): string =>
  value === undefined ? 'missing' : value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;

const hint = (record: Record<string, unknown>, fields: Fields): string => {
  const texts = Object.keys(record).filter((name) => typeof record[name] === 'string' && name !== fields.text);
  return texts.length === 0 ? '' : `; the line has ${texts.slice(0, 8).join(', ')}: name one as fields: { text: … }`;
};

const keyOf = (id: unknown, number: number, { where, name }: { where: string; name: string }): string => {
  if (id === undefined || id === null) return String(number);
  if (typeof id === 'number' || (typeof id === 'string' && id !== '' && id.length <= 200)) return String(id);
  throw bad(where, `"${name}" is no number and no text of 1 to 200 characters`);
};

/** The object of a line; undefined for a blank one. */
const parseLine = (bytes: Uint8Array, where: string): Record<string, unknown> | undefined => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LbiError('spec', `sources: ${where}: the line is no UTF-8 text`, { cause });
  }
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.slice(0, 120) : '';
    throw new LbiError('spec', `sources: ${where}: the line is no JSON (${why})`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw bad(where, `the line is ${kindOf(value)}, not an object`);
};

/** Lines from 1, without their ends; the file is never in memory as a whole. */
async function* linesOf(path: string): AsyncGenerator<{ number: number; bytes: Uint8Array }> {
  let number = 1;
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield { number, bytes: Buffer.concat([...rest, chunk.subarray(start, end)]) };
      number += 1;
      rest = [];
      length = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > longest) throw bad(`${path}:${number}`, `the line is longer than ${longest} bytes`);
  }
  if (length > 0) yield { number, bytes: Buffer.concat(rest) };
}
