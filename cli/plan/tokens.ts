/** What replies really took, beside what was reckoned from the text of their questions. */
import type { Known } from '../../activities/ask.ts';
import { modelSpecOf } from '../../activities/plans.ts';
import { isOwn } from '../../core/own-path.ts';
import { estimateTokens } from '../../core/retrieval-text.ts';
import type { ModelRequest } from '../../models/model.ts';
import type { FullModel } from '../../schemas/pipeline/model.ts';
import type { Plan } from '../../schemas/plan.ts';

/** Sums over some replies. */
export interface Heard {
  calls: number;
  /** input tokens as reckoned from the text */
  reckoned: number;
  /** input tokens as the provider reported them */
  input: number;
  cached: number;
  cacheWrites: number;
  output: number;
}

/** Tokens that an image takes, roughly, with the providers that see. */
const imageTokens = 1500;

/** Input tokens of a question, from its text. */
export function reckonTokens({ system, messages }: ModelRequest): number {
  const parts = messages.flatMap(({ content }) => content);
  return parts.reduce(
    (all, part) => all + (part.type === 'text' ? estimateTokens(part.text) : imageTokens),
    estimateTokens(system),
  );
}

/** Replies of one voice and model from which means are taken. */
const enough = 300;

/** `relabel-new-task` and `relabel-replicate` are one voice. */
const voice = (role: string): string => (role.startsWith('relabel') ? 'relabel' : role);

/** The tokenizer behind a model, and what else makes its replies long or short. */
export const modelKey = (spec: FullModel): string =>
  `${spec.provider}:${spec.provider === 'scripted' || isOwn(spec) ? '' : spec.model}`;

export class Experience {
  readonly #heard = new Map<string, Heard>();

  hear(plan: Plan, { model, request, usage }: Known): void {
    // A prompt that was too long was never asked.
    if (usage.calls === 0) return;
    const key = `${voice(request.role)} ${modelKey(modelSpecOf(plan, model))}`;
    const before = this.#heard.get(key);
    if (before !== undefined && before.calls >= enough) return;
    const now: Heard = { ...usage, reckoned: reckonTokens(request) };
    this.#heard.set(key, before === undefined ? now : added(before, now));
  }

  /** Replies to this voice, by this model or (without one) by any. */
  of(role: string, model?: FullModel): Heard | undefined {
    return this.#sum((key) =>
      model === undefined ? key.startsWith(`${role} `) : key === `${role} ${modelKey(model)}`,
    );
  }

  /** All replies of a model. */
  by(model: FullModel): Heard | undefined {
    return this.#sum((key) => key.endsWith(` ${modelKey(model)}`));
  }

  #sum(wanted: (key: string) => boolean): Heard | undefined {
    const found = [...this.#heard].filter(([key]) => wanted(key)).map(([, heard]) => heard);
    return found.length === 0 ? undefined : found.reduce(added);
  }
}

const added = (a: Heard, b: Heard): Heard => ({
  calls: a.calls + b.calls,
  reckoned: a.reckoned + b.reckoned,
  input: a.input + b.input,
  cached: a.cached + b.cached,
  cacheWrites: a.cacheWrites + b.cacheWrites,
  output: a.output + b.output,
});
