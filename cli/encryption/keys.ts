/** The keys that payloads are encrypted with: read from the environment or `.env`, never taken as an argument, never shown. */
import { createHash, randomBytes } from 'node:crypto';
import { LbiError } from '../../core/errors.ts';
import { program, secretHere } from '../home.ts';

export const keyVariable = 'LBI_ENCRYPTION_KEY';

export interface Key {
  /** Derived from the key itself, so that two keys never share one: what payloads name in the clear. */
  id: string;
  secret: Buffer;
}

export interface Keyring {
  /** Encrypts what is written; undefined when encryption is off. */
  first: Key | undefined;
  find(id: string): Key | undefined;
  ids: string[];
}

/** Keys of 32 bytes in base64 (or 64 hexadecimal digits), separated by commas: the first encrypts, all of them decrypt. */
export function parseKeys(text: string): Keyring {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const keys = words.map((word, index) => {
    const secret = /^[0-9a-f]{64}$/i.test(word) ? Buffer.from(word, 'hex') : Buffer.from(word, 'base64');
    // Node reads past letters that are not base64: what does not come out as it went in was something else.
    const whole = secret.toString('base64').replaceAll('=', '') === word.replaceAll('=', '');
    if (secret.length !== 32 || !(whole || /^[0-9a-f]{64}$/i.test(word)))
      throw new LbiError(
        'operator',
        `${keyVariable} holds no key in its ${index + 1}. place: expected 32 bytes in base64, as ${program} codec --new-key makes them; several are separated by commas, the first encrypts`,
      );
    return { id: idOf(secret), secret };
  });
  return { first: keys[0], find: (id) => keys.find((key) => key.id === id), ids: keys.map(({ id }) => id) };
}

const idOf = (secret: Buffer): string =>
  `k-${createHash('sha256').update('lbi key id').update(secret).digest('hex').slice(0, 8)}`;

export const newKey = (): string => randomBytes(32).toString('base64');

/** Milliseconds for which a reading of `.env` is good: a key that is put there is used at once, and a busy worker does not read it each time. */
const goodFor = 1000;
let read: { text: string; ring: Keyring; at: number } | undefined;

/** The keys of this process as they are now: the environment first, then `.env` beside `.lbi`. */
export function keyring(): Keyring {
  const now = Date.now();
  if (read !== undefined && now - read.at < goodFor) return read.ring;
  const text = secretHere(keyVariable) ?? '';
  const ring = read?.text === text ? read.ring : parseKeys(text);
  read = { text, ring, at: now };
  return ring;
}

/** Reads the keys anew at the next question: somebody may just have mended them. */
export const forgetKeys = (): void => {
  read = undefined;
};
