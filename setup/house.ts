/** Prints the house's numbers: sizes of files and functions, comments, `any`, tests against source; to look at, not to enforce. */
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'oxc-parser';

const root = fileURLToPath(new URL('..', import.meta.url));
const skipped = new Set(['node_modules', 'dist', '.lbi', '.git', 'histories']);

interface Measured {
  path: string;
  /** Lines that are not blank. */
  lines: number;
  commentLines: number;
  functions: { name: string; lines: number }[];
  anys: number;
  ignores: number;
}

async function sourceFiles(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter(({ name }) => !skipped.has(name));
  const nested = entries.map((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /(?<!\.d)\.(ts|mjs|js)$/.test(entry.name) ? [path] : [];
  });
  return (await Promise.all(nested)).flat();
}

function measure(path: string): Measured {
  const text = readFileSync(path, 'utf8');
  const { program, comments } = parseSync(path, text);
  const line = (offset: number) => text.slice(0, offset).split('\n').length;
  const commented = new Set<number>();
  for (const { start, end } of comments) for (let at = line(start); at <= line(end); at += 1) commented.add(at);
  const functions: Measured['functions'] = [];
  let anys = 0;
  visit(program, undefined, (node, parent) => {
    if (node.type === 'TSAnyKeyword') anys += 1;
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
    const name = nameOf(node) ?? (parent && nameOf(parent));
    if (name !== undefined) functions.push({ name, lines: line(node.end) - line(node.start) + 1 });
  });
  const lines = text.split('\n').filter((each) => each.trim() !== '').length;
  const ignores = comments.filter(({ value }) => /@ts-(ignore|expect-error|nocheck)|biome-ignore/.test(value)).length;
  return { path: relative(root, path), lines, commentLines: commented.size, functions, anys, ignores };
}

interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'end' in value;

function visit(value: unknown, parent: Node | undefined, see: (node: Node, parent: Node | undefined) => void): void {
  if (Array.isArray(value)) for (const each of value) visit(each, parent, see);
  if (!isNode(value)) return;
  see(value, parent);
  for (const key of Object.keys(value)) visit(value[key], value, see);
}

/** Name of a function, or of the variable, property or method it is the value of. */
function nameOf(node: Node): string | undefined {
  const named = node.id ?? (/^(Property|MethodDefinition|PropertyDefinition)$/.test(node.type) ? node.key : undefined);
  return isNode(named) && typeof named.name === 'string' ? named.name : undefined;
}

const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);

/** Median, ninth decile and largest. */
function spread(numbers: number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return `${at(0.5)} / ${at(0.9)} / ${at(1)}`;
}

function largest(title: string, rows: [string, number][]): void {
  console.log(`\n${title}`);
  for (const [name, lines] of rows.toSorted((a, b) => b[1] - a[1]).slice(0, 10))
    console.log(`${lines}`.padStart(6), name);
}

function print(source: Measured[], tests: Measured[]): void {
  const functions = source.flatMap((file) => file.functions.map((each) => ({ ...each, path: file.path })));
  const lines = sum(source.map((file) => file.lines));
  const rows: [string, string, string][] = [
    ['files', String(source.length), ''],
    ['lines, not blank', String(lines), ''],
    ['file median / p90 / max', spread(source.map((file) => file.lines)), '65 / 130 / 250'],
    ['named functions', String(functions.length), ''],
    ['function median / p90 / max', spread(functions.map((each) => each.lines)), '– / 25 / 40'],
    ['any', String(sum(source.map((file) => file.anys))), '0'],
    ['ignored checks', String(sum(source.map((file) => file.ignores))), '0'],
    ['comment lines', `${((100 * sum(source.map((file) => file.commentLines))) / lines).toFixed(1)} %`, '8–15 %'],
    ['test ÷ source', (sum(tests.map((file) => file.lines)) / lines).toFixed(2), ''],
  ];
  for (const [what, value, target] of rows)
    console.log(what.padEnd(30), value.padEnd(18), target && `target ${target}`);
  largest(
    'Largest files',
    source.map((file) => [file.path, file.lines]),
  );
  largest(
    'Longest functions',
    functions.map(({ name, path, lines: length }) => [`${name}  ${path}`, length]),
  );
}

const measured = (await sourceFiles(root)).map(measure);
const isTest = ({ path }: Measured) => /^(test|bench)\//.test(path);
print(
  measured.filter((file) => !isTest(file)),
  measured.filter(isTest),
);
