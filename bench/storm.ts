/** Every way a provider can break, by three vendors, end to end: `node bench/storm.ts` prints the table, `--write` puts it into docs/measurements. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { causes } from '../test/storm/causes.ts';
import { type Row, runStorm } from '../test/storm/run.ts';

const { rows, strayed } = await runStorm();

const told = ({ told: text }: Row): string =>
  text
    .replaceAll('|', '\\|')
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:…')
    .slice(0, 240);

/** The vendors' rows of one cause: one line where they agree. */
const cells = (rows: Row[]): string[] => {
  const values = (of: (row: Row) => string): string => [...new Set(rows.map(of))].join(' / ');
  const seconds = rows.map((row) => row.seconds);
  return [
    rows[0]?.expected.title ?? '',
    rows[0]?.expected.class ?? '',
    values(({ end }) => end),
    values(({ requests }) => String(requests)),
    values(({ lost }) => String(lost)),
    `${Math.min(...seconds).toFixed(0)}–${Math.max(...seconds).toFixed(0)}`,
    rows[0] === undefined ? '' : told(rows[0]),
  ];
};
const line = (texts: string[]): string => `| ${texts.join(' | ')} |`;
const table = [
  line([
    'what breaks',
    'class',
    'how the run of one document ends',
    'requests',
    'perhaps charged',
    'seconds',
    'what a person is told (Anthropic)',
  ]),
  line(Array<string>(7).fill('---')),
  ...Object.keys(causes).map((cause) => line(cells(rows.filter((row) => row.cause === cause)))),
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

Made by \`node bench/storm.ts --write\`: one run of one document for each row and each of Anthropic, Google and OpenAI, all at the same time on one Temporal server and one worker, against
local servers that answer like the three vendors and are asked by the vendors' own SDKs. A call is tried three times (\`retry: { attempts: 3 }\`), and one that never
ends may take two seconds (\`timeout: 2\`), instead of sixty times and 300 seconds. "Perhaps charged" are calls without a reply that the provider may have done the
work for; \`lbi show\` counts them. Seconds are those of a busy machine, from the start of the run to its end or to the moment it waits.`;
}
