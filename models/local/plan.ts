/**
 * A reply's plan: the JSON text cut into what is already known (the skeleton), what the model writes freely, and the yes/no
 * answers whose probability is wanted. Known text is read as prompt, which costs a third of generating it.
 */
import { ModelError } from '../../core/errors.ts';
import type { JsonSchema } from '../../schemas/common.ts';
import { dereference, grammarOf, isSchema, layout, propertiesOf, stringBounds } from './grammar.ts';

export type Piece =
  | { kind: 'fixed'; text: string }
  /**
   * Free text under a grammar; it is complete when it ends with `after` and `before` + the rest is JSON.
   * `maxLength` is set for strings: the characters between the quotes.
   */
  | { kind: 'free'; grammar: string; before: string; after: string; maxLength?: number }
  /** Either of two literals, by JSON Pointer of the property. */
  | { kind: 'yes-no'; pointer: string };

/** A free piece of which it is not known yet what follows. */
type Draft = Exclude<Piece, { kind: 'free' }> | { kind: 'open'; schema: JsonSchema; lead: string; before: string };

interface Place {
  root: JsonSchema;
  questions: ReadonlySet<string>;
  pieces: Draft[];
}

/**
 * The pieces of a reply under a schema. Throws a `spec` ModelError when a pointer of `yesNo` names no property.
 * A property that is optional and holds no question is left to the model; beside a question it is left out.
 */
export function planReply(schema: JsonSchema, yesNo: readonly string[] = []): Piece[] {
  const place: Place = { root: schema, questions: new Set(yesNo), pieces: [] };
  walk(dereference(schema, schema), { pointer: '', lead: '' }, place);
  const asked = place.pieces.flatMap((piece) => (piece.kind === 'yes-no' ? [piece.pointer] : []));
  const missing = yesNo.filter((pointer) => !asked.includes(pointer));
  if (missing.length > 0) {
    throw new ModelError('spec', `The reply schema has no property ${missing.join(', ')} to answer with yes or no.`);
  }
  return joined(place.pieces, schema);
}

/** `lead` is the blank before a value: it belongs to the value's first token, as the model's tokenizer has it. */
function walk(schema: JsonSchema, at: { pointer: string; lead: string }, place: Place): void {
  const { pointer, lead } = at;
  if (place.questions.has(pointer)) {
    place.pieces.push({ kind: 'fixed', text: `${lead}"` }, { kind: 'yes-no', pointer }, { kind: 'fixed', text: '"' });
  } else if (schema.const !== undefined) {
    place.pieces.push({ kind: 'fixed', text: lead + layout(schema.const) });
  } else if (hasKnownKeys(schema, pointer, place)) {
    walkObject(schema, at, place);
  } else if (schema.type === 'string' && schema.enum === undefined) {
    place.pieces.push({ kind: 'fixed', text: `${lead}"` }, { kind: 'open', schema, lead: '', before: '"' });
  } else {
    place.pieces.push({ kind: 'open', schema, lead, before: '' });
  }
}

function walkObject(schema: JsonSchema, at: { pointer: string; lead: string }, place: Place): void {
  let separator = `${at.lead}{`;
  for (const property of propertiesOf(schema)) {
    const pointer = `${at.pointer}/${property.name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!property.required && !asksWithin(pointer, place)) continue;
    place.pieces.push({ kind: 'fixed', text: `${separator}${JSON.stringify(property.name)}:` });
    walk(dereference(property.schema, place.root), { pointer, lead: ' ' }, place);
    separator = ', ';
  }
  place.pieces.push({ kind: 'fixed', text: '}' });
}

/** True where the keys of an object are settled: it declares some, and all are required or it holds a question. */
function hasKnownKeys(schema: JsonSchema, pointer: string, place: Place): boolean {
  if (!isSchema(schema.properties) || schema.anyOf !== undefined || schema.oneOf !== undefined) return false;
  if (schema.allOf !== undefined || schema.enum !== undefined) return false;
  const properties = propertiesOf(schema);
  return properties.length > 0 && (properties.every((one) => one.required) || asksWithin(pointer, place));
}

const asksWithin = (pointer: string, place: Place) =>
  [...place.questions].some((question) => question === pointer || question.startsWith(`${pointer}/`));

/**
 * Joins neighbouring fixed texts, and lets a free piece end with the first character of the text after it: the model then closes
 * a value with the token it is used to (`",`), and a number has an end at all.
 */
function joined(drafts: Draft[], root: JsonSchema): Piece[] {
  const pieces: Piece[] = [];
  for (const draft of drafts.toReversed()) {
    const next = pieces[0];
    if (draft.kind === 'fixed' && next?.kind === 'fixed') {
      next.text = draft.text + next.text;
    } else if (draft.kind === 'open') {
      const after = next?.kind === 'fixed' ? next.text.slice(0, 1) : '';
      if (next?.kind === 'fixed') next.text = next.text.slice(1);
      pieces.unshift(freePiece(draft, root, after));
    } else {
      pieces.unshift({ ...draft });
    }
  }
  return pieces.filter((piece) => piece.kind !== 'fixed' || piece.text !== '');
}

function freePiece(draft: Extract<Draft, { kind: 'open' }>, root: JsonSchema, after: string): Piece {
  const inString = draft.before === '"';
  const grammar = grammarOf(draft.schema, { root, lead: draft.lead, inString, after });
  const piece = { kind: 'free' as const, grammar, before: draft.before, after };
  return inString ? { ...piece, maxLength: stringBounds(draft.schema).most } : piece;
}

/** True when the text written so far is the whole of a free piece. */
export function isWhole(piece: { before: string; after: string }, text: string): boolean {
  if (!text.endsWith(piece.after)) return false;
  try {
    JSON.parse(piece.before + text.slice(0, text.length - piece.after.length));
    return true;
  } catch {
    return false;
  }
}
