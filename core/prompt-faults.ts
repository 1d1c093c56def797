/** What is wrong with a prompt file: its sections, its braces and its variables, each with the line. */
import { nearest } from './spec/suggest.ts';

export interface PromptFault {
  /** From 1, in the prompt file. */
  line: number;
  message: string;
  /** What to write instead. */
  fix: string;
}

/** May be left out of a prompt, and may be empty when it is filled; every other variable is required. */
export const optional = new Set(['title', 'place', 'hints', 'knowledge', 'documents', 'history']);

/** A backslash before the braces keeps them as text. */
export const braces = /\\?\{\{([^{}\n]*)(\}\})?/g;
const variableName = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*$/;

/** The variable that a match of `braces` names; undefined for braces that are text, or hold none. */
export const nameIn = (match: readonly (string | undefined)[]): string | undefined =>
  match[0]?.startsWith('\\') === true ? undefined : variableName.exec(match[1] ?? '')?.[1];

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

const heading = /^# (system|user)[ \t]*\r?$/gim;

/** Every fault of a prompt that is filled with the variables of `known`; none when it can be used. */
export const promptFaults = (text: string, known: readonly string[]): PromptFault[] => {
  const form = formFault(text);
  return form === undefined ? variableFaults(text, known) : [form];
};

const form = 'a prompt is "# System", its text, "# User", its text, each once and in this order';

const formFault = (text: string): PromptFault | undefined => {
  const headings = [...text.matchAll(heading)];
  const titles = headings.map(([, title = '']) => title.toLowerCase());
  const before = text.slice(0, headings[0]?.index ?? text.length);
  const preamble = before
    .replace('\uFEFF', '')
    .replace(/<!--[\s\S]*?-->/g, (comment) => comment.replaceAll(/\S/g, ' '));
  if (titles.join() !== 'system,user') {
    const odd = headings.find((_, index) => titles[index] !== ['system', 'user'][index]) ?? headings.at(-1);
    const found = titles.length === 0 ? 'neither heading' : titles.join(', ');
    return {
      line: lineOf(text, odd?.index ?? 0),
      message: `${form}; found ${found}`,
      fix: 'begin with "# System", and put "# User" before what changes',
    };
  }
  const first = preamble.search(/\S/);
  if (first >= 0) {
    return {
      line: lineOf(text, first),
      message: `${form}; there is text before the first heading`,
      fix: 'move it below "# System"',
    };
  }
  const user = headings[1];
  if (user === undefined || text.slice(user.index + user[0].length).trim() !== '') return undefined;
  return {
    line: lineOf(text, user.index),
    message: 'there is no text below "# User"',
    fix: 'what changes from call to call belongs there',
  };
};

/** Braces before the first heading stand in a comment. */
const variableFaults = (text: string, known: readonly string[]): PromptFault[] => {
  const begin = text.search(new RegExp(heading.source, 'im'));
  const marks = [...text.matchAll(braces)].filter(({ index, 0: mark }) => index > begin && !mark.startsWith('\\'));
  const can = `this prompt can use ${known.map((variable) => `{{ ${variable} }}`).join(', ')}`;
  const wrong = marks.flatMap((match): PromptFault[] => {
    const [line, variable] = [lineOf(text, match.index), nameIn(match)];
    if (variable === undefined || match[2] === undefined) {
      const fix = 'write {{ name }}, or \\{{ where the braces are meant as text';
      return [{ line, message: `"${match[0]}" is not a variable`, fix }];
    }
    if (known.includes(variable)) return [];
    const meant = nearest(variable, known);
    const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
    return [{ line, message: `there is no variable "${variable}"${hint}`, fix: can }];
  });
  const used = new Set(marks.map(nameIn));
  // A misspelt variable is not missing as well.
  const missing = wrong.length > 0 ? [] : known.filter((variable) => !optional.has(variable) && !used.has(variable));
  if (missing.length === 0) return wrong;
  const wanted = missing.map((variable) => `{{ ${variable} }}`).join(' and ');
  const last = [...text.matchAll(heading)].at(-1)?.index ?? 0;
  return [
    {
      line: lineOf(text, last),
      message: `${wanted} is missing, and without it the model would answer blindly`,
      fix: can,
    },
  ];
};
