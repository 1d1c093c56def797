/** Sizes of questions and replies of which none was ever heard: from the prompts and the bounds of the pipeline. All are assumptions. */
import { findStage, placeOf, stageOf } from '../../activities/plans.ts';
import { criteriaOf } from '../../core/committee.ts';
import { type Estimate, range, sumTogether, times } from '../../core/estimate.ts';
import { estimateTokens } from '../../core/retrieval-text.ts';
import type { Plan } from '../../schemas/plan.ts';

const assumed = (low: number, likely: number, high: number): Estimate => range(low, likely, high, 'assumed');

/** Tokens of a text that is clipped at so many characters: observations are mostly shorter. */
const clipped = (chars: number): Estimate => assumed(chars * 0.03, chars * 0.1, chars * 0.28);

const text = (value: string): Estimate => {
  const tokens = estimateTokens(value);
  return assumed(tokens, tokens, tokens);
};

/** What the agent is told it may do. */
const actions = assumed(100, 350, 900);

/** The observations of half a trajectory, the first included. */
const halfWay = (plan: Plan): Estimate => {
  const { max_steps: most } = stageOf(plan, 'interact');
  return assumed(1, 1 + most / 4, 1 + most / 2);
};

export interface Guess {
  input: Estimate;
  output: Estimate;
}

const reply = (tokens: number, most: number): Estimate =>
  assumed(Math.min(most, tokens / 2), Math.min(most, tokens), most);

/** @param most tokens a reply may take */
export function guessOf(plan: Plan, role: string, most: number): Guess {
  const interact = stageOf(plan, 'interact');
  const observation = plan.spec.environments[interact.environment]?.observation.max_chars ?? 6000;
  const prompt = (name: string): Estimate => text(plan.prompts[name] ?? '');
  const place = text(placeOf(plan));
  switch (role) {
    case 'instruct': {
      const { per_document: wanted } = stageOf(plan, 'instruct');
      const size = plan.spec.sources[0]?.max_chars ?? 6000;
      return { input: sumTogether([prompt('instruct'), place, clipped(size)]), output: reply(20 + 30 * wanted, most) };
    }
    case 'decide':
    case 'query': {
      const earlier = times(clipped(interact.history_chars), halfWay(plan));
      const parts = [prompt(role === 'query' ? 'interact/query' : 'interact'), place, clipped(observation), earlier];
      return { input: sumTogether([...parts, actions]), output: reply(role === 'query' ? 30 : 80, most) };
    }
    default: {
      const chars = findStage(plan, 'construct')?.observation_chars ?? 3000;
      const shown = times(clipped(chars), halfWay(plan));
      if (role === 'relabel')
        return { input: sumTogether([prompt('construct/new-task'), shown]), output: reply(60, most) };
      const filter = stageOf(plan, 'filter');
      const criteria = Object.values(criteriaOf(filter)).map(({ ask }) => ask);
      const each = filter.committee.reasons === 'each' ? 45 : 8;
      const parts = [prompt('filter'), shown, text(criteria.join('\n'))];
      return { input: sumTogether(parts), output: reply(30 + each * criteria.length, most) };
    }
  }
}
