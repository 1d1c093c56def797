/** Errors of the YAML parser in plain words, with what to write instead. */
import type { YAMLError } from 'yaml';
import type { Source, Words } from './problem.ts';

interface Finding {
  offset: number;
  length: number;
  words: Words;
}

const lineAt = (text: string, offset: number): { start: number; line: string } => {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1;
  const end = text.indexOf('\n', offset);
  return { start, line: text.slice(start, end < 0 ? text.length : end) };
};

/** `${…}` unquoted between [ ] or { }, or `{{ … }}` unquoted: the two slips that the parser reports as something else. */
const unquoted = (source: Source, offset: number): Finding | undefined => {
  const { start, line } = lineAt(source.text, offset);
  const template = /(?<!["'])\{\{[^{}]{0,200}\}\}/.exec(line);
  if (template !== null) {
    const words: Words = {
      code: 'quote',
      message: `${template[0]} outside quotes is read as a map`,
      fix: `put the whole value in quotes: "${line.slice(template.index).trim()}"; but {{ }} is filled in only in prompt files`,
    };
    return { offset: start + template.index, length: template[0].length, words };
  }
  const flow = /[[{,:]\s{0,20}(\$\{[^{}]{0,200}\}[^\s,\]}]*)/.exec(
    line.replace(/"[^"]*"|'[^']*'/g, (quoted) => '_'.repeat(quoted.length)),
  );
  if (flow?.[1] === undefined || !/[[{]/.test(line.replaceAll('${', ''))) return undefined;
  return {
    offset: start + flow.index + flow[0].length - flow[1].length,
    length: flow[1].length,
    words: {
      code: 'quote',
      message: `${flow[1]} between [ ] or { } is cut apart at its braces`,
      fix: `put it in quotes: "${flow[1]}"`,
    },
  };
};

const byCode: Partial<Record<YAMLError['code'], (error: YAMLError, found: string) => Words>> = {
  TAB_AS_INDENT: () => ({
    code: 'tab',
    message: 'a tab is used for indentation, and YAML allows spaces only',
    fix: 'replace the tabs of this file by two spaces each (editors: "convert indentation to spaces")',
  }),
  BAD_SCALAR_START: (_error, found) => ({
    code: 'quote',
    message: `a value may not start with ${found} unless it is in quotes`,
    fix: 'put the whole value in quotes',
  }),

  MULTILINE_IMPLICIT_KEY: () => ({
    code: 'syntax',
    message: 'this line is no "key: value"',
    fix: 'write "key: value", with a space after the colon, and align it with its neighbours',
  }),
  MULTIPLE_DOCS: () => ({
    code: 'syntax',
    message: 'a second document begins here (---)',
    fix: 'one pipeline per file: move the rest to a file of its own',
  }),
  BAD_DQ_ESCAPE: () => ({
    code: 'syntax',
    message: 'a backslash in double quotes begins an escape, and this one does not exist',
    fix: "write \\\\ for a backslash, or use single quotes: '…'",
  }),
};

const missing = (error: YAMLError): Words => {
  if (/closing .*quote/.test(error.message)) {
    return {
      code: 'quote',
      message: 'a quote that was opened is never closed',
      fix: 'close the quote on the line where it begins',
    };
  }
  if (/without - indicator/.test(error.message)) {
    return {
      code: 'indent',
      message: 'this line stands inside a list but belongs to no item',
      fix: 'indent it like the first key of the item above it, or begin a new item with "- "',
    };
  }
  return {
    code: 'syntax',
    message: `the YAML cannot be read here: ${error.message.toLowerCase()}`,
    fix: 'separate items with commas; put text with special characters in quotes',
  };
};

/** What a parser error means, and where a person should look. */
export const explainSyntax = (source: Source, error: YAMLError): Finding => {
  const [from, to] = error.pos;
  const slip = error.code === 'TAB_AS_INDENT' ? undefined : unquoted(source, from);
  if (slip !== undefined) return slip;
  const found = /^[^\s:]+/.exec(source.text.slice(from))?.[0] ?? '';
  if (error.code === 'BAD_INDENT') return atFirstWord(source, from, explainIndent(error));
  if (/without - indicator/.test(error.message)) return atFirstWord(source, from, missing(error));
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY') return explainNested(source, from);
  const length = to - from;
  const explain = byCode[error.code];
  if (explain !== undefined)
    return {
      offset: from,
      length,
      words: explain(error, error.code === 'BAD_SCALAR_START' ? found.slice(0, 1) : found),
    };
  if (error.code === 'MISSING_CHAR')
    return { offset: openQuote(source, error) ?? from, length: 1, words: missing(error) };
  const words: Words = { code: 'syntax', message: `the YAML cannot be read here: ${error.message.toLowerCase()}` };
  return { offset: from, length, words: { ...words, fix: 'put text with special characters in quotes' } };
};

/** A quote that is never closed is reported at the end of the file: the line that opens it helps more. */
const openQuote = (source: Source, error: YAMLError): number | undefined => {
  if (!/closing .*quote/.test(error.message)) return undefined;
  const mark = error.message.includes("'") && !error.message.includes('"') ? "'" : '"';
  let opened: number | undefined;
  let offset = 0;
  for (const line of source.text.slice(0, error.pos[0]).split('\n')) {
    const marks = [...line.matchAll(new RegExp(mark, 'g'))];
    if (marks.length % 2 === 1 && opened === undefined) opened = offset + (marks.at(-1)?.index ?? 0);
    offset += line.length + 1;
  }
  return opened;
};

const explainIndent = (error: YAMLError): Words => {
  const close = /end with a ([\]}])/.exec(error.message)?.[1];
  if (close !== undefined) {
    const open = close === ']' ? '[' : '{';
    return {
      code: 'syntax',
      message: `a ${open} above this line is never closed`,
      fix: `write ${close} where it ends`,
    };
  }
  return unevenIndent;
};

const unevenIndent: Words = {
  code: 'indent',
  message: 'this line is indented neither like the lines above it nor like their parent',
  fix: 'give the keys of one map the same number of spaces',
};

/** The stretch of the line's text, where an offset stands in the spaces before it. */
const atFirstWord = (source: Source, offset: number, words: Words): Finding => {
  const { start, line } = lineAt(source.text, offset);
  const first = line.search(/\S/);
  return { offset: start + Math.max(0, first), length: line.trim().length, words };
};

/** "a: b: c" on one line wants quotes; otherwise the next line stands too far to the right. */
const explainNested = (source: Source, offset: number): Finding => {
  const { start, line } = lineAt(source.text, offset);
  const value = line.slice(offset - start).trimEnd();
  if (/:\s/.test(value)) {
    const message = 'a text with ": " in it is read as a map inside the line';
    return {
      offset,
      length: value.length,
      words: { code: 'quote', message, fix: `put it in quotes: ${JSON.stringify(value)}` },
    };
  }
  const message = 'this line is indented further than the one above it, which already has a value';
  const next = start + line.length + 1;
  return atFirstWord(source, next, { code: 'indent', message, fix: 'align it with the line above' });
};
