/** Embeddings of texts, computed once and kept in the store under the embedder's identity. */
import { LbiError } from '../core/errors.ts';
import { hashOf } from '../store/json.ts';
import type { Store } from '../store/store.ts';
import type { Deps } from './deps.ts';

/** Texts that are looked up, or embedded, at once. */
const together = 64;

/** One unit vector a text, in the order given; equal texts are embedded once. */
export async function vectorsOf(deps: Pick<Deps, 'store' | 'embedder'>, texts: string[]): Promise<Float32Array[]> {
  if (texts.length === 0) return [];
  const embedder = await deps.embedder();
  const keyOf = (text: string): string => hashOf({ unit: 'vector', embedder: embedder.identity, text });
  const known = new Map<string, Float32Array>();
  const distinct = [...new Set(texts)];
  for (let at = 0; at < distinct.length; at += together) {
    const some = distinct.slice(at, at + together);
    const stored = await Promise.all(some.map((text) => readVector(deps.store, keyOf(text), embedder.dimensions)));
    const missing = some.filter((_, index) => stored[index] === undefined);
    const made = missing.length === 0 ? [] : await embedder.embed(missing);
    for (const [index, text] of some.entries()) {
      const vector = stored[index] ?? made[missing.indexOf(text)];
      if (vector === undefined) throw new LbiError('fatal', 'the embedder gave fewer vectors than it was given texts');
      known.set(text, vector);
      if (stored[index] === undefined) await deps.store.remember(keyOf(text), await deps.store.put(bytesOf(vector)));
    }
  }
  return texts.map((text) => known.get(text) ?? new Float32Array());
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

async function readVector(store: Store, key: string, dimensions: number): Promise<Float32Array | undefined> {
  const ref = await store.memo(key);
  if (ref === undefined) return undefined;
  const bytes = Uint8Array.from(await store.get(ref));
  return bytes.byteLength === dimensions * 4 ? new Float32Array(bytes.buffer) : undefined;
}
