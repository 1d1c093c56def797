/** A program that writes objects, memos and pages without end and reports each one on stdout once its promise resolved. */
import { randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { folderStore } from '../../store/folder.ts';

const [root = '', name = ''] = process.argv.slice(2);
const store = await folderStore(root, { durable: 'process' });
const report = (...words: string[]) => writeSync(1, `${words.join(' ')}\n`);
report('ready');

for (let round = 0; ; round++) {
  // both random and repetitive, so that cut files of every kind would show; some larger than a disk block
  const bodies = Array.from({ length: 4 }, (_, i) => randomBytes(50 * 10 ** i).toString('hex') + ' '.repeat(3000));
  const refs = await Promise.all(
    bodies.map(async (body) => {
      const ref = await store.put(Buffer.from(body));
      report('object', ref);
      return ref;
    }),
  );
  // keys are shared by all writers: who comes second has to be told the first one's answer
  const key = `round-${round % 40}`;
  report('memo', key, await store.remember(key, refs[0] ?? ''));
  const page = `runs/${name}/${round % 3}.json`;
  await store.write(page, Buffer.from(JSON.stringify({ round, refs, end: 'whole' })));
  report('page', page, String(round));
}
