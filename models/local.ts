/** A GGUF model in this process, on the CPU: replies written under their schema, votes as probabilities, prefixes kept per role. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { ModelError } from '../core/errors.ts';
import type { Json } from '../schemas/common.ts';
import type { ModelSpec } from '../schemas/pipeline/model.ts';
import { modelFacts } from './facts.ts';
import { type Decoded, decode } from './local/decode.ts';
import { planReply } from './local/plan.ts';
import { acquire, type Loaded } from './local/runtime.ts';
import type { Message, Model, ModelContext, ModelReply, ModelRequest } from './model.ts';
import { damaged, fileSha256, weightsSha256 } from './weights.ts';

type LocalSpec = Extract<ModelSpec, { provider: 'local' }>;

/**
 * The model of a `provider: local` spec. Weights are found and hashed now and loaded at the first call (seconds, 1–2 GB).
 * Calls to one weights file run one after the other. Throws an operator-fixable ModelError when the file is missing or damaged.
 */
export async function localModel(spec: LocalSpec, context: ModelContext): Promise<Model> {
  const { path, sha256 } = await locate(spec.model, context);
  const settings = {
    context: spec.context ?? 8192,
    threads: spec.threads,
    temperature: spec.temperature ?? 0,
    maxTokens: spec.max_tokens ?? 1024,
  };
  let use: Promise<Loaded> | undefined;
  let closed = false;
  const load = () => {
    if (closed) throw new ModelError('fatal', `The local model ${spec.model} was called after it was closed.`);
    if (use === undefined) {
      use = acquire(path);
      use.catch(() => {
        use = undefined; // a call after the cause is mended loads again
      });
    }
    return use;
  };
  return {
    ...modelFacts(spec, sha256),
    async complete(request, { signal }) {
      const loaded = await load();
      return loaded.exclusive(() => answer(loaded, request, { ...settings, sha256, signal }), signal);
    },
    async close() {
      closed = true;
      await use?.then(
        (loaded) => loaded.release(),
        () => undefined,
      );
    },
  };
}

async function locate(model: string, context: ModelContext): Promise<{ path: string; sha256: string }> {
  const expected = weightsSha256(model);
  const path = expected === undefined ? context.file(model) : await context.weights(expected);
  const sha256 = await fileSha256(path).catch((cause: unknown) => {
    const message =
      `The weights ${path} of the local model ${model} cannot be read. ` +
      'Give the path of a GGUF file, or one of the known names and run: npx lbi doctor --fix (from a checkout: npm run setup)';
    throw new ModelError('operator', message, { cause });
  });
  if (expected !== undefined && sha256 !== expected) throw damaged(path, expected, sha256);
  return { path, sha256 };
}

interface Settings {
  context: number;
  threads: number | undefined;
  temperature: number;
  maxTokens: number;
  sha256: string;
  signal: AbortSignal;
}

/** Tokens that must be left for a reply to be worth starting. */
const leastReply = 16;

async function answer(loaded: Loaded, request: ModelRequest, settings: Settings): Promise<ModelReply> {
  const pieces = planReply(request.narrowSchema ?? request.schema, request.yesNo);
  const prompt = promptTokens(loaded, request);
  const sequence = await loaded.sequence(request.role, settings);
  const room = sequence.contextSize - prompt.length - 1;
  const asked = Math.min(request.maxTokens, settings.maxTokens);
  if (room < Math.min(leastReply, asked)) return tooLong(prompt.length, sequence.contextSize, settings.sha256);
  const written = await decode(loaded, sequence, prompt, pieces, {
    temperature: request.temperature ?? settings.temperature,
    seed: request.seed ?? 0,
    maxTokens: Math.min(asked, room),
    signal: settings.signal,
  });
  const cut = room < asked ? `the context of ${sequence.contextSize} tokens was full` : `it may take ${asked} tokens`;
  return replyOf(written, { input: prompt.length, model: settings.sha256, cut, yesNo: request.yesNo });
}

function replyOf(
  written: Decoded,
  facts: { input: number; model: string; cut: string; yesNo: string[] | undefined },
): ModelReply {
  const { text, whole, cached, output, probabilities } = written;
  return {
    value: whole ? (JSON.parse(text) as Json) : undefined,
    text,
    stop: whole ? 'complete' : 'length',
    detail: whole ? '' : `The reply was cut off: ${facts.cut}.`,
    usage: { calls: 1, input: facts.input, cached, cacheWrites: 0, output, usd: 0 },
    model: facts.model,
    ...(facts.yesNo === undefined ? {} : { probabilities }),
  };
}

/** A prompt without room for a reply is a result like any other cut-off: the item ends with a reason, the run goes on. */
const tooLong = (input: number, context: number, model: string): ModelReply => ({
  value: undefined,
  text: '',
  stop: 'length',
  detail:
    `The prompt takes ${input} tokens and the context holds ${context}: nothing was asked. ` +
    'Raise `context` on the model, or show it less (max_chars, observation_chars, history_chars).',
  usage: { calls: 0, input: 0, cached: 0, cacheWrites: 0, output: 0, usd: 0 },
  model,
});

/** The prompt in the model's own chat form. Text is tokenised as text: a `<|im_end|>` in a page ends nothing. */
function promptTokens(loaded: Loaded, request: ModelRequest): Token[] {
  const wrapper = wrapperOf(loaded.library, loaded.model);
  const turns = request.messages.map((message) =>
    message.role === 'user'
      ? { type: 'user' as const, text: textOf(message) }
      : { type: 'model' as const, response: [textOf(message)] },
  );
  const { contextText } = wrapper.generateContextState({
    chatHistory: [{ type: 'system', text: request.system }, ...turns, { type: 'model', response: [''] }],
  });
  return contextText.tokenize(loaded.model.tokenizer);
}

const wrappers = new WeakMap<LlamaModel, ReturnType<Loaded['library']['resolveChatWrapper']>>();

function wrapperOf(library: Loaded['library'], model: LlamaModel) {
  const known = wrappers.get(model) ?? library.resolveChatWrapper(model);
  wrappers.set(model, known);
  return known;
}

/** Images are not seen (`images` is false), so their parts are passed over. */
const textOf = (message: Message) =>
  message.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n\n');
