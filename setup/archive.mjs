// @ts-check
/** Reads single files out of a wheel (a zip archive) without any package, since setup runs before there are any. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

const END = 0x06054b50;
const ENTRY = 0x02014b50;

/** @typedef {{ name: string, size: number, packed: number, deflated: boolean, offset: number }} Member */

/**
 * Table of contents of a zip archive (no zip64: wheels are far below 4 GB).
 * @param {string} file
 * @returns {Promise<Member[]>}
 */
export async function members(file) {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const tail = Buffer.alloc(Math.min(size, 65_557));
    await handle.read(tail, 0, tail.length, size - tail.length);
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
    if (end < 0 || tail.readUInt32LE(end) !== END) throw new Error(`${file} is not a zip archive, or was cut short`);
    const table = Buffer.alloc(tail.readUInt32LE(end + 12));
    await handle.read(table, 0, table.length, tail.readUInt32LE(end + 16));
    return entries(table);
  } finally {
    await handle.close();
  }
}

/** @param {Buffer} table */
function entries(table) {
  /** @type {Member[]} */
  const found = [];
  for (let at = 0; at + 46 <= table.length && table.readUInt32LE(at) === ENTRY; ) {
    const nameLength = table.readUInt16LE(at + 28);
    found.push({
      name: table.toString('utf8', at + 46, at + 46 + nameLength),
      deflated: table.readUInt16LE(at + 10) === 8,
      packed: table.readUInt32LE(at + 20),
      size: table.readUInt32LE(at + 24),
      offset: table.readUInt32LE(at + 42),
    });
    at += 46 + nameLength + table.readUInt16LE(at + 30) + table.readUInt16LE(at + 32);
  }
  return found;
}

/**
 * The bytes of the member whose name ends with `suffix`, as a stream.
 * @param {string} file
 * @param {string} suffix
 */
export async function member(file, suffix) {
  const found = (await members(file)).find(({ name }) => name.endsWith(suffix));
  if (!found) throw new Error(`${file} holds no file ending in ${suffix}`);
  if (found.packed === 0) return Readable.from([]);
  const handle = await open(file, 'r');
  const header = Buffer.alloc(30);
  await handle.read(header, 0, 30, found.offset).finally(() => handle.close());
  const start = found.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = createReadStream(file, { start, end: start + found.packed - 1 });
  const out = new PassThrough();
  const flow = found.deflated ? pipeline(packed, createInflateRaw(), out) : pipeline(packed, out);
  flow.catch((error) => out.destroy(error));
  return out;
}
