/** A model whose calls are counted for the limits of its queue. */
import { LbiError } from '../../core/errors.ts';
import type { Model } from '../../models/model.ts';
import type { Usage } from '../../schemas/common.ts';
import type { FullModel } from '../../schemas/pipeline/model.ts';
import type { Declared, Keeper } from './keeper.ts';

export const metered = (model: Model, provider: string, queue: string, keeper: Keeper): Model => ({
  ...model,
  complete: async (request, options) => {
    const call = keeper.begin(queue);
    try {
      const reply = await model.complete(request, options);
      call.answered(counted(provider, reply.usage));
      return reply;
    } catch (error) {
      if (error instanceof LbiError && error.kind === 'rate-limited') call.refused(error.retryAfterMs ?? 0);
      else call.failed();
      throw error;
    }
  },
});

/** Tokens as the provider counts them against its limit: for Anthropic's, input that was read from its cache is free. */
const counted = (provider: string, { input, cached, output }: Usage): number =>
  input + output - (provider === 'anthropic' ? cached : 0);

/** Tokens of a prompt, before one was seen. */
const prompt = 3000;

export const declaredOf = ({ provider, limits, max_tokens }: FullModel): Declared => ({
  // A model in this process answers one call at a time: whatever waits does so in the queue, where priority decides who is next.
  limits: provider === 'local' ? { concurrency: 1 } : limits,
  alone: provider === 'local',
  expected: prompt + max_tokens,
});
