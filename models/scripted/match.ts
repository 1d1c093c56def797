/** Which rule of a script answers a request, and what it captures. */
import type { ModelRequest } from '../model.ts';
import { type Captures, expressionOf, isSplit, list, picksOf } from './captures.ts';
import type { Condition, OnePattern, Rule, Script } from './script.ts';

/** A request as text: what patterns are matched against. */
export interface Rendered {
  role: string;
  system: string;
  /** The text parts of all messages, oldest first. */
  user: string;
  whole: string;
}

export function render(request: ModelRequest): Rendered {
  const parts = request.messages.flatMap((message) => message.content);
  const user = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n\n');
  return { role: request.role, system: request.system, user, whole: `${request.system}\n\n${user}` };
}

/** The first rule that fits, with its index and captures. */
export function findRule(
  script: Script,
  text: Rendered,
): { rule: Rule; index: number; captures: Captures } | undefined {
  const step = count(text.user, script.action_line ?? '^[-*#> \\d.]*Action\\b');
  for (const [index, rule] of script.rules.entries()) {
    const captures: Captures = new Map();
    if (!isOneOf(text.role, rule.role) || !isOneOf(step, rule.step)) continue;
    if (rule.when !== undefined && !holds(rule.when, text, captures)) continue;
    if (rule.unless !== undefined && holds(rule.unless, text, new Map())) continue;
    if (!pickAll(rule, script, text, captures)) continue;
    return { rule, index, captures };
  }
  return undefined;
}

const isOneOf = <T>(value: T, wanted: T | T[] | undefined) =>
  wanted === undefined || (Array.isArray(wanted) ? wanted.includes(value) : wanted === value);

const count = (text: string, expression: string) => [...text.matchAll(new RegExp(expression, 'gm'))].length;

function holds(condition: Condition, text: Rendered, captures: Captures): boolean {
  const asked: [string, OnePattern][] = isSplit(condition)
    ? [
        ...list(condition.system).map((one): [string, OnePattern] => [text.system, one]),
        ...list(condition.user).map((one): [string, OnePattern] => [text.user, one]),
      ]
    : list(condition).map((one): [string, OnePattern] => [text.whole, one]);
  let groups = 0;
  for (const [subject, pattern] of asked) {
    const match = search(subject, pattern);
    if (match === undefined) return false;
    if (!captures.has('0')) captures.set('0', match[0]);
    for (const group of match.slice(1)) captures.set(String(++groups), group ?? '');
    for (const [name, group] of Object.entries(match.groups ?? {})) captures.set(name, group ?? '');
  }
  return true;
}

/** The last match (the newest text stands last in a request), or the first where the pattern asks for it. */
function search(subject: string, pattern: OnePattern): RegExpExecArray | undefined {
  const { match, after, first }: { match: string; after?: string; first?: boolean } = expressionOf(pattern);
  const text = after === undefined ? subject : textAfter(subject, after);
  if (text === undefined) return undefined;
  const found = [...text.matchAll(new RegExp(match, 'gm'))];
  // `.*` also matches the nothing after its own match: an empty match counts only where there is no other.
  const wanted = found.some(([whole]) => whole !== '') ? found.filter(([whole]) => whole !== '') : found;
  return first === true ? wanted[0] : wanted.at(-1);
}

function textAfter(text: string, expression: string): string | undefined {
  const last = [...text.matchAll(new RegExp(expression, 'gm'))].at(-1);
  return last === undefined ? undefined : text.slice(last.index + last[0].length);
}

/** Finds the ref of every picked element in the current observation; false when one is not there. */
function pickAll(rule: Rule, script: Script, text: Rendered, captures: Captures): boolean {
  const picks = Object.entries(picksOf(rule));
  if (picks.length === 0) return true;
  const current = script.current === undefined ? text.user : textAfter(text.user, script.current);
  if (current === undefined) return false;
  for (const [name, element] of picks) {
    const line = new RegExp(`^\\s*-\\s+${literally(element)}(?=[\\s:\\[]|$)[^\\n]*?\\[ref=([^\\]\\s]+)\\]`, 'gm');
    const ref = [...current.matchAll(line)].at(-1)?.[1];
    if (ref === undefined) return false;
    captures.set(name, ref);
  }
  return true;
}

const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
