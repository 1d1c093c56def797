/** A real llama.cpp server, from the PyPI package xllamacpp, on one thread with a small model from the machine's cache. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const cache = process.env.LBI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbi');
/** Qwen2.5-Coder-0.5B-Instruct, Q4_K_M. */
const weights = join(cache, 'models', '1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32.gguf');
const environment = join(cache, 'xllamacpp');
const python = join(environment, 'bin', 'python');

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Installs the package into the cache if it is not there. Resolves with the reason why there can be no server, or undefined. */
export const whyNoLlamaCpp = async (): Promise<string | undefined> => {
  if (!(await exists(weights))) return `the weights are not at ${weights}`;
  const works = () =>
    run(python, ['-c', 'import xllamacpp'])
      .then(() => true)
      .catch(() => false);
  if (await works()) return undefined;
  try {
    await run('python3', ['-m', 'venv', '--clear', environment]);
    await run(python, ['-m', 'pip', 'install', '--quiet', 'xllamacpp'], { timeout: 240_000 });
  } catch (error) {
    return `xllamacpp could not be installed: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
  return (await works()) ? undefined : 'xllamacpp is installed and does not load on this machine';
};

const script = `
import os, sys, threading
from xllamacpp import CommonParams, Server
p = CommonParams()
p.model.path = sys.argv[1]
p.hostnames = ["127.0.0.1"]
p.port = int(sys.argv[2])
p.n_ctx = 2048
p.n_parallel = 1
p.cpuparams.n_threads = 1
p.cpuparams_batch.n_threads = 1
p.warmup = False
server = Server(p)
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
`;

export interface LlamaCpp {
  url: string;
  close(): Promise<void>;
}

/** Starts the server; it ends with \`close\`, and by itself when this process dies, because its input then ends. */
export const startLlamaCpp = async (): Promise<LlamaCpp> => {
  const port = await freePort();
  const child = spawn(python, ['-c', script, weights, String(port)], { stdio: ['pipe', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-2000);
  });
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.stdin.end();
    await Promise.race([once(child, 'exit'), sleep(5000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))]);
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await healthy(url, child);
  } catch (error) {
    await close();
    throw new Error(`llama.cpp did not start: ${error}\n${log}`);
  }
  return { url, close };
};

const healthy = async (url: string, child: ChildProcess): Promise<void> => {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode}`);
    const status = await fetch(`${url}/health`)
      .then((response) => response.status)
      .catch(() => 0);
    if (status === 200) return;
    await sleep(100);
  }
  throw new Error('it was not ready after 30 s');
};

const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
};
