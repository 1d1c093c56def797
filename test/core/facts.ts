/** Step facts from a terse notation, shared by the tests of windows and of being stuck. */
import type { StepFacts } from '../../schemas/step-facts.ts';

/** One step per word, `action:state`, with `!` behind it when the action failed: `open:s1 open:s1! back:s0`. */
export function facts(steps: string, initialState = 's0'): StepFacts[] {
  let before = initialState;
  return steps
    .split(' ')
    .filter((word) => word !== '')
    .map((word, at) => {
      const [action = '', state = ''] = word.replace('!', '').split(':');
      const changed = state !== before;
      before = state;
      return { index: at + 1, action, state, failed: word.endsWith('!'), changed };
    });
}
