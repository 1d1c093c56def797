/** Prompt files: Markdown with `# System` and `# User`, and `{{ name }}` where a value goes. */
import { LbiError } from './errors.ts';
import { nearest } from './spec/suggest.ts';

/** Two templates and the names of the variables in them, in order of their first use. */
export interface Prompt {
  system: string;
  user: string;
  variables: string[];
}

/** The variables that each prompt may use. */
export const promptVariables = {
  instruct: ['document', 'title', 'count', 'place', 'hints'],
  decide: ['actions', 'place', 'knowledge', 'documents', 'task', 'history', 'observation'],
  query: ['task', 'history', 'observation'],
  relabel: ['trajectory'],
  vote: ['instruction', 'trajectory', 'criteria'],
};

/** May be left out of a prompt, and may be empty when it is filled; every other variable is required. */
const optional = new Set(['title', 'place', 'hints', 'knowledge', 'documents', 'history']);

/** A backslash before the braces keeps them as text. */
const braces = /\\?\{\{([^{}\n]*)(\}\})?/g;
const variableName = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*$/;

/**
 * Reads a prompt file. `known` are the variables that will be given (see `promptVariables`), `name` is the file as errors should
 * name it. Throws `spec` for missing, repeated or empty sections and for unknown, misspelt or missing variables.
 */
export function parsePrompt(text: string, known: string[], name: string): Prompt {
  const { system, user } = sections(text, name);
  const variables = [...new Set([...variablesOf(system, name), ...variablesOf(user, name)])];
  for (const variable of variables) {
    if (known.includes(variable)) continue;
    const meant = nearest(variable, known);
    throw problem(
      name,
      `there is no variable "${variable}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      known,
    );
  }
  const missing = known.filter((variable) => !optional.has(variable) && !variables.includes(variable));
  if (missing.length > 0) {
    const wanted = missing.map((variable) => `{{ ${variable} }}`).join(' and ');
    throw problem(name, `${wanted} is missing, and without it the model would answer blindly`, known);
  }
  return { system, user, variables };
}

/**
 * The prompt with its values, in one pass: what a value holds is never read as a variable, and cannot close a block
 * `<document>` … `</document>` that the prompt, with tags on lines of their own, puts around it. A paragraph whose variables are all optional and empty is left
 * out with its words. Throws `fatal` when a value is missing.
 */
export function fillPrompt(prompt: Prompt, values: Record<string, string>): { system: string; user: string } {
  const blocks = new Set(
    [...`${prompt.system}\n${prompt.user}`.matchAll(/^<\/([a-z][a-z-]*)>$/gm)].map((match) => match[1]),
  );
  const safe = (variable: string) => {
    const value = values[variable];
    if (value === undefined) throw new LbiError('fatal', `The prompt needs a value for {{ ${variable} }}.`);
    return value.replace(/<(\/?)\s*([a-z][a-z-]*)\s*>/gi, (tag, slash, block) =>
      blocks.has(block.toLowerCase()) ? `<${slash} ${block}>` : tag,
    );
  };
  return { system: fill(prompt.system, safe), user: fill(prompt.user, safe) };
}

function fill(template: string, valueFor: (variable: string) => string): string {
  const isLeftOut = (paragraph: string) => {
    const used = [...paragraph.matchAll(braces)].flatMap((match) => nameIn(match) ?? []);
    return used.length > 0 && used.every((variable) => optional.has(variable) && valueFor(variable).trim() === '');
  };
  return template
    .split(/\n{2,}/)
    .filter((paragraph) => !isLeftOut(paragraph))
    .join('\n\n')
    .replace(braces, (found, inner) => {
      const variable = found.startsWith('\\') ? undefined : variableName.exec(inner)?.[1];
      return variable === undefined ? found.replace(/^\\/, '') : valueFor(variable);
    });
}

function sections(text: string, name: string): { system: string; user: string } {
  const parts = text.replaceAll('\r\n', '\n').split(/^# (system|user)[ \t]*$/im);
  const preamble = (parts[0] ?? '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace('\uFEFF', '')
    .trim();
  const titles = parts.filter((_, at) => at % 2 === 1).map((title) => title.toLowerCase());
  if (preamble !== '' || titles.join() !== 'system,user') {
    throw new LbiError(
      'spec',
      `${name}: a prompt is "# System", its text, "# User", its text, each once and in this order; ${preamble !== '' ? 'there is text before the first heading' : `found ${titles.length === 0 ? 'neither heading' : titles.join(', ')}`}.`,
    );
  }
  const [system, user] = [(parts[2] ?? '').trim(), (parts[4] ?? '').trim()];
  if (user === '') throw new LbiError('spec', `${name}: there is no text below "# User".`);
  return { system, user };
}

function variablesOf(template: string, name: string): string[] {
  return [...template.matchAll(braces)].flatMap((match) => {
    if (match[0].startsWith('\\')) return [];
    const variable = nameIn(match);
    if (variable !== undefined && match[2] !== undefined) return [variable];
    throw new LbiError(
      'spec',
      `${name}: "${match[0]}" is not a variable; write {{ name }}, or \\{{ where the braces are meant as text.`,
    );
  });
}

function nameIn(match: RegExpMatchArray): string | undefined {
  return match[0].startsWith('\\') ? undefined : variableName.exec(match[1] ?? '')?.[1];
}

function problem(name: string, what: string, known: string[]): LbiError {
  return new LbiError(
    'spec',
    `${name}: ${what}. This prompt can use ${known.map((variable) => `{{ ${variable} }}`).join(', ')}.`,
  );
}
