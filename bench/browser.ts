/** Times one step of the browser environment: a click that changes a small page, and the observation after it. Run: node bench/browser.ts [steps] */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browserDriver } from '../environments/browser/driver.ts';
import type { Session } from '../environments/environment.ts';
import type { Observation } from '../schemas/observation.ts';

const PAGES: Record<string, string> = {
  small:
    '<title>Small</title><form><label>Name <input></label></form><button onclick="n.textContent++">Add</button><p id="n">0</p>',
  rows: '<title>Rows</title><button onclick="n.textContent++">Add</button><p id="n">0</p><table id="t"></table><script>t.innerHTML = Array.from({ length: 1000 }, (_, at) => `<tr><td>Row ${at}</td><td><button>Open ${at}</button></td><td><input aria-label="Value ${at}"></td></tr>`).join("")</script>',
};

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** CPU seconds of this process and of everything below it, browser processes included. */
const cpuSeconds = async (): Promise<number> => {
  const all = new Map<number, { parent: number; ticks: number }>();
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => '');
    const fields = stat.split(') ').at(-1)?.split(' ') ?? [];
    const [user = 0, system = 0] = [fields[11], fields[12]].map(Number);
    all.set(Number(id), { parent: Number(fields[1]), ticks: user + system });
  }
  const ours = (id: number): boolean => id === process.pid || (all.has(id) && ours(all.get(id)?.parent ?? 0));
  return [...all].filter(([id]) => ours(id)).reduce((sum, [, { ticks }]) => sum + ticks, 0) / ticksPerSecond;
};

const run = async (session: Session, seen: Observation, steps: number): Promise<number[]> => {
  const times: number[] = [];
  const ref = seen.elements?.find((one) => one.name === 'Add')?.ref ?? '';
  for (let index = 1; index <= steps; index++) {
    const start = performance.now();
    const { error } = await session.step({ name: 'click', arguments: { element: 'Add', ref } }, index);
    if (error !== undefined) throw new Error(error.message);
    times.push(performance.now() - start);
  }
  return times;
};

const steps = Number(process.argv[2] ?? 30);
const server = createServer((request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end(PAGES[request.url?.slice(1) ?? ''] ?? '');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
for (const page of Object.keys(PAGES)) {
  const workdir = await mkdtemp(join(tmpdir(), 'lbi-bench-'));
  const session = await browserDriver.open(
    { kind: 'browser', url: `http://127.0.0.1:${port}/${page}` },
    {
      workdir,
      put: async () => '0'.repeat(64),
      packageFolder: async (name) => name,
      file: (path) => path,
      signal: new AbortController().signal,
    },
  );
  const start = performance.now();
  const first = await session.reset({ id: 'bench', seed: 1 });
  const reset = performance.now() - start;
  const cpu = await cpuSeconds();
  const times = await run(session, first, steps);
  const used = (await cpuSeconds()) - cpu;
  const p90 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.9)] ?? 0;
  console.log(
    `${page}: reset ${reset.toFixed(0)} ms; step p50 ${median(times).toFixed(0)} ms, p90 ${p90.toFixed(0)} ms, CPU ${((1000 * used) / steps).toFixed(0)} ms per step (${steps} steps)`,
  );
  await session.close();
  await rm(workdir, { recursive: true, force: true });
}
server.closeAllConnections();
server.close();
