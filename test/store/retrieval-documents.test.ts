/** The index of documents: the page that is meant comes first, as a prompt shows it; the same list is the same index. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { StoreError } from '../../core/errors.ts';
import type { Document } from '../../schemas/document.ts';
import { hashOf } from '../../store/json.ts';
import { buildDocumentIndex, openDocumentIndex, type StoredDocument } from '../../store/retrieval-documents.ts';
import { temporaryFolder } from './temporary.ts';

const subjects = ['honey', 'bread', 'cheese', 'wine', 'cactus'];
const pages: StoredDocument[] = subjects.map((name, at) => {
  const document: Document = {
    id: `${name}.md`,
    source: 'shop@1',
    title: `All about ${name}`,
    text: `${'General words about the shop. '.repeat(at * 200)}How ${name} is sold.`,
  };
  return { ref: hashOf(document), document };
});

let folder: { path: string; remove(): Promise<void> };
before(async () => {
  folder = await temporaryFolder();
});
after(() => folder.remove());

test('the page that is meant is found by title and text, long or short, and shown with both', async () => {
  const place = join(folder.path, 'words');
  await buildDocumentIndex(place, pages, undefined);
  const index = await openDocumentIndex(place);
  assert.equal(index.size, subjects.length);
  for (const name of subjects) {
    const [first, ...others] = await index.byWords(`Sell some ${name} to somebody`, 2);
    assert.match(
      first ?? '',
      new RegExp(`^Document: All about ${name} \\(shop@1\\)\n\n[\\s\\S]*How ${name} is sold\\.$`),
    );
    assert.ok(others.length <= 1);
  }
  assert.deepEqual(await index.byWords('…', 3), []);
  await assert.rejects(index.byMeaning('honey', 1), (error) => error instanceof StoreError && error.kind === 'spec');
  index.close();
});

test('the order of the documents makes no other index, another text does', async () => {
  const build = async (name: string, documents: StoredDocument[]) =>
    (await buildDocumentIndex(join(folder.path, name), documents, undefined)).identity;
  const one = await build('a', pages);
  assert.equal(await build('b', pages.toReversed()), one);
  assert.notEqual(await build('c', pages.slice(1)), one);
});
