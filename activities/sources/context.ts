/** What the readers of sources are given: files, packages, repositories, places, and what was read before. */
import { LbiError } from '../../core/errors.ts';
import type { Start } from '../../environments/environment.ts';
import type { Document } from '../../schemas/document.ts';
import type { FullSpec } from '../../schemas/pipeline/pipeline.ts';
import type { Store } from '../../store/store.ts';

type Source = FullSpec['sources'][number];
/** The shape of a source that has a certain key. */
export type SourceWith<Key extends string> = Extract<Source, Record<Key, unknown>>;

/** git repositories that pipelines name. Every call may take minutes, except `fetched`. */
export interface Repositories {
  /** The commit that a branch, tag or commit stands for now; left out, that of the default branch. */
  commitOf(repository: string, ref: string | undefined, signal: AbortSignal): Promise<string>;
  /** A folder with the files of a commit and nothing else; fetched when it is not there. */
  checkout(repository: string, commit: string, signal: AbortSignal): Promise<string>;
  /** That folder, when it is there already. */
  fetched(repository: string, commit: string): Promise<string | undefined>;
}

/** A live place that documents are taken from. Both answer from what was seen before where they can. */
export interface DocumentPlace {
  docs(): Promise<Document[]>;
  /** What is seen at the start of the session of that number. */
  observe(index: number): Promise<string>;
  /** The states that tasks of these names (all when left out) begin from, one for each seed; undefined where a place sets no goals. */
  starts(names: string[] | undefined, seeds: number[]): Promise<Start[] | undefined>;
  /** What is seen in that state at first, and what the place asks for there. */
  begin(start: Start): Promise<{ text: string; goal: string }>;
}

/** Something that was left out, and why: kept with the run. */
export interface Note {
  what: string;
  why: string;
}

export interface SourceContext {
  /** Absolute path of a file named in the pipeline, relative to the pipeline's folder. */
  file(path: string): string;
  /** Folder of an installed npm package, e.g. `npm@11.6.0`. */
  packageFolder(name: string): Promise<string>;
  repositories: Repositories;
  place(name: string): DocumentPlace;
  /** Keeps pages of the web and other answers from outside. */
  store: Pick<Store, 'put' | 'get' | 'read' | 'write'>;
  /**
   * Who reads: what was answered to the same run is not asked again, so a reading that was interrupted goes on. Null: nothing is
   * asked at all; what no run has read yet throws `NotReadYet`.
   */
  run: string | null;
  signal: AbortSignal;
  note(note: Note): void;
  /** Waits; ends early, with the signal's reason, when that is aborted. */
  wait(milliseconds: number): Promise<void>;
}

/** Thrown where nothing may be asked of the outside, and no run has asked it yet. */
export class NotReadYet extends LbiError {
  override readonly name = 'NotReadYet';
  /** The address, repository or environment that would have to be asked. */
  readonly what: string;
  constructor(what: string) {
    super('spec', `sources: ${what} was not read yet`);
    this.what = what;
  }
}
