/** What is known of a model without opening it, and so without a key, weights or a package. */
import type { ModelSpec, Provider } from '../schemas/pipeline/model.ts';
import type { Model } from './model.ts';

export type ModelFacts = Pick<Model, 'identity' | 'scripted' | 'images'>;

type SpecOf<P extends Provider> = Extract<ModelSpec, { provider: P }>;
type RemoteSpec = SpecOf<'anthropic' | 'google' | 'openai'>;

export const officialUrl = 'https://api.openai.com/v1';

/** True for OpenAI itself, not a server that speaks like it. */
export const isOpenAi = (url: string): boolean => /(?:^|\.)openai\.com$/.test(new URL(url).hostname);

const remote = (spec: RemoteSpec, images: boolean): ModelFacts => {
  const address = spec.provider === 'openai' && spec.base_url ? `@${withoutUser(spec.base_url)}` : '';
  const identity = `${spec.provider}:${spec.model}${address} temperature=${spec.temperature ?? 0} max_tokens=${spec.max_tokens ?? 1024}`;
  return { identity, scripted: false, images };
};

const withoutUser = (address: string): string => {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
};

/** By provider. `content` is the sha256 of what the spec only names: weights, a script. */
const facts: { [P in Provider]: (spec: SpecOf<P>, content: string) => ModelFacts } = {
  anthropic: (spec) => remote(spec, true),
  google: (spec) => remote(spec, true),
  openai: (spec) => remote(spec, spec.images ?? isOpenAi(spec.base_url ?? officialUrl)),
  local: ({ temperature = 0, context = 8192 }, content) => ({
    identity: `local:${content}:temperature=${temperature}:context=${context}`,
    scripted: false,
    images: false,
  }),
  scripted: (_spec, content) => ({ identity: `scripted:${content}`, scripted: true, images: false }),
};

/** Identity, images and label of a model: what its provider gives it when it is opened. */
export const modelFacts = <P extends Provider>(spec: SpecOf<P>, content = ''): ModelFacts =>
  facts[spec.provider as P](spec, content);
