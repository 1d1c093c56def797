/** Ports on this machine: whether one is free, whether somebody listens. */
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
