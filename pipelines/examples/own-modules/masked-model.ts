/** A model around another one: what fits a pattern is masked before it leaves this process. */
import { defineModel, list, type ModelRequest, Type, text } from 'learn-by-interact';

export default defineModel({
  version: '1',
  schema: {
    inner: text('output', 'Name of the model that is asked.', { names: 'model', example: 'writer' }),
    patterns: list('output', 'Regular expressions; what fits one is masked.', Type.String(), {
      min: 1,
      example: ['sk-[A-Za-z0-9]+'],
    }),
  },
  open: async ({ inner, patterns }, context) => {
    const model = await context.model(inner);
    const hidden = patterns.map((pattern) => new RegExp(pattern, 'g'));
    const mask = (said: string): string =>
      hidden.reduce((masked, pattern) => masked.replace(pattern, '[masked]'), said);
    const masked = (request: ModelRequest): ModelRequest => ({
      ...request,
      system: mask(request.system),
      messages: request.messages.map(({ role, content }) => ({
        role,
        content: content.map((part) => (part.type === 'text' ? { ...part, text: mask(part.text) } : part)),
      })),
    });
    return { complete: (request, options) => model.complete(masked(request), options) };
  },
});
