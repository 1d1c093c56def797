/** The YAML form of a script: its schema, and reading it with every mistake shown at its line. */
import { Ajv, type ErrorObject } from 'ajv';
import { type Static, Type } from 'typebox';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { ModelError } from '../../core/errors.ts';
import type { Json } from '../../schemas/common.ts';
import { captureNames, capturesUsed } from './captures.ts';

const closed = { additionalProperties: false };

const One = Type.Union([
  Type.String({ minLength: 1, description: 'regular expression (flags g and m)' }),
  Type.Object(
    {
      match: Type.String({ minLength: 1 }),
      after: Type.Optional(Type.String({ description: 'only the text after the last match of this' })),
      first: Type.Optional(Type.Boolean({ description: 'captures come from the first match, not from the last' })),
    },
    closed,
  ),
]);
/** A regular expression, or several that must all match. */
export const Pattern = Type.Union([One, Type.Array(One, { minItems: 1 })]);
export type Pattern = Static<typeof Pattern>;
export type OnePattern = Static<typeof One>;

/** A pattern over the whole request, or one over its system prompt and one over its messages. */
export const Condition = Type.Union([
  Pattern,
  Type.Object({ system: Type.Optional(Pattern), user: Type.Optional(Pattern) }, { ...closed, minProperties: 1 }),
]);
export type Condition = Static<typeof Condition>;

const answer = {
  reply: Type.Optional(Type.Unsafe<Json>({ description: 'JSON; its strings may name captures of `when` and `pick`' })),
  text: Type.Optional(Type.String({ description: 'raw text instead, for replies that are not JSON' })),
  stop: Type.Optional(Type.Union([Type.Literal('refusal'), Type.Literal('length')])),
  probability: Type.Optional(
    Type.Union([
      Type.Number({ minimum: 0, maximum: 1 }),
      Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 1 })),
    ]),
  ),
};
const Answer = Type.Object(answer, closed);
export type Answer = Static<typeof Answer>;

const Rule = Type.Object(
  {
    role: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
    step: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 })], {
        description: 'number of actions taken before this decision: 0 is the first decision',
      }),
    ),
    when: Type.Optional(Condition),
    unless: Type.Optional(Condition),
    pick: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Record(Type.String(), Type.String())])),
    ...answer,
  },
  closed,
);
export type Rule = Static<typeof Rule>;

const ScriptFile = Type.Object(
  {
    current: Type.Optional(
      Type.String({
        description: 'regular expression whose last match begins the current observation; `pick` looks after it',
      }),
    ),
    action_line: Type.Optional(
      Type.String({ description: 'regular expression of the line of an earlier action, counted for `step`' }),
    ),
    rules: Type.Array(Rule),
    fallback: Type.Optional(Answer),
  },
  closed,
);

export type Script = Static<typeof ScriptFile> & {
  path: string;
  /** Line of each rule, for messages. */
  lines: number[];
};

/** Reads a script. Throws a `spec` ModelError that lists every mistake with file, line and rule. */
export function readScript(text: string, path: string): Script {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lineAt = (trail: (string | number)[]): number => {
    for (let end = trail.length; end >= 0; end--) {
      const node = document.getIn(trail.slice(0, end), true);
      if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
    }
    return 1;
  };
  const broken = document.errors.map((error) => `${path}:${counter.linePos(error.pos[0]).line}: ${error.message}`);
  if (broken.length > 0) throw mistakes(broken);
  const content: unknown = document.toJS();
  if (!isScript(content)) {
    throw mistakes(plainErrors(isScript.errors ?? []).map(({ trail, says }) => at(path, lineAt(trail), trail) + says));
  }
  const lines = content.rules.map((_, index) => lineAt(['rules', index]));
  const found = [...contentMistakes(content)].map(({ trail, says }) => at(path, lineAt(trail), trail) + says);
  if (found.length > 0) throw mistakes(found);
  return { ...content, path, lines };
}

const isScript = new Ajv({ allErrors: true, strict: false }).compile<Static<typeof ScriptFile>>(ScriptFile);

interface Mistake {
  trail: (string | number)[];
  says: string;
}

/** What the schema cannot say: expressions that do not compile, captures that nothing sets, rules without an answer. */
function* contentMistakes(script: Static<typeof ScriptFile>): Generator<Mistake> {
  for (const name of ['current', 'action_line'] as const) yield* expressionMistakes(script[name], [name]);
  for (const [index, rule] of script.rules.entries()) {
    const trail = ['rules', index];
    const before = [
      ...expressionMistakes(rule.when, [...trail, 'when']),
      ...expressionMistakes(rule.unless, [...trail, 'unless']),
    ];
    yield* before;
    yield* answerMistakes(rule, trail);
    if (before.length === 0) yield* captureMistakes(rule, trail);
  }
  if (script.fallback === undefined) return;
  yield* answerMistakes(script.fallback, ['fallback']);
  yield* captureMistakes(script.fallback, ['fallback']);
}

function* expressionMistakes(value: Json | undefined | Condition, trail: (string | number)[]): Generator<Mistake> {
  if (typeof value === 'string') {
    try {
      new RegExp(value, 'gm');
    } catch (error) {
      yield { trail, says: error instanceof Error ? error.message : String(error) };
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      yield* expressionMistakes(inner, [...trail, Array.isArray(value) ? Number(name) : name]);
    }
  }
}

function* answerMistakes(answer: Answer, trail: (string | number)[]): Generator<Mistake> {
  const given = [answer.reply, answer.text, answer.stop].filter((value) => value !== undefined).length;
  if (given !== 1) yield { trail, says: 'needs exactly one of reply, text and stop' };
}

function* captureMistakes(rule: Rule, trail: (string | number)[]): Generator<Mistake> {
  const known = captureNames(rule);
  for (const name of capturesUsed(rule.reply ?? rule.text ?? '')) {
    if (known.has(name)) continue;
    const written = /^\d/.test(name) ? `$${name}` : `\${${name}}`;
    const names = [...known].join(', ') || 'none';
    yield {
      trail: [...trail, rule.reply === undefined ? 'text' : 'reply'],
      says: `${written} is captured by nothing in this rule (captured: ${names}; write $$ for a dollar sign)`,
    };
  }
}

/** Ajv reports every branch of a union; the errors that lie deepest are those of the branch that was meant. */
function plainErrors(errors: ErrorObject[]): Mistake[] {
  const deepest = new Map<string, ErrorObject>();
  for (const error of errors) {
    const key = error.instancePath.split('/').slice(0, 3).join('/');
    const known = deepest.get(key);
    if (known === undefined || error.instancePath.length > known.instancePath.length) deepest.set(key, error);
  }
  return [...deepest.values()].map((error) => {
    const extra =
      error.keyword === 'additionalProperties' ? `: ${JSON.stringify(error.params.additionalProperty)}` : '';
    const trail = error.instancePath
      .split('/')
      .slice(1)
      .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    return { trail, says: `${error.message ?? 'is wrong'}${extra}` };
  });
}

function at(path: string, line: number, trail: (string | number)[]): string {
  const [first, index, ...inside] = trail;
  const where = first === 'rules' && typeof index === 'number' ? [`rule ${index + 1}`, ...inside] : trail;
  return `${path}:${line}: ${where.join(' ')}${where.length > 0 ? ': ' : ''}`;
}

const mistakes = (list: string[]) => new ModelError('spec', `The script cannot be used:\n${list.join('\n')}`);
