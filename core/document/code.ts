/** Source files as documents (the paper reads repositories so): their language, and a part per top-level definition. */
import { type DocumentText, type Heading, linesOf } from './text.ts';

/** Endings of source files and the language's name in a Markdown fence. */
const languages: Record<string, string> = {
  '.py': 'python',
  '.pyi': 'python',
  '.ts': 'typescript',
  '.mts': 'typescript',
  '.cts': 'typescript',
  '.tsx': 'tsx',
  '.js': 'javascript',
  '.mjs': 'javascript',
  '.cjs': 'javascript',
  '.jsx': 'jsx',
  '.vue': 'vue',
  '.svelte': 'svelte',
  '.go': 'go',
  '.rs': 'rust',
  '.java': 'java',
  '.kt': 'kotlin',
  '.scala': 'scala',
  '.c': 'c',
  '.h': 'c',
  '.cc': 'cpp',
  '.cpp': 'cpp',
  '.hh': 'cpp',
  '.hpp': 'cpp',
  '.cs': 'csharp',
  '.swift': 'swift',
  '.rb': 'ruby',
  '.php': 'php',
  '.pl': 'perl',
  '.lua': 'lua',
  '.r': 'r',
  '.jl': 'julia',
  '.ex': 'elixir',
  '.exs': 'elixir',
  '.hs': 'haskell',
  '.dart': 'dart',
  '.sh': 'bash',
  '.bash': 'bash',
  '.sql': 'sql',
  '.proto': 'protobuf',
  '.graphql': 'graphql',
};

/** The language of a file by its ending; undefined when it is none of source code. */
export const languageOf = (ending: string): string | undefined => languages[ending.toLowerCase()];

/** A source file; its title is its path. A part may begin where an unindented line follows an empty one. */
export const readCode = (whole: string, path: string, language: string): DocumentText => {
  const from = whole.startsWith('\uFEFF') ? 1 : 0;
  return { title: path, whole, from, language, headings: blocksOf(whole, from) };
};

/** Longest line in which the name of a definition is looked for. */
const longest = 300;

const definition =
  /^(?:(?:export|default|pub(?:\([a-z: ]*\))?|public|private|protected|internal|static|final|abstract|async|unsafe|inline|open|data|sealed|extern|declare|override|virtual|local)\s+)*(?:class|def|defp|defmodule|function\*?|func|fn|fun|struct|enum|trait|impl|interface|type|module|namespace|object|record|protocol|extension|message|service|const|let|var|val|sub|table|view)\s+(?:\([^)]*\)\s*)?([\w$]+(?:(?:\.|::)[\w$]+)*)/i;

const blocksOf = (whole: string, from: number): Heading[] => {
  const blocks: Heading[] = [];
  let afterBlank = true;
  for (const { offset, line } of linesOf(whole, from)) {
    const top = /^[^\s)\]}]/.test(line);
    if (top && afterBlank) blocks.push({ offset });
    const block = blocks.at(-1);
    if (top && block !== undefined && block.title === undefined) {
      const name = definition.exec(line.slice(0, longest))?.[1];
      if (name !== undefined) block.title = name;
    }
    afterBlank = line.trim() === '';
  }
  return blocks;
};

/** Source code as a prompt shows it: in a fence that says the language and that nothing in the code can close. */
export const inFence = (text: string, language: string): string => {
  const longestRun = Math.max(2, ...[...text.matchAll(/`{3,}/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longestRun + 1);
  return `${fence}${language}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
};
