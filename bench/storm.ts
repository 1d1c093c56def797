/** Every way a provider can break, by three vendors, end to end: `node bench/storm.ts` prints the table, `--write` puts it into docs/measurements. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Row, runStorm } from '../test/storm/run.ts';

const { rows, strayed } = await runStorm();

const cells = ({ expected, vendor, end, requests, lost, seconds, told }: Row): string[] => [
  expected.title,
  vendor,
  expected.class,
  end,
  String(requests),
  String(lost),
  seconds.toFixed(1),
  told
    .replaceAll('|', '\\|')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:…')
    .slice(0, 240),
];
const line = (texts: string[]): string => `| ${texts.join(' | ')} |`;
const table = [
  line([
    'what breaks',
    'vendor',
    'class',
    'how the run of one document ends',
    'requests',
    'perhaps charged',
    'seconds',
    'what a person is told',
  ]),
  line(Array<string>(8).fill('---')),
  ...rows.map((row) => line(cells(row))),
].join('\n');
console.log(table);
console.log(`\n${rows.length} runs; requests that followed a redirect: ${strayed}`);
if (process.argv.includes('--write')) {
  const folder = join(import.meta.dirname, '..', 'docs', 'measurements');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'provider-storm.md'), `${intro()}\n\n${table}\n`);
}

function intro(): string {
  return `# When providers break

Made by \`node bench/storm.ts --write\`: one run of one document for each row, all at the same time on one Temporal server and one worker, against
local servers that answer like the three vendors and are asked by the vendors' own SDKs. A call is tried three times (\`retry: { attempts: 3 }\`) and may
take one second (\`timeout: 1\`), instead of sixty times and 300 seconds. "Perhaps charged" are calls without a reply that the provider may have done the
work for; \`lbi show\` counts them. Seconds are those of a busy machine, from the start of the run to its end or to the moment it waits.`;
}
