/** The index of documents: the baseline that retrieves pages instead of examples (paper, RAG in Table 2). */
import { clip } from '../core/describe.ts';
import type { Ref } from '../schemas/common.ts';
import type { Document } from '../schemas/document.ts';
import { buildEntries, type Entry, type TextEmbedder } from './retrieval-build.ts';
import { openTable } from './retrieval-table.ts';
import { terms } from './terms.ts';

export interface StoredDocument {
  ref: Ref;
  document: Document;
}

/** At most `k` documents as a prompt shows them, best first. */
export interface DocumentIndex {
  readonly identity: string;
  readonly size: number;
  /** BM25 of a text against title and text of each document. */
  byWords(text: string, k: number): Promise<string[]>;
  /** Cosine of a text and the beginning of each document; throws `spec` without vectors or embedder. */
  byMeaning(text: string, k: number): Promise<string[]>;
  close(): void;
}

/** Characters of a document in a prompt, and of its beginning that is embedded (the embedder reads 512 word pieces). */
const SHOWN_CHARS = 24_000;
const EMBEDDED_CHARS = 2000;

/** Builds the index of these documents; does nothing when that very one is there. */
export const buildDocumentIndex = (
  folder: string,
  documents: StoredDocument[],
  embedder: TextEmbedder | undefined,
): Promise<{ identity: string; rows: number }> => buildEntries(folder, documents.map(entryOf), embedder);

function entryOf({ ref, document: { title, text, source } }: StoredDocument): Entry {
  return {
    id: ref,
    words: { content: [...terms(title), ...terms(text)].join(' ') },
    short: `${title}\n${text.slice(0, EMBEDDED_CHARS)}`,
    text: `Document: ${title} (${source})\n\n${clip(text, SHOWN_CHARS)}`,
    row: '{}',
  };
}

export async function openDocumentIndex(folder: string, embedder?: TextEmbedder): Promise<DocumentIndex> {
  const { identity, size, byWords, byMeaning, close } = await openTable(folder, embedder);
  return {
    identity,
    size,
    byWords: async (text, k) => (await byWords('content', text, k)).map((hit) => hit.text),
    byMeaning: async (text, k) => (await byMeaning(text, k)).map((hit) => hit.text),
    close,
  };
}
