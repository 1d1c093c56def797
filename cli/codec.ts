/** `lbi codec`: decodes payloads for the Temporal UI of a server that somebody else runs; `--new-key` makes a key. */
import { LbiError } from '../core/errors.ts';
import { startCodecServer } from './encryption/codec-server.ts';
import { keyring, keyVariable, newKey } from './encryption/keys.ts';
import { program } from './home.ts';

export interface CodecOptions {
  port: number;
  origin?: string[];
  newKey?: boolean;
  json?: boolean;
}

/** Serves until it is interrupted. */
export async function codecCommand(options: CodecOptions): Promise<number> {
  if (options.newKey === true) {
    const key = newKey();
    process.stdout.write(
      options.json === true ? `${JSON.stringify({ [keyVariable]: key })}\n` : `${keyVariable}=${key}\n`,
    );
    process.stderr.write(
      'Put the line into the file .env here and into a safe place: without it, runs that it encrypted cannot be read.\n',
    );
    return 0;
  }
  const origins = (options.origin ?? []).map(originOf);
  if (origins.length === 0)
    throw new LbiError(
      'spec',
      `the address of the Temporal UI is needed, which alone may ask: ${program} codec --origin https://temporal.example.com`,
    );
  if (keyring().first === undefined)
    throw new LbiError('operator', `${keyVariable} is not set: there is nothing to decode with`);
  const server = await startCodecServer({ origins, port: options.port });
  process.stdout.write(options.json === true ? `${JSON.stringify({ url: server.url, origins })}\n` : `${server.url}\n`);
  process.stderr.write(
    `decodes for ${origins.join(', ')}\n  set it in the Temporal UI as the Remote Codec Endpoint; Ctrl-C ends\n`,
  );
  await new Promise<void>((stop) => {
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
  await server.close();
  return 0;
}

function originOf(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).origin;
  throw new LbiError('spec', `--origin "${text}" is no address; expected one such as http://127.0.0.1:8233`);
}
