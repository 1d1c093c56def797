/** A step of a trajectory and the trajectory itself: a chain in which each stored step names its parent. */
import type { Static } from 'typebox';
import { Ref, Usage } from './common.ts';
import { Action, Observation, StepError } from './observation.ts';
import { Type } from './type.ts';

/**
 * One link of the chain. The root (index 0) holds only the first observation; link i holds the i-th action, its reason
 * and the observation after it. The ref of the newest link, the *head*, is a whole trajectory, as with commits.
 */
export const Step = Type.Object({
  parent: Type.Union([Ref, Type.Null()]),
  index: Type.Integer({ minimum: 0 }),
  reason: Type.String(),
  action: Type.Union([Action, Type.Null()], { description: 'null at the root' }),
  observation: Observation,
  error: Type.Optional(StepError),
  actions: Type.Optional(
    Type.Unsafe<Ref>({ ...Ref, description: 'at the root: the stored action definitions that the agent is told of' }),
  ),
});
export type Step = Static<typeof Step>;

/** How a trajectory ended. `failed` carries a reason of infrastructure or model and is never a negative label. */
export const Outcome = Type.Union([
  Type.Literal('finished'),
  Type.Literal('step-limit'),
  Type.Literal('stuck'),
  Type.Literal('failed'),
]);
export type Outcome = Static<typeof Outcome>;

export const Trajectory = Type.Object({
  task: Ref,
  environment: Type.String(),
  head: Ref,
  steps: Type.Integer({ description: 'number of actions n; observations are n + 1' }),
  outcome: Outcome,
  detail: Type.String({ description: 'why it ended so, one sentence' }),
  answer: Type.Optional(Type.String({ description: 'what the agent said when it finished' })),
  score: Type.Optional(
    Type.Number({ description: "what the environment's `verify` gave it, 0 to 1; left out when it was not verified" }),
  ),
  scoreDetail: Type.Optional(Type.String({ description: 'what the score rests on, or why there is none' })),
  recovered: Type.Integer({ description: 'times the session was opened again after it was lost' }),
  diverged: Type.Optional(
    Type.Array(Type.Integer(), {
      description:
        'of each time that the replay of the actions came to another state and the task began anew: after which action (0: at the first observation); left out when none did',
    }),
  ),
  usage: Usage,
});
export type Trajectory = Static<typeof Trajectory>;
