/** Times that cannot work together: a stage that gives up before its model does, and time-outs that no sign of life can beat. */
import { isOwnPath } from '../../own-path.ts';
import { at, itemsAt, type Path, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Checks the time-outs of each stage against those of its models and against the workers' signs of life. */
export const checkTiming = (check: Check): void => {
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    const timeout = secondsAt(stage, 'timeout');
    if (timeout === undefined) return;
    const path: Path = ['stages', index, 'timeout'];
    const { heartbeatSeconds } = check.knowing;
    // A stage of the user's own is timed inside its call, which lives on meanwhile.
    const own = isOwnPath(textAt(stage, 'uses'));
    if (!own && heartbeatSeconds !== undefined && timeout < heartbeatSeconds) {
      report(check, path, {
        code: 'timing',
        severity: 'warning',
        message: `a call is given up after ${timeout} s, before its worker could count as lost (no sign of life for ${heartbeatSeconds} s)`,
        fix: `give it ${heartbeatSeconds} s or more, or lower LBI_HEARTBEAT`,
      });
    }
    for (const name of modelsOf(stage)) {
      const longest = secondsAt(check.tree, 'models', name, 'timeout');
      if (longest === undefined || longest <= timeout) continue;
      report(check, path, {
        code: 'timing',
        severity: 'warning',
        message: `the stage gives a call up after ${timeout} s, while models.${name} may take ${longest} s: an answer that comes later is paid for and lost`,
        fix: `timeout: ${longest} here, or a shorter one at models.${name}`,
      });
      return;
    }
  });
};

const modelsOf = (stage: Tree): string[] =>
  [
    textAt(stage, 'model'),
    textAt(stage, 'knowledge', 'model', 'query_model'),
    ...itemsAt(stage, 'committee', 'members').map((member) => textAt(member) ?? textAt(member, 'model')),
  ].filter((name) => name !== undefined);

const secondsAt = (tree: Tree | undefined, ...path: Path): number | undefined => {
  const node = at(tree, ...path);
  return node?.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
};
