/** What the calls of every remote provider share: the key by name, whom they go to, one deadline, one error type, one usage. */
import { ModelError } from '../core/errors.ts';
import type { Usage } from '../schemas/common.ts';
import type { ModelSpec } from '../schemas/pipeline/model.ts';
import { type Answer, answerError, brokenOffError, type Callee, noAnswerError, who } from './answer-error.ts';
import { concealIn, formsOf } from './conceal.ts';
import { modelFacts } from './facts.ts';
import type { Model, ModelContext } from './model.ts';
import { costOf, priceIn } from './prices.ts';
import { type Progress, watching } from './provider-fetch.ts';

export type RemoteSpec = Extract<ModelSpec, { provider: 'anthropic' | 'google' | 'openai' }>;

/** The NAME in `${secret:NAME}`. */
export const secretName = (reference: string): string => reference.slice('${secret:'.length, -1);

const defaultTimeout = 300;

/**
 * Runs one request. `read` finds the HTTP answer in the SDK's error, if there was one. Resolves with what `request` gave, or throws
 * ModelError: also when the deadline of `seconds` passes or `signal` aborts, whatever the SDK then does.
 */
const oneCall = async <T>(
  callee: Callee,
  limits: { seconds: number; signal: AbortSignal },
  request: (signal: AbortSignal) => Promise<T>,
  read: (error: unknown) => Answer | undefined,
): Promise<T> => {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), limits.seconds * 1000);
  const signal = AbortSignal.any([limits.signal, deadline.signal]);
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const progress: Progress = { sent: false, answer: undefined };
  try {
    signal.throwIfAborted();
    return await Promise.race([watching(progress, () => request(signal)), stopped.promise]);
  } catch (error) {
    const lost = progress.sent;
    if (limits.signal.aborted) throw new ModelError('transient', `The call to ${who(callee)} was cancelled.`, { lost });
    if (deadline.signal.aborted)
      throw new ModelError(
        'transient',
        `${who(callee)} did not answer within ${limits.seconds} s. The call is tried again; raise \`timeout\` if this is frequent.`,
        { lost },
      );
    if (error instanceof ModelError) throw error;
    const answer = read(error);
    if (answer) throw answerError(callee, answer);
    if (!progress.answer) throw noAnswerError(callee, error);
    // An SDK that cannot read what an error says forgets its status.
    const { status, headers } = progress.answer;
    if (status >= 300) throw answerError(callee, { status, headers, body: undefined });
    throw isPageError(error) ? strangeAnswer(callee) : brokenOffError(callee, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
};

/** What a provider works with: its key, whom its calls go to, and the one way to make them. */
export interface Remote<Key> {
  key: Key;
  callee: Callee;
  /** What the SDK is told, so that its own clock never rings before ours, in milliseconds. */
  timeout: number;
  /** Runs one request under the deadline of the spec. `read` finds the HTTP answer in the SDK's error, if there was one. */
  call<T>(
    signal: AbortSignal,
    request: (signal: AbortSignal) => Promise<T>,
    read: (error: unknown) => Answer | undefined,
  ): Promise<T>;
  /** The model from its one method. */
  model(complete: Model['complete']): Model;
}

/** Throws an operator-fixable ModelError when the key that the spec names is not set, or is none. */
export const remote = <S extends RemoteSpec>(
  spec: S,
  context: ModelContext,
  { name, url }: Pick<Callee, 'name' | 'url'>,
): Remote<S['api_key']> => {
  // There where the spec names one, as its type says.
  const key = (spec.api_key && readKey(context, spec.api_key)) as S['api_key'];
  const seconds = spec.timeout ?? defaultTimeout;
  const keyName = spec.api_key && secretName(spec.api_key);
  const callee: Callee = { name, model: spec.model, url, keyName, secrets: key ? [key] : [] };
  return {
    key,
    callee,
    timeout: sdkTimeout(seconds),
    call: (signal, request, read) => oneCall(callee, { seconds, signal }, request, read),
    model: (complete) => remoteModel(spec, key, complete),
  };
};

type ApiError = abstract new (
  ...given: never[]
) => { status: number | undefined; headers: Headers | undefined; error: unknown };

/** Finds the HTTP answer in the errors of Anthropic's and OpenAI's SDKs, which are made alike. */
export const answerIn =
  (Kind: ApiError) =>
  (error: unknown): Answer | undefined =>
    error instanceof Kind && error.status
      ? { status: error.status, headers: error.headers, body: error.error }
      : undefined;

/** JSON was expected and a page of HTML came. */
const isPageError = (error: unknown): boolean => error instanceof SyntaxError && error.message.includes("'<'");

/** What SDKs are told, so that their own clock never rings before the deadline above, in milliseconds. */
const sdkTimeout = (seconds: number): number => (seconds + 5) * 1000;

/** The error for an answer of 200 that is not what the service's API says: a proxy's page, a wrong address. */
export const strangeAnswer = (callee: Callee): ModelError =>
  new ModelError(
    'transient',
    `${who(callee)} answered with something that is not a reply of its API. Check \`base_url\`.`,
    { lost: true },
  );

/** Usage of one call with its cost. */
export const usageOf = (spec: RemoteSpec, tokens: Omit<Usage, 'calls' | 'usd'>): Usage => ({
  calls: 1,
  ...tokens,
  usd: costOf(tokens, priceIn(spec)),
});

/** Why a reply is cut off; says how much of the cap went into reasoning that is not shown. */
export const cutOff = (maxTokens: number, reasoning: number): string =>
  `Cut off at ${maxTokens} tokens${reasoning > 0 ? `, ${reasoning} of them reasoning` : ''}: raise max_tokens.`;

/**
 * A remote model from what is known of it and its one method; there is nothing to close. Replies are kept: should one repeat the key, it
 * is crossed out.
 */
const remoteModel = (spec: RemoteSpec, key: string | undefined, complete: Model['complete']): Model => {
  const forms = key ? formsOf(key) : [];
  return {
    ...modelFacts(spec),
    complete: async (request, options) => {
      const { value, ...reply } = await complete(request, options);
      return { value: concealIn(value, forms), ...concealIn(reply, forms) };
    },
    close: async () => {},
  };
};

/** Reads the key that a reference names. Throws an operator-fixable ModelError for one that no header can carry. */
const readKey = (context: ModelContext, reference: string): string => {
  const name = secretName(reference);
  const key = context.secret(name);
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new ModelError(
    'operator',
    `The secret ${name} holds a space, a line end or a letter that no key has: it was probably not copied whole. Correct it in .env. Then: lbi resume.`,
  );
};
