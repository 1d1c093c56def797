/** Documents from files: formats, division, order, and paths that must not be read. */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { readCode } from '../../core/document/code.ts';
import { splitAtHeadings } from '../../core/document/split.ts';
import { readDocumentText } from '../../core/document/text.ts';
import { openReading, type SourceInput } from './reading.ts';

const place = openReading();
const { folder, put } = place;

before(() => {
  put('p/docs/b.md', '---\ntitle: "Bee: a page"\n---\n# Heading\n\ntext\n');
  put('p/docs/a.md', '# Ay #\n\nfirst\n');
  put('p/docs/sub/c.txt', 'plain');
  put('p/docs/d.tid', 'title: Dee\ntags: x [[y z]]\n\n! Part\ntext\n');
  put('p/docs/empty.md', '\n \n');
  put('p/bad/binary.md', new Uint8Array([35, 0, 1, 255, 254]));
  put('p/bad/page.docx', 'x');
  put('p/node_modules/x/readme.md', '# not mine');
  put('outside/secret.md', '# secret');
  put('package/package.json', '{"name":"pkg","version":"3.2.1"}');
  put('package/doc/one.md', 'one');
  symlinkSync(join(folder, 'outside/secret.md'), join(folder, 'p/bad/link.md'));
  symlinkSync(join(folder, 'outside'), join(folder, 'p/docs/linked'));
  symlinkSync(join(folder, 'outside/secret.md'), join(folder, 'package/doc/secret.md'));
});

const read = (...sources: SourceInput[]) => place.read(sources);

const refusal = async (files: string, more: { package?: string } = {}): Promise<string> => {
  const error = await place.refusal([{ files, ...more }]);
  assert.equal(error.kind, 'spec');
  return error.message;
};

test('titles come from front matter, headings, tiddler fields or the file name; order is by path', async () => {
  const documents = await read({ files: 'docs/**/*', license: 'MIT' });
  assert.deepEqual(
    documents.map(({ id, title }) => [id, title]),
    [
      ['docs/a.md', 'Ay'],
      ['docs/b.md', 'Bee: a page'],
      ['docs/d.tid', 'Dee'],
      ['docs/sub/c.txt', 'c'],
    ],
  );
  assert.equal(documents[1]?.text, '# Heading\n\ntext\n');
  assert.equal(documents[2]?.text, '! Part\ntext\n');
  assert.ok(documents.every(({ license, source, id }) => license === 'MIT' && source === id));
});

test('a list of globs keeps its order and names no file twice; the limit holds over all', async () => {
  const ids = async (limit?: number) =>
    (
      await read({ files: ['docs/sub/*', 'docs/*.md', 'docs/**/*.txt'], ...(limit === undefined ? {} : { limit }) })
    ).map(({ id }) => id);
  assert.deepEqual(await ids(), ['docs/sub/c.txt', 'docs/a.md', 'docs/b.md']);
  assert.deepEqual(await ids(2), ['docs/sub/c.txt', 'docs/a.md']);
});

test('a package is named with its version', async () => {
  assert.equal((await read({ files: 'doc/*.md', package: 'pkg' }))[0]?.source, 'pkg@3.2.1');
  assert.equal((await read({ files: 'doc/*.md', package: '@scope/pkg@1.0.0' }))[0]?.source, '@scope/pkg@1.0.0');
  assert.match(await refusal('../outside/*.md', { package: 'pkg' }), /leaves the folder of the package/);
  assert.match(await refusal('doc/secret.md', { package: 'pkg' }), /secret\.md is a link that leads out of/);
});

test('a folder outside may be named, also by a link, but no wildcard leads there', async () => {
  assert.equal((await read({ files: '../outside/*.md' }))[0]?.title, 'secret');
  assert.match(await refusal('bad/link.md'), /link\.md is a link that leads out of/);
  assert.equal((await read({ files: 'docs/linked/*.md' }))[0]?.title, 'secret');
});

test('what cannot be a document is refused by name', async () => {
  assert.match(await refusal('bad/*.md'), /binary\.md is no UTF-8 text/);
  assert.match(await refusal('bad/binary.md'), /binary\.md is no UTF-8 text/);
  assert.match(await refusal('bad/page.docx'), /page\.docx is \.docx, which is not read; documents are Markdown/);
  assert.match(await refusal('nothing/**/*.md'), /no file matches "nothing\/\*\*\/\*\.md" in .*\/p$/);
  assert.match(await refusal('docs'), /no file matches "docs".*folder\/\*\*\/\*\.md/);
  assert.match(await refusal('docs/empty.md'), /every file that "docs\/empty\.md" matches is empty/);
});

test('packages installed beside the pipeline are no documents', async () => {
  put('q/readme.md', 'mine');
  put('q/node_modules/x/readme.md', 'theirs');
  assert.deepEqual(
    (await read({ files: '../q/**/*.md' })).map(({ text }) => text),
    ['mine'],
  );
});

test('a long page is cut at headings, and the heading joins its title', async () => {
  const section = (name: string): string => `## ${name}\n\n${'word '.repeat(30)}\n\n`;
  put(
    'long/page.md',
    `# Page\n\nintro\n\n${section('One')}${section('Two')}\`\`\`sh\n# no heading\n\`\`\`\n${section('Three')}`,
  );
  const documents = await read({ files: '../long/page.md', max_chars: 250 });
  assert.deepEqual(
    documents.map(({ title }) => title),
    ['Page', 'Page › Two', 'Page › Three'],
  );
  assert.deepEqual(
    documents.map(({ id }) => id.split('#')[1]),
    ['1', '2', '3'],
  );
});

test('parts join up to the body, stay within the limit and never halve a character', () => {
  const piece = fc.constantFrom(
    '# H\n',
    '## I\n\n',
    'word ',
    'a',
    '\n',
    '\n\n',
    '```\n',
    '😀',
    'ж',
    '! x\n',
    'def f():\n  pass\n\n',
    '\r\n',
    'long'.repeat(60),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 60 }),
      fc.integer({ min: 20, max: 200 }),
      fc.constantFrom('.md', '.tid', '.txt', '.py'),
      (pieces, limit, ending) => {
        const whole = pieces.join('');
        const read = ending === '.py' ? readCode(whole, 'name', 'python') : readDocumentText(whole, ending, 'name');
        assert.ok(read);
        const parts = splitAtHeadings(read, limit);
        let at = read.from;
        for (const { from, to, text } of parts) {
          assert.equal(whole.slice(at, from).trim(), '', 'text was lost');
          assert.equal(whole.slice(from, to), text);
          assert.ok(text.length <= limit && text.isWellFormed());
          at = to;
        }
        assert.equal(whole.slice(at).trim(), '');
      },
    ),
    { numRuns: 300 },
  );
});
