/** Prompt files: Markdown with `# System` and `# User`, and `{{ name }}` where a value goes. */
import { LbiError } from './errors.ts';
import { braces, nameIn, optional, promptFaults } from './prompt-faults.ts';

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

/**
 * Reads a prompt file. `known` are the variables that will be given (see `promptVariables`), `name` is the file as errors should
 * name it. Throws `spec` for missing, repeated or empty sections and for unknown, misspelt or missing variables.
 */
export function parsePrompt(text: string, known: string[], name: string): Prompt {
  const [fault] = promptFaults(text, known);
  if (fault !== undefined) {
    const { line, message, fix } = fault;
    throw new LbiError('spec', `${name}:${line}: ${message} (${fix}).`);
  }
  const { system, user } = sections(text);
  const variables = [...`${system}\n${user}`.matchAll(braces)].flatMap((match) => nameIn(match) ?? []);
  return { system, user, variables: [...new Set(variables)] };
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
      const variable = nameIn([found, inner]);
      return variable === undefined ? found.replace(/^\\/, '') : valueFor(variable);
    });
}

function sections(text: string): { system: string; user: string } {
  const parts = text.replaceAll('\r\n', '\n').split(/^# (?:system|user)[ \t]*$/im);
  return { system: (parts[1] ?? '').trim(), user: (parts[2] ?? '').trim() };
}
