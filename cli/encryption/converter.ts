/** How this program turns values into what Temporal keeps, in one place for clients and workers. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { encryptionCodec } from './codec.ts';
import { keyring } from './keys.ts';

const here = fileURLToPath(import.meta.url);

/** Failures keep their message and stack in a payload, so that these are encrypted as well. Also part of the workflow bundle. */
export const failureConverterPath = fileURLToPath(
  new URL(`../../workflows/failure-converter${extname(here)}`, import.meta.url),
);

export const encrypts = (): boolean => keyring().first !== undefined;

export const dataConverter = (): DataConverter => ({
  payloadCodecs: [encryptionCodec()],
  ...(encrypts() ? { failureConverterPath } : {}),
});
