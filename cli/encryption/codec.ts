/**
 * Encrypts what Temporal keeps: inputs, results, memos, summaries and failures, by AES-256-GCM, laid out as in Temporal's own sample, so
 * that its tools find their way. Always at hand, and does nothing where there is no key and nothing is encrypted.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { LbiError } from '../../core/errors.ts';
import { program } from '../home.ts';
import { forgetKeys, type Key, type Keyring, keyring, keyVariable } from './keys.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;
const encoding = 'binary/encrypted';
const ivBytes = 12;
const tagBytes = 16;

const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString();

/** Which key a payload was encrypted with; undefined for one in the clear. */
export const keyIdOf = (payload: Payload): string | undefined =>
  text(payload.metadata?.encoding) === encoding ? text(payload.metadata?.['encryption-key-id']) : undefined;

function encrypt(payload: Payload, { id, secret }: Key): Payload {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', secret, iv);
  const body = [cipher.update(PayloadMessage.encode(payload).finish()), cipher.final()];
  return {
    metadata: { encoding: Buffer.from(encoding), 'encryption-key-id': Buffer.from(id) },
    data: Buffer.concat([iv, ...body, cipher.getAuthTag()]),
  };
}

function decrypt({ data }: Payload, { id, secret }: Key): Payload {
  const bytes = Buffer.from(data ?? []);
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, ivBytes));
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    const plain = [decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()];
    return PayloadMessage.decode(Buffer.concat(plain));
  } catch (cause) {
    throw new LbiError('fatal', `a payload encrypted with the key ${id} is damaged: it cannot be read`, { cause });
  }
}

/** What to do about a payload that the keys here do not open. */
export function keyMissing(id: string, { ids }: Keyring): LbiError {
  const has = ids.length === 0 ? `${keyVariable} is not set` : `${keyVariable} has ${ids.join(', ')}`;
  const where = ids.length === 0 ? `put that key` : `add that key, after a comma,`;
  return new LbiError(
    'operator',
    `this run is encrypted with the key ${id}, and ${has} here: ${where} to ${keyVariable} in the file .env here (it is read at once); ${program} doctor says which keys open which runs`,
  );
}

/** @param ring the keys as they are at each call */
export function encryptionCodec(ring: () => Keyring = keyring): PayloadCodec {
  const keyFor = (id: string): Key => {
    const known = ring().find(id);
    if (known !== undefined) return known;
    forgetKeys();
    const found = ring().find(id);
    if (found === undefined) throw keyMissing(id, ring());
    return found;
  };
  return {
    encode: async (payloads) => {
      const { first } = ring();
      return first === undefined ? payloads : payloads.map((payload) => encrypt(payload, first));
    },
    decode: async (payloads) =>
      payloads.map((payload) => {
        const id = keyIdOf(payload);
        return id === undefined ? payload : decrypt(payload, keyFor(id));
      }),
  };
}
