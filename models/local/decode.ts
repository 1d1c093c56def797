/** Writes a reply piece by piece into a sequence: reads the skeleton, samples the free text, weighs yes against no. */
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { ModelError } from '../../core/errors.ts';
import { isWhole, type Piece } from './plan.ts';
import { aborted, batchTokens, type Loaded } from './runtime.ts';

export interface DecodeOptions {
  temperature: number;
  seed: number;
  /** Tokens the reply may take, its skeleton included. */
  maxTokens: number;
  signal: AbortSignal;
}

export interface Decoded {
  text: string;
  /** False when the reply was cut at `maxTokens`, or the model stopped in the middle. */
  whole: boolean;
  /** Prompt tokens that were still in the sequence from an earlier call. */
  cached: number;
  /** Tokens of the reply, its skeleton included. */
  output: number;
  probabilities: Record<string, number>;
}

interface Writing {
  loaded: Loaded;
  sequence: LlamaContextSequence;
  options: DecodeOptions;
  /** Prompt and reply so far; what the sequence does not hold yet is evaluated with the next piece. */
  tokens: Token[];
  promptLength: number;
  probabilities: Record<string, number>;
}

/** Writes the reply that the pieces describe after the prompt, reusing whatever beginning of it the sequence holds. */
export async function decode(
  loaded: Loaded,
  sequence: LlamaContextSequence,
  prompt: Token[],
  pieces: Piece[],
  options: DecodeOptions,
): Promise<Decoded> {
  const cached = await keepPrefix(sequence, prompt);
  const writing: Writing = {
    loaded,
    sequence,
    options,
    tokens: [...prompt],
    promptLength: prompt.length,
    probabilities: {},
  };
  let whole = true;
  for (const [index, piece] of pieces.entries()) {
    whole = await write(writing, piece, index);
    if (!whole) break;
  }
  const reply = writing.tokens.slice(prompt.length);
  const text = loaded.model.detokenize(reply);
  return { text, whole, cached, output: reply.length, probabilities: writing.probabilities };
}

/** Erases what differs from the prompt; at least one token of it is always read again. Answers how many stay. */
async function keepPrefix(sequence: LlamaContextSequence, prompt: Token[]): Promise<number> {
  const { firstDifferentIndex } = sequence.compareContextTokens(prompt);
  const kept = Math.min(firstDifferentIndex, prompt.length - 1);
  await sequence.eraseContextTokenRanges([{ start: kept, end: sequence.nextTokenIndex }]);
  return sequence.nextTokenIndex;
}

async function write(writing: Writing, piece: Piece, index: number): Promise<boolean> {
  if (piece.kind === 'fixed') return append(writing, piece.text);
  await readAhead(writing);
  if (piece.kind === 'yes-no') return append(writing, await weigh(writing, piece.pointer));
  return sample(writing, piece, index);
}

function append(writing: Writing, text: string): boolean {
  const room = roomLeft(writing);
  const tokens = writing.loaded.model.tokenize(text);
  writing.tokens.push(...tokens.slice(0, room));
  return tokens.length <= room;
}

const roomLeft = ({ options, tokens, promptLength }: Writing) => options.maxTokens - (tokens.length - promptLength);
const pending = ({ tokens, sequence }: Writing) => tokens.slice(sequence.nextTokenIndex);

/** Evaluates all that is pending but the last batch, in batches between which an abort is noticed. */
async function readAhead(writing: Writing): Promise<void> {
  for (let left = pending(writing); left.length > batchTokens; left = pending(writing)) {
    stopIfAborted(writing);
    await writing.sequence.evaluateWithoutGeneratingNewTokens(left.slice(0, batchTokens));
  }
  stopIfAborted(writing);
}

function stopIfAborted({ options }: Writing): void {
  if (options.signal.aborted) throw aborted(options.signal);
}

/** Samples under the piece's grammar until it is complete. False when the tokens run out first. */
async function sample(writing: Writing, piece: Extract<Piece, { kind: 'free' }>, index: number): Promise<boolean> {
  const { loaded, options, sequence } = writing;
  const grammar = await loaded.llama.createGrammar({ grammar: piece.grammar });
  const grammarEvaluationState = new loaded.library.LlamaGrammarEvaluationState({ model: loaded.model, grammar });
  if (roomLeft(writing) < 1) return false;
  const written: Token[] = [];
  const { temperature } = options;
  const evaluation = { temperature, seed: (options.seed + index) >>> 0, grammarEvaluationState };
  for await (const token of sequence.evaluate(pending(writing), evaluation)) {
    written.push(token);
    writing.tokens.push(token);
    const text = loaded.model.detokenize(written);
    if (isWhole(piece, text)) return closed(writing, piece, text, written);
    if (roomLeft(writing) < 1) return false;
    stopIfAborted(writing);
  }
  return false;
}

/**
 * A string that ran into its bound ends in whatever fitted into the last character: it is cut back to its last whole word.
 * Strings that ended by themselves stay as they are.
 */
async function closed(
  writing: Writing,
  piece: Extract<Piece, { kind: 'free' }>,
  text: string,
  written: Token[],
): Promise<boolean> {
  if (piece.maxLength === undefined) return true;
  const { model } = writing.loaded;
  const inside = text.slice(0, text.length - piece.after.length - 1);
  const value: unknown = JSON.parse(`"${inside}"`);
  if (typeof value !== 'string' || [...value].length < piece.maxLength) return true;
  let kept = written.length - 1;
  while (kept > 0 && !model.detokenize(written.slice(kept)).startsWith(' ')) kept--;
  while (kept > 0 && model.detokenize(written.slice(kept - 1, kept)).trim() === '') kept--;
  if (kept < written.length / 2) return true;
  const start = writing.tokens.length - written.length;
  writing.tokens.length = start + kept;
  await writing.sequence.eraseContextTokenRanges([{ start: start + kept, end: writing.sequence.nextTokenIndex }]);
  return append(writing, `"${piece.after}`);
}

/** The likelier of yes and no here; P(yes), normalised over the two, is noted under the pointer. */
async function weigh(writing: Writing, pointer: string): Promise<'yes' | 'no'> {
  const { model } = writing.loaded;
  const [yes] = model.tokenize('yes');
  const [no] = model.tokenize('no');
  const last = writing.tokens.at(-1);
  if (yes === undefined || no === undefined || yes === no || last === undefined) {
    throw new ModelError(
      'spec',
      'This model’s tokenizer cannot tell yes from no by their first token: it cannot vote.',
    );
  }
  const next = { logits: { filter: { tokens: [yes, no] } }, options: { temperature: 0 } };
  const results = await writing.sequence.controlledEvaluate([
    ...pending(writing).slice(0, -1),
    [last, { generateNext: next }],
  ]);
  const logits = results.at(-1)?.next.logits;
  const difference = (logits?.get(yes) ?? Number.NaN) - (logits?.get(no) ?? Number.NaN);
  if (Number.isNaN(difference)) throw new ModelError('fatal', `No probability of yes at ${pointer}.`);
  writing.probabilities[pointer] = 1 / (1 + Math.exp(-difference));
  return difference >= 0 ? 'yes' : 'no';
}
