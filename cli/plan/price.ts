/** Calls to tokens, and tokens to money: from what replies really took, else from stated assumptions. */
import { type Estimate, exactly, range, sum, sumTogether, times } from '../../core/estimate.ts';
import { isOwn } from '../../core/own-path.ts';
import { isOpenAi } from '../../models/facts.ts';
import { costOf, type Price, priceIn } from '../../models/prices.ts';
import type { FullModel, ModelSpec } from '../../schemas/pipeline/model.ts';
import type { Experience, Heard } from './tokens.ts';

/** Where a model's price comes from; a server of one's own without one counts as free, and that is said. */
export type PriceSource = 'list' | 'pipeline' | 'free' | 'own-server' | 'unknown';

/** Addresses of this machine and of private networks. */
const ownHost =
  /^(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[?::1\]?$|[\w-]+$)|\.(?:local|internal|lan)$/;

export function priceSource(spec: FullModel): PriceSource {
  if (spec.price !== undefined) return 'pipeline';
  // It says what its replies cost; without a price here that is not known beforehand.
  if (isOwn(spec)) return 'own-server';
  if (spec.provider === 'local' || spec.provider === 'scripted') return 'free';
  const url = 'base_url' in spec ? spec.base_url : undefined;
  if (spec.provider === 'openai' && url !== undefined && !isOpenAi(url))
    return ownHost.test(new URL(url).hostname) ? 'own-server' : 'unknown';
  return priceIn(spec) === undefined ? 'unknown' : 'list';
}

/** What is to be asked of one model in one voice. */
export interface Demand {
  role: string;
  spec: FullModel;
  /** questions whose text is known, and their input tokens as reckoned */
  exact: { calls: number; tokens: number };
  /** questions beyond those */
  more: Estimate;
  /** tokens of a question and of a reply, where nothing was ever heard */
  guess: { input: Estimate; output: Estimate };
}

export interface Bill {
  calls: Estimate;
  input: Estimate;
  output: Estimate;
  /** null when the price is not known */
  usd: Estimate | null;
  /** likely cost if no prompt cache served anything; equal to `usd.likely` where none is expected to */
  usdUncached: number;
}

const within = (value: number, around: number, basis: Estimate['basis']): Estimate =>
  range(value * (1 - around), value, value * (1 + around), basis);

/** Reported tokens to one reckoned from the text. */
function ratioOf(heard: Heard | undefined): Estimate {
  if (heard === undefined || heard.reckoned === 0) return range(0.8, 1, 1.35, 'assumed');
  return within(heard.input / heard.reckoned, heard.calls < 5 ? 0.1 : 0.04, 'measured');
}

export function billOf(demand: Demand, experience: Experience): Bill {
  const { role, spec, exact, more } = demand;
  const heard = experience.of(role, spec);
  const ratio = ratioOf(heard ?? experience.by(spec));
  const calls = sum([exactly(exact.calls), more]);
  const input = sumTogether([times(exactly(exact.tokens), ratio), times(more, inputEach(demand, experience, ratio))]);
  const output = times(calls, outputEach(demand, experience));
  const source = priceSource(spec);
  if (source === 'unknown') return { calls, input, output, usd: null, usdUncached: 0 };
  const price = source === 'own-server' ? undefined : priceIn(spec as ModelSpec);
  const served = heard === undefined || heard.input === 0 ? undefined : heard;
  const usdAt = (at: 'low' | 'likely' | 'high', cache: boolean): number =>
    costAt(price, { calls: calls[at], input: input[at], output: output[at] }, cache ? served : undefined);
  const likely = usdAt('likely', true);
  const usd = range(usdAt('low', true), likely, usdAt('high', false), worst(calls, input, output));
  return { calls, input, output, usd, usdUncached: usdAt('likely', false) };
}

const worst = (...parts: Estimate[]): Estimate['basis'] =>
  (['assumed', 'measured'] as const).find((basis) => parts.some((part) => part.basis === basis)) ?? 'exact';

/** Cost of calls of equal size: dearer rates for long inputs go by the call. */
function costAt(
  price: Price | undefined,
  total: { calls: number; input: number; output: number },
  cache: Heard | undefined,
): number {
  const calls = Math.max(total.calls, 1e-9);
  const share = (part: number): number => (cache === undefined ? 0 : part / cache.input);
  const input = total.input / calls;
  const usage = {
    input,
    cached: input * share(cache?.cached ?? 0),
    cacheWrites: input * share(cache?.cacheWrites ?? 0),
    output: total.output / calls,
  };
  return costOf(usage, price) * total.calls;
}

function inputEach({ role, spec, guess }: Demand, experience: Experience, ratio: Estimate): Estimate {
  const own = experience.of(role, spec);
  if (own !== undefined) return within(own.input / own.calls, 0.15, 'measured');
  const others = experience.of(role);
  if (others !== undefined) return times(within(others.reckoned / others.calls, 0.15, 'measured'), ratio);
  return times(guess.input, ratio);
}

function outputEach({ role, spec, guess }: Demand, experience: Experience): Estimate {
  const own = experience.of(role, spec);
  const heard = own ?? experience.of(role);
  if (heard === undefined) return guess.output;
  const each = heard.output / heard.calls;
  const around = own === undefined ? 0.5 : 0.15;
  return range(each * (1 - around), each, Math.min(spec.max_tokens, each * (1 + around)), 'measured');
}
