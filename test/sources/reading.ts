/** Reading sources in a test: a folder and a store of its own, notes and waits written down, real files, servers and repositories. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after } from 'node:test';
import type { DocumentPlace, Note, SourceContext } from '../../activities/sources/context.ts';
import { readSources } from '../../activities/sources/sources.ts';
import { repositories } from '../../cli/repositories.ts';
import { LbiError } from '../../core/errors.ts';
import { withDefaults } from '../../core/spec/defaults.ts';
import type { Document } from '../../schemas/document.ts';
import type { FullSpec, PipelineSpec } from '../../schemas/pipeline/pipeline.ts';
import { folderStore } from '../../store/folder.ts';

export type SourceInput = PipelineSpec['sources'][number];

/** The sources with the defaults that a pipeline fills in. */
export const full = (...sources: SourceInput[]): FullSpec['sources'] =>
  withDefaults({ version: '1', name: 'x', models: {}, environments: {}, sources, stages: [] }).sources;

export interface Reading {
  folder: string;
  put(path: string, content: string | Uint8Array): string;
  notes: Note[];
  /** Milliseconds that were waited, one entry a wait; no time passes. */
  waits: number[];
  read(sources: SourceInput[], change?: Partial<SourceContext>): Promise<Document[]>;
  /** The error that reading ends with. */
  refusal(sources: SourceInput[], change?: Partial<SourceContext>): Promise<LbiError>;
  context(change?: Partial<SourceContext>): Promise<SourceContext>;
}

/** A folder for one test file, removed at its end; git's cache lies in it. */
export const openReading = (): Reading => {
  const folder = mkdtempSync(join(tmpdir(), 'lbi-sources-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  process.env.LBI_CACHE = join(folder, 'cache');
  const notes: Note[] = [];
  const waits: number[] = [];
  const store = folderStore(join(folder, 'store'), { durable: 'process' });
  const context = async (change: Partial<SourceContext> = {}): Promise<SourceContext> => ({
    file: (path) => resolve(folder, 'p', path),
    packageFolder: async () => join(folder, 'package'),
    repositories,
    place: (name): DocumentPlace => assert.fail(`no place ${name}`),
    store: await store,
    run: 'r-1',
    signal: new AbortController().signal,
    note: (note) => notes.push(note),
    wait: async (milliseconds) => {
      waits.push(milliseconds);
    },
    ...change,
  });
  const read: Reading['read'] = async (sources, change) => {
    notes.length = 0;
    waits.length = 0;
    const documents: Document[] = [];
    for await (const document of readSources(full(...sources), await context(change))) documents.push(document);
    return documents;
  };
  return {
    folder,
    put: (path, content) => {
      const target = join(folder, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, content);
      return target;
    },
    notes,
    waits,
    read,
    context,
    refusal: async (sources, change) => {
      const error = await read(sources, change).then(
        (documents) => assert.fail(`${documents.length} documents were read`),
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof LbiError, String(error instanceof Error ? error.stack : error));
      return error;
    },
  };
};
