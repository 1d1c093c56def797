/** What lbi counts beside Temporal's own metrics: model calls, tokens, cost, refusals by providers, failures, steps, episodes, kept examples. */
import type { MetricCounter, MetricMeter } from '@temporalio/common';
import { LbiError, ModelError } from '../../core/errors.ts';
import type { ModelReply } from '../../models/model.ts';
import type { Activities } from '../../schemas/activities.ts';
import type { EpisodeEntry } from '../../schemas/flow.ts';

export interface Counters {
  answered(labels: ModelLabels, reply: ModelReply): void;
  refused(labels: ModelLabels, error: unknown): void;
  done(activity: string, input: unknown, pipeline: string): void;
  failed(activity: string, error: unknown, pipeline: string): void;
}

export interface ModelLabels {
  pipeline: string;
  /** name of the model in the pipeline */
  model: string;
  /** whose voice asked: instruct, decide, relabel, vote, query */
  role: string;
}

const millionths = 1e6;

export function countersOf(meter: MetricMeter): Counters {
  const make = (name: string, description: string, unit?: string): MetricCounter =>
    meter.createCounter(`lbi_${name}`, unit, description);
  const calls = make('model_calls', 'Answers that models were paid for');
  const tokens = make('model_tokens', 'Tokens, by kind: input, cached (a part of input), output');
  const cost = make('model_cost_micro_usd', 'Cost in millionths of a US dollar');
  const errors = make('model_errors', 'Calls that gave no answer, by kind; 429s have the status 429');
  const failures = make('activity_failures', 'Attempts of activities that failed, by kind');
  const steps = make('steps', 'Actions taken in environments');
  const episodes = make('episodes', 'Tasks that came to an end, by outcome');
  const kept = make('examples_accepted', 'Examples that the committee accepted');
  const record = ({ outcome, kept: accepted, reused }: EpisodeEntry, pipeline: string): void => {
    episodes.add(1, { pipeline, outcome, reused });
    if (!reused) kept.add(accepted, { pipeline });
  };
  return {
    answered: ({ pipeline, model, role }, { usage, stop }) => {
      const labels = { pipeline, model, role };
      calls.add(1, { ...labels, stop });
      tokens.add(usage.input, { ...labels, kind: 'input' });
      tokens.add(usage.cached, { ...labels, kind: 'cached' });
      tokens.add(usage.output, { ...labels, kind: 'output' });
      if (usage.usd > 0) cost.add(Math.round(usage.usd * millionths), labels);
    },
    refused: ({ pipeline, model, role }, error) => {
      const kind = error instanceof LbiError ? error.kind : 'unexpected';
      const status = error instanceof ModelError ? (error.status ?? 0) : 0;
      errors.add(1, { pipeline, model, role, kind, status });
    },
    done: (activity, input, pipeline) => {
      if (activity === ('act' satisfies keyof Activities)) steps.add(1, { pipeline });
      if (activity === ('record' satisfies keyof Activities))
        for (const entry of (input as { entries: EpisodeEntry[] }).entries) record(entry, pipeline);
    },
    failed: (activity, error, pipeline) => failures.add(1, { pipeline, activity, kind: kindOf(error) }),
  };
}

/** The kind of the house error behind a failure, which is the failure's type; other types are bounded in number by being left out. */
export function kindOf(error: unknown): string {
  if (error instanceof Error && 'type' in error && typeof error.type === 'string') return error.type;
  return error instanceof Error && error.name === 'CancelledFailure' ? 'cancelled' : 'other';
}
