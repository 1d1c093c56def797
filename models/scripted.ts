/** A model that answers by a script: rules in YAML or a JSONL recording. Deterministic, and labelled as scripted everywhere. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { ModelError } from '../core/errors.ts';
import type { Json } from '../schemas/common.ts';
import type { ModelSpec } from '../schemas/pipeline/model.ts';
import { validator } from './checked.ts';
import { modelFacts } from './facts.ts';
import type { Model, ModelContext, ModelReply, ModelRequest } from './model.ts';
import { type Captures, fill } from './scripted/captures.ts';
import { findRule, type Rendered, render } from './scripted/match.ts';
import { readRecording, requestHash } from './scripted/recording.ts';
import { type Answer, readScript, type Script } from './scripted/script.ts';

type ScriptedSpec = Extract<ModelSpec, { provider: 'scripted' }>;
type Replier = (request: ModelRequest) => ModelReply;

/**
 * The model of a `provider: scripted` spec: `*.jsonl` is a recording, anything else YAML rules of which the first that matches
 * answers. Throws a `spec` ModelError with file and line for a script that cannot be read, at a request that nothing answers, and
 * at a reply that does not fit the request's schema.
 */
export async function scriptedModel(spec: ScriptedSpec, context: ModelContext): Promise<Model> {
  const path = context.file(spec.script);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ModelError('spec', `The script ${path} of a scripted model cannot be read.`, { cause });
  });
  const reply = path.endsWith('.jsonl') ? replay(text, path) : follow(readScript(text, path), spec);
  return {
    ...modelFacts(spec, createHash('sha256').update(text).digest('hex')),
    async complete(request, { signal }) {
      await setTimeout((spec.delay ?? 0) * 1000, undefined, { signal }).catch((cause: unknown) => {
        throw new ModelError('transient', 'The call of the scripted model was cancelled.', { cause });
      });
      return reply(request);
    },
    async close() {},
  };
}

function replay(text: string, path: string): Replier {
  const replies = readRecording(text, path);
  return (request) => {
    const hash = requestHash(request);
    const reply = replies.get(hash);
    if (reply === undefined) throw unanswered(`${path} has no reply recorded under ${hash}`, render(request));
    return structuredClone(reply);
  };
}

function follow(script: Script, spec: ScriptedSpec): Replier {
  return (request) => {
    const text = render(request);
    const found = findRule(script, text);
    const answer = found?.rule ?? script.fallback;
    if (answer === undefined) throw unanswered(`No rule of ${script.path} matches and it has no fallback`, text);
    const where = found
      ? `${script.path}:${script.lines[found.index]}: rule ${found.index + 1}`
      : `${script.path}: fallback`;
    return replyOf({ answer, where, captures: found?.captures ?? new Map(), text, request, spec });
  };
}

interface Answering {
  answer: Answer;
  /** File, line and number of the rule, for messages. */
  where: string;
  captures: Captures;
  text: Rendered;
  request: ModelRequest;
  spec: ScriptedSpec;
}

function replyOf(answering: Answering): ModelReply {
  const { answer, captures, request, text, where, spec } = answering;
  const value = answer.reply === undefined ? undefined : fill(answer.reply, captures);
  const written = value === undefined ? String(fill(answer.text ?? '', captures)) : JSON.stringify(value);
  const probabilities = probabilitiesOf(answer, request, where);
  const reply = {
    text: written,
    usage: usageOf(text.whole, written, spec.price),
    model: 'scripted',
    ...(probabilities === undefined ? {} : { probabilities }),
  };
  if (answer.stop !== undefined)
    return { ...reply, value: undefined, stop: answer.stop, detail: `The script says so (${where}).` };
  const parsed = value ?? parse(written);
  if (parsed === undefined)
    return { ...reply, value: undefined, stop: 'unparseable', detail: `The text is not JSON (${where}).` };
  checkFits(parsed, request, where);
  return { ...reply, value: parsed, stop: 'complete', detail: '' };
}

function checkFits(value: Json, request: ModelRequest, where: string): void {
  const fits = validator(request.schema);
  if (fits(value)) return;
  const wrong = (fits.errors ?? [])
    .map(({ instancePath, message }) => `reply${instancePath} ${message ?? ''}`)
    .join(', ');
  throw new ModelError('spec', `${where}: the reply does not fit what ${request.role} asked for: ${wrong}`);
}

/** Of `probability`: one number for every question, or numbers by JSON Pointer or by the first name in it. */
function probabilitiesOf(answer: Answer, request: ModelRequest, where: string): Record<string, number> | undefined {
  const { probability } = answer;
  if (probability === undefined || request.yesNo === undefined) return undefined;
  if (typeof probability === 'number')
    return Object.fromEntries(request.yesNo.map((pointer) => [pointer, probability]));
  const asked = request.yesNo;
  const entries = Object.entries(probability).map(([name, value]): [string, number] => {
    const pointer = asked.find((one) => one === name || one.split('/')[1] === name);
    if (pointer === undefined) {
      throw new ModelError('spec', `${where}: probability of ${name}, but asked were ${asked.join(', ')}`);
    }
    return [pointer, value];
  });
  return Object.fromEntries(entries);
}

/** Tokens by the rule of thumb of four characters each, so that budgets can be tried without a provider. */
function usageOf(prompt: string, reply: string, price: ScriptedSpec['price']): ModelReply['usage'] {
  const input = Math.ceil(prompt.length / 4);
  const output = Math.ceil(reply.length / 4);
  const usd = price === undefined ? 0 : (input * price.input + output * price.output) / 1_000_000;
  return { calls: 1, input, cached: 0, cacheWrites: 0, output, usd };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function unanswered(what: string, text: Rendered): ModelError {
  const lines = text.user.split('\n');
  const shown =
    lines.length <= 14 ? lines : [...lines.slice(0, 6), `… ${lines.length - 14} lines …`, ...lines.slice(-8)];
  return new ModelError(
    'spec',
    `${what}. The request of ${text.role} reads:\n${shown.map((line) => `  ${line}`).join('\n')}`,
  );
}
