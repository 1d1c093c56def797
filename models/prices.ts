/** What tokens cost: a dated table of list prices, and the sum for one call. */
import type { Usage } from '../schemas/common.ts';
import type { ModelSpec, Provider } from '../schemas/pipeline/model.ts';

/** USD per million tokens. */
export interface Rates {
  input: number;
  /** Input tokens read from a prompt cache. */
  cached: number;
  /** Input tokens written to a prompt cache. */
  cacheWrites: number;
  output: number;
}

export interface Price extends Rates {
  /** Rates of a whole call whose input is larger than `over` tokens. */
  long?: Rates & { over: number };
}

/** The day the table was put together from published list prices. Promotional prices with an end date are not in it. */
export const asOf = '2026-11-24';

const rates = (input: number, cached: number, output: number, cacheWrites = input): Rates => ({
  input,
  cached,
  cacheWrites,
  output,
});
/** Anthropic's five-minute cache entries cost a quarter more than plain input. */
const anthropic = (input: number, cached: number, output: number): Rates => rates(input, cached, output, input * 1.25);

const table: Partial<Record<Provider, Record<string, Price>>> = {
  anthropic: {
    'claude-fable-5-1': anthropic(10, 0.25, 50),
    'claude-fable-5': anthropic(10, 1, 50),
    'claude-opus-5-5': anthropic(4, 0.2, 20),
    'claude-opus-5': anthropic(5, 0.5, 25),
    'claude-opus-4-8': anthropic(5, 0.5, 25),
    'claude-opus-4-7': anthropic(5, 0.5, 25),
    'claude-opus-4-6': anthropic(5, 0.5, 25),
    'claude-opus-4-5': anthropic(5, 0.5, 25),
    'claude-sonnet-4-6': anthropic(3, 0.3, 15),
    'claude-sonnet-4-5': anthropic(3, 0.3, 15),
    'claude-haiku-4-5': anthropic(1, 0.1, 5),
  },
  google: {
    'gemini-3.1-pro-preview': { ...rates(2, 0.2, 12), long: { over: 200_000, ...rates(4, 0.4, 18) } },
    'gemini-2.5-pro': { ...rates(1.25, 0.125, 10), long: { over: 200_000, ...rates(2.5, 0.25, 15) } },
    'gemini-2.5-flash': rates(0.3, 0.03, 2.5),
    'gemini-2.5-flash-lite': rates(0.1, 0.01, 0.4),
  },
  openai: {
    'gpt-5.4': { ...rates(2.5, 0.25, 15), long: { over: 272_000, ...rates(5, 0.5, 22.5) } },
    'gpt-5.4-mini': rates(0.75, 0.075, 4.5),
    'gpt-5.4-nano': rates(0.2, 0.02, 1.25),
    'gpt-5.2': rates(1.75, 0.175, 14),
    'gpt-5.1': rates(1.25, 0.125, 10),
    'gpt-5': rates(1.25, 0.125, 10),
    'gpt-5-mini': rates(0.25, 0.025, 2),
    'gpt-5-nano': rates(0.05, 0.005, 0.4),
    'gpt-4.1': rates(2, 0.5, 8),
    'gpt-4.1-mini': rates(0.4, 0.1, 1.6),
    'gpt-4.1-nano': rates(0.1, 0.025, 0.4),
    'gpt-4o': rates(2.5, 1.25, 10),
    'gpt-4o-mini': rates(0.15, 0.075, 0.6),
    o3: rates(2, 0.5, 8),
    'o4-mini': rates(1.1, 0.275, 4.4),
  },
};

const free: Price = rates(0, 0, 0);

/** The list price of a model, undefined when it is not known. Dated ids (`…-20250929`, `…-2025-08-07`) have the price of their family. */
export const priceOf = (provider: Provider, model: string): Price | undefined => {
  if (provider === 'local' || provider === 'scripted') return free;
  const family = model.replace(/^models\//, '').replace(/-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$/, '');
  const prices = table[provider] ?? {};
  return Object.hasOwn(prices, family) ? prices[family] : undefined;
};

/** The price a pipeline pays: its own `price:` where it has one, else the list price of the model; undefined when neither is known. */
export const priceIn = (spec: ModelSpec): Price | undefined => {
  if (!spec.price) return priceOf(spec.provider, 'model' in spec ? spec.model : '');
  const { input, cached = input, output } = spec.price;
  return spec.provider === 'anthropic' ? anthropic(input, cached, output) : rates(input, cached, output);
};

/** US dollars for what was used; 0 when the price is not known (validation refuses a money budget then). */
export const costOf = (usage: Omit<Usage, 'usd' | 'calls'>, price: Price | undefined): number => {
  if (!price) return 0;
  const rate = price.long && usage.input > price.long.over ? price.long : price;
  const plain = Math.max(0, usage.input - usage.cached - usage.cacheWrites);
  const perMillion =
    plain * rate.input + usage.cached * rate.cached + usage.cacheWrites * rate.cacheWrites + usage.output * rate.output;
  return perMillion / 1_000_000;
};
