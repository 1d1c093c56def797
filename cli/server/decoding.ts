/** The supervisor's codec server: there while a key is set, so that the UI of the embedded server shows plain text. */
import { temporal } from '../../temporal.config.ts';
import { type CodecServer, startCodecServer } from '../encryption/codec-server.ts';
import { keyring } from '../encryption/keys.ts';
import { freePort } from './ports.ts';
import { readRecord } from './record.ts';

export interface Decoding {
  /** The port that the UI is to be told; undefined while nothing is encrypted. */
  port(): Promise<number | undefined>;
  /** Makes sure that it answers. */
  serve(): Promise<void>;
  close(): Promise<void>;
}

export function keepDecoding(home: string): Decoding {
  let server: CodecServer | undefined;
  let chosen: number | undefined;
  const port = async (): Promise<number | undefined> => {
    if (keyring().first === undefined) return undefined;
    const known = (await readRecord(home))?.codecPort;
    chosen ??= known ?? (await freePort(temporal.server.host, []));
    return chosen;
  };
  return {
    port,
    serve: async () => {
      if (server !== undefined) return;
      const wanted = await port();
      const uiPort = (await readRecord(home))?.uiPort;
      if (wanted === undefined || uiPort === undefined) return;
      const origins = [`http://${temporal.server.host}:${uiPort}`, `http://localhost:${uiPort}`];
      // Taken by another program: the UI learns of the other port when the server is started next.
      server = await startCodecServer({ origins, port: wanted }).catch(() => startCodecServer({ origins, port: 0 }));
      chosen = server.port;
    },
    close: async () => server?.close(),
  };
}
