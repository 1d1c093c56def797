/** A Temporal server as a cluster of somebody else's: TLS with client certificates of an own authority, an API key, and calls that may be denied. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect, createSecureServer, type Http2SecureServer, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = (folder: string, args: string[]) => promisify(execFile)('openssl', args, { cwd: folder });

/** Files `ca.pem`, `server.pem`, `client.pem` and their keys in the folder. */
export async function makeCertificates(folder: string): Promise<void> {
  const subject = (name: string): string[] => ['-subj', `/CN=${name}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(folder, [
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    ...subject('lbi-ca'),
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  ]);
  await writeFile(join(folder, 'names.txt'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  for (const name of ['server', 'client']) {
    await openssl(folder, ['req', ...key, ...subject(name), '-keyout', `${name}.key`, '-out', `${name}.csr`]);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names.txt'];
    await openssl(folder, ['x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`]);
  }
}

export interface Cluster {
  address: string;
  /** paths of calls that were let through */
  passed: Set<string>;
  /** calls that are denied, by a part of their path */
  deny: string[];
  close(): Promise<void>;
}

/** Lets calls with a certificate and the key through to a server that asks for neither. */
export async function startCluster(folder: string, target: string, apiKey: string): Promise<Cluster> {
  const file = (name: string): Buffer => readFileSync(join(folder, name));
  const upstream = connect(`http://${target}`);
  const server = createSecureServer({
    key: file('server.key'),
    cert: file('server.pem'),
    ca: file('ca.pem'),
    requestCert: true,
    rejectUnauthorized: true,
  });
  const passed = new Set<string>();
  const deny: string[] = [];
  server.on('stream', (stream, headers) => {
    const refuse = (code: string, message: string): void => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': code, 'grpc-message': message },
        { endStream: true },
      );
    };
    stream.on('error', () => {});
    const path = String(headers[':path']);
    if (headers.authorization !== `Bearer ${apiKey}`) return refuse('16', 'the API key is not valid');
    if (deny.some((part) => path.includes(part))) return refuse('7', 'Request unauthorized.');
    passed.add(path);
    const call = upstream.request(forwarded(headers));
    let trailers: IncomingHttpHeaders = {};
    call.on('response', ({ ':status': status, ...rest }) => {
      if (stream.destroyed) return;
      // An error at once comes as headers alone.
      const over = 'grpc-status' in rest;
      stream.respond({ ':status': Number(status), ...rest }, over ? { endStream: true } : { waitForTrailers: true });
    });
    call.on('trailers', (sent) => {
      trailers = sent;
    });
    call.on('error', () => stream.destroyed || stream.close(2));
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.on('close', () => call.close(8));
    stream.pipe(call);
    call.pipe(stream);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const sessions = sessionsOf(server);
  return {
    address: `localhost:${(server.address() as AddressInfo).port}`,
    passed,
    deny,
    close: async () => {
      for (const session of sessions) session.destroy();
      upstream.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}

function sessionsOf(server: Http2SecureServer): Set<{ destroy(): void }> {
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  return sessions;
}

const forwarded = ({ authorization: _, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'host' && name !== 'connection'));
