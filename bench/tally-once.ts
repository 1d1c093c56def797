/** One tally in a process of its own, for bench/tally.ts: `node bench/tally-once.ts STORE PLAN RUN PAGES`. Its time, and the memory it took at most. */
import { tally } from '../activities/tally.ts';
import type { Plan } from '../schemas/plan.ts';
import { folderStore } from '../store/folder.ts';
import { getJson } from '../store/json.ts';

const [folder = '', plan = '', run = '', pages = ''] = process.argv.slice(2);
const store = await folderStore(folder);
const embedder = async (): Promise<never> => {
  throw new Error('the embedder was asked');
};
const started = performance.now();
const before = process.cpuUsage();
const { kept, dropped } = await tally({ store, plan: (ref) => getJson<Plan>(store, ref), embedder })({
  plan,
  run,
  pages: Number(pages),
});
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(before);
const rounded = (number: number): number => Number(number.toFixed(2));
console.log(
  JSON.stringify({
    kept,
    dropped,
    seconds: rounded(seconds),
    cpuSeconds: rounded((user + system) / 1e6),
    peakMB: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
