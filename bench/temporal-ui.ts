/**
 * Pictures of what the Temporal UI says of runs that are running, blocked, failed and finished: `node bench/temporal-ui.ts FOLDER`.
 * Takes about two minutes; a person looks at the pictures.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer, { type Page } from 'puppeteer-core';
import { findChromium } from '../environments/browser/chromium.ts';
import { countingServer } from '../test/engine/model-server.ts';
import { launch, listed, makePlace, progressWhen, until } from '../test/engine/place.ts';

const folder = resolve(process.argv[2] ?? 'temporal-ui');
const script = join(dirname(fileURLToPath(import.meta.url)), '..', 'test', 'engine', 'lamps.script.yaml');
const scripted = (delay: number): string => `{ provider: scripted, script: lamps.script.yaml, delay: ${delay} }`;

/** Long enough for the UI's own requests and for the query that fetches the details from a worker. */
const settled = async (page: Page): Promise<void> => {
  await page.waitForNetworkIdle({ idleTime: 1500, timeout: 20_000 }).catch(() => undefined);
};

await mkdir(folder, { recursive: true });
const models = await countingServer(script, 5, (question) =>
  question.includes('judge training data') ? 401 : undefined,
);
const place = await makePlace({
  documents: 12,
  oneTask: true,
  models: `  writer: ${scripted(1.5)}\n  judge: ${scripted(0.1)}`,
});
const browser = await puppeteer.launch({ executablePath: await findChromium(), args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1500, height: 1300 });
  const base = await until(async () => {
    const { stdout } = await place.lbi('ui', '--json', '--no-open');
    return (JSON.parse(stdout || '{}') as { ui?: string }).ui;
  }, 'the address of the UI');
  const shot = async (name: string, path: string): Promise<void> => {
    await page.goto(`${base}/namespaces/default/workflows${path}`, { waitUntil: 'load' });
    await settled(page);
    await page.screenshot({ path: join(folder, `${name}.png`) as `${string}.png` });
    console.log(`${name}.png`);
  };
  /** The run's page, and the details that its workflow writes. */
  const shots = async (name: string, id: string): Promise<void> => {
    await shot(name, of(id));
    await page.locator('::-p-text(User Metadata)').click();
    await settled(page);
    await page.screenshot({ path: join(folder, `${name}-details.png`) as `${string}.png` });
  };
  const of = (id: string): string => `/${encodeURIComponent(id)}`;

  const running = await launch(place);
  const client = await place.client();
  await progressWhen(client, running, ({ funnel, inFlight }) => funnel.episodes >= 1 && inFlight > 0);
  await shots('running', `lamps/${running}`);
  await place.lbi('attach', running, '--json');
  await shots('finished', `lamps/${running}`);
  const [episode = ''] = await listed(client, `WorkflowType = 'episode'`);
  await shots('episode', episode);

  const pipeline = join(place.folder, 'pipeline.yaml');
  const text = await readFile(pipeline, 'utf8');
  const rejected = `{ provider: openai, model: judge, base_url: "${models.url}", api_key: "\${secret:LAMPS_KEY}" }`;
  await writeFile(join(place.folder, '.env'), 'LAMPS_KEY=revoked-by-the-vendor\n');
  await writeFile(pipeline, text.replace(/ {2}judge: .*/, `  judge: ${rejected}`));
  const blocked = await launch(place);
  await progressWhen(client, blocked, (progress) => Object.keys(progress.blocked).length >= 3);
  await shots('blocked', `lamps/${blocked}`);
  const query = `LbiBlockedOn IS NOT NULL AND LbiRun = "${blocked}"`;
  await until(
    async () => ((await listed(client, query)).length >= 3 ? true : undefined),
    'blocked episodes in the list',
  );
  await shot('blocked-list', `?query=${encodeURIComponent(query)}`);
  await place.lbi('cancel', blocked);
  await place.lbi('attach', blocked, '--json');
  await shot('cancelled', of(`lamps/${blocked}`));

  // A pipeline whose agent never says anything that can be read, under a rule over failures.
  const mumbling = 'rules:\n  - { role: decide, text: "I would rather not say." }';
  const rules = join(place.folder, 'lamps.script.yaml');
  await writeFile(rules, (await readFile(rules, 'utf8')).replace('rules:', mumbling));
  await writeFile(
    pipeline,
    text
      .replaceAll('delay: 1.5', 'delay: 0.1')
      .replace('max_steps: 6', 'max_steps: 6, fail_if: { error_rate: 0.5, after: 4 }'),
  );
  const failed = await launch(place);
  await place.lbi('attach', failed, '--json');
  await shots('failed', `lamps/${failed}`);
  await shot('all', '');
} finally {
  await browser.close();
  await place.close();
  await models.close();
}
