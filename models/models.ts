/** Every provider by name, each loaded when a pipeline first uses it. */
import { ModelError } from '../core/errors.ts';
import type { ModelSpec, Provider } from '../schemas/pipeline/model.ts';
import type { Model, ModelContext } from './model.ts';

type Factory<P extends Provider> = (
  spec: Extract<ModelSpec, { provider: P }>,
  context: ModelContext,
) => Model | Promise<Model>;

const providers: { [P in Provider]: () => Promise<Factory<P>> } = {
  anthropic: async () => (await import('./anthropic.ts')).anthropicModel,
  google: async () => (await import('./google.ts')).googleModel,
  openai: async () => (await import('./openai.ts')).openaiModel,
  local: async () => (await import('./local.ts')).localModel,
  scripted: async () => (await import('./scripted.ts')).scriptedModel,
};

/** Opens the model of a spec. Throws ModelError `spec` for a provider that does not exist, and what the provider throws. */
export const openModel = async <P extends Provider>(
  spec: Extract<ModelSpec, { provider: P }>,
  context: ModelContext,
): Promise<Model> => {
  const provider: P = spec.provider as P;
  const load: (() => Promise<Factory<P>>) | undefined = Object.hasOwn(providers, provider)
    ? providers[provider]
    : undefined;
  if (!load)
    throw new ModelError(
      'spec',
      `There is no model provider '${provider}'. Providers: ${Object.keys(providers).join(', ')}.`,
    );
  return (await load())(spec, context);
};
