/** An S3 server that nobody here wrote (moto), in a Python environment of the machine cache; started for a test, stopped with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pythonWith } from './python.ts';

export interface S3Server {
  endpoint: string;
  close(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(address)));
    });
  });

/** The running server, or the reason why there is none here. */
export async function s3Server(): Promise<S3Server | { reason: string }> {
  const found = await pythonWith('moto', ['moto[s3,server]==5.2.5']);
  if ('reason' in found) return found;
  const port = await freePort();
  const args = ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)];
  const child = spawn(found.python, args, { stdio: 'ignore' });
  const endpoint = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) return { reason: `moto ended with ${child.exitCode}` };
    const ready = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (ready) return { endpoint, close: () => ended(child) };
    await sleep(100);
  }
  await ended(child);
  return { reason: 'moto did not answer within 20 s' };
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null) return resolve();
    child.once('close', () => resolve());
    child.kill();
  });
