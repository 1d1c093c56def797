/** Bytes → text: strict for files, as the page says for the web. */
import { LbiError } from '../../core/errors.ts';

/** A file as UTF-8; throws a spec error for anything that is no text. */
export const decodeText = (path: string, bytes: Uint8Array): string => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new LbiError('spec', `sources: ${path} is no UTF-8 text; narrow the glob to text files, e.g. "**/*.md"`);
};

/** A page by its byte order mark, the server's word, its own `<meta charset>`, else UTF-8; never fails. */
export const decodeHtml = (bytes: Uint8Array, charset?: string): string => {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 1024));
  const own = /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]+)/i.exec(head)?.[1];
  return decoderOf(bytes, charset ?? own).decode(bytes);
};

/** A text of the web that does not say its own encoding. */
export const decodePage = (bytes: Uint8Array, charset?: string): string => decoderOf(bytes, charset).decode(bytes);

const decoderOf = (bytes: Uint8Array, label: string | undefined): InstanceType<typeof TextDecoder> => {
  const [first, second] = bytes;
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be');
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le');
  try {
    return new TextDecoder(label ?? 'utf-8');
  } catch {
    return new TextDecoder();
  }
};
