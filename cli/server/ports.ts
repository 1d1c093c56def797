/** Ports on this machine: whether one is free, whether somebody listens. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';

/** The port when it can be bound now, else undefined; 0 asks for any free one. */
function bind(host: string, port: number): Promise<number | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(undefined));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}

/** The first of these ports that is free, else any free one. */
export async function freePort(host: string, wanted: number[]): Promise<number> {
  for (const port of [...wanted, 0]) {
    const free = await bind(host, port);
    if (free !== undefined) return free;
  }
  throw new Error(`no free port on ${host}`);
}

/** True when something accepts connections there within `ms` milliseconds. */
export function listens(host: string, port: number, ms = 500): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const end = (answer: boolean) => {
      socket.destroy();
      done(answer);
    };
    socket.setTimeout(ms, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/**
 * Whether it is this process that listens at the port: another program may have taken it between the look and the start. Where the system
 * does not tell (elsewhere than on Linux) the answer is undefined.
 */
export async function listensHere(pid: number, port: number): Promise<boolean | undefined> {
  if (process.platform !== 'linux') return undefined;
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
  );
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  // local address in the second column, state in the fourth (0A listens), inode of the socket in the tenth
  const rows = tables.flatMap((table) => table.split('\n').map((row) => row.trim().split(/\s+/)));
  const sockets = rows.filter((row) => row[1]?.endsWith(ending) && row[3] === '0A').map((row) => `socket:[${row[9]}]`);
  const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const held = await Promise.all(open.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  return held.some((socket) => sockets.includes(socket));
}
