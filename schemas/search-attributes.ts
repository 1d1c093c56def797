/** Names of the typed search attributes that runs and episodes carry, so that one query in the Temporal UI finds them. */
export const searchAttributes = {
  run: 'LbiRun',
  pipeline: 'LbiPipeline',
  stage: 'LbiStage',
  outcome: 'LbiOutcome',
  blockedOn: 'LbiBlockedOn',
  done: 'LbiDone',
  kept: 'LbiKept',
} as const;
