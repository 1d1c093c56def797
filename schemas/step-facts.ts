/** What the rules of the method need to know of a step: small enough to travel through a workflow's history. */

export interface StepFacts {
  /** index in the chain, 1 for the first action (schemas/step.ts) */
  index: number;
  /** canonical JSON of the action's name and arguments, without the reason; of a long one the beginning and a hash */
  action: string;
  /** `stateHash` of the observation after it */
  state: string;
  /** true when the action came back with an error */
  failed: boolean;
  /** true when `state` differs from the state before */
  changed: boolean;
  /** true when the place took no more actions after it */
  ended?: true;
}
