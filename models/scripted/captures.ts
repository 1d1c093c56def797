/** Captures of a rule: which it can make, which its reply uses, and putting them in. */
import type { Json } from '../../schemas/common.ts';
import type { Condition, OnePattern, Pattern, Rule } from './script.ts';

/** Name or number → captured text. */
export type Captures = Map<string, string>;

const placeholder = /\$(?:\$|(\d)|\{(\w+)\})/g;

/** Names and numbers that a reply or raw text uses. */
export function capturesUsed(value: Json): Set<string> {
  const names = new Set<string>();
  for (const text of strings(value)) {
    for (const [, number, name] of text.matchAll(placeholder)) {
      const used = number ?? name;
      if (used !== undefined) names.add(used);
    }
  }
  return names;
}

/** Every name and number that a rule's patterns can capture. */
export function captureNames(rule: Rule): Set<string> {
  const names = new Set<string>();
  let count = 0;
  for (const pattern of patternsOf(rule.when)) {
    names.add('0');
    // An added empty alternative always matches, and its match lists every group of the expression.
    const groups = new RegExp(`${expressionOf(pattern).match}|`).exec('');
    for (let number = 1; number < (groups?.length ?? 1); number++) names.add(String(++count));
    for (const name of Object.keys(groups?.groups ?? {})) names.add(name);
  }
  for (const name of Object.keys(picksOf(rule))) names.add(name);
  return names;
}

/** The elements a rule picks: capture name → role and name as the observation shows them; a bare `pick` is called `ref`. */
export const picksOf = (rule: Rule): Record<string, string> =>
  typeof rule.pick === 'string' ? { ref: rule.pick } : (rule.pick ?? {});

/** All patterns of a condition in order: those of the system prompt, then those of the messages. */
export function patternsOf(condition: Condition | undefined): OnePattern[] {
  if (condition === undefined) return [];
  if (isSplit(condition)) return [...list(condition.system), ...list(condition.user)];
  return list(condition);
}

/** True for a condition that names system and user apart. */
export const isSplit = (condition: Condition): condition is { system?: Pattern; user?: Pattern } =>
  typeof condition === 'object' && !Array.isArray(condition) && !('match' in condition);

export const list = (pattern: Pattern | undefined): OnePattern[] =>
  pattern === undefined ? [] : Array.isArray(pattern) ? pattern : [pattern];

export const expressionOf = (pattern: OnePattern) => (typeof pattern === 'string' ? { match: pattern } : pattern);

/** The value with every placeholder filled in; `$$` becomes `$`. */
export function fill(value: Json, captures: Captures): Json {
  if (typeof value === 'string') {
    return value.replace(placeholder, (whole, number?: string, name?: string) => {
      const used = number ?? name;
      return used === undefined ? '$' : (captures.get(used) ?? whole);
    });
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, captures));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member, captures)]));
}

function* strings(value: Json): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (value !== null && typeof value === 'object')
    for (const member of Object.values(value)) yield* strings(member);
}
