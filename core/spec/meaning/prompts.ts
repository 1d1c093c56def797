/** Prompt files: their sections and variables, reported where the pipeline names the file. */
import { promptVariables } from '../../prompt.ts';
import { promptFaults } from '../../prompt-faults.ts';
import { pathFrom } from '../relative.ts';
import { entriesAt, itemsAt, type Path, type Scalar, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** What the prompts of each stage are filled with; a query is a prompt of its own. */
const kinds = { instruct: 'instruct', interact: 'decide', construct: 'relabel', filter: 'vote' } as const;

/** Checks every prompt file that a stage names and that can be read. */
export const checkPrompts = (check: Check): void => {
  const { fileText } = check.knowing;
  if (fileText === undefined) return;
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    const uses = textAt(stage, 'uses') ?? '';
    if (!Object.hasOwn(kinds, uses)) return;
    for (const { path, file } of promptsOf(stage)) {
      const text = fileText(pathFrom(file));
      if (text === undefined) continue;
      const kind = path[0] === 'knowledge' ? 'query' : kinds[uses as keyof typeof kinds];
      for (const { message, line, fix } of promptFaults(text, promptVariables[kind])) {
        report(check, ['stages', index, ...path], {
          code: 'prompt',
          message: `${file.value}:${line}: ${message}`,
          fix,
        });
      }
    }
  });
};

/** The files under the keys `prompt` and `prompts` of a stage, wherever they stand in it. */
const promptsOf = (tree: Tree, path: Path = []): { path: Path; file: Scalar & { value: string } }[] => {
  if (tree.kind === 'list') return tree.items.flatMap((item, index) => promptsOf(item, [...path, index]));
  return entriesAt(tree).flatMap(([name, { value }]) => {
    const here = [...path, name];
    if (value.kind !== 'scalar') return promptsOf(value, here);
    const named = name === 'prompt' || path.at(-1) === 'prompts';
    return named && typeof value.value === 'string' ? [{ path: here, file: { ...value, value: value.value } }] : [];
  });
};
