/** Money: with a budget in dollars, every model that a stage uses must have a price. */
import { at, entriesAt, itemsAt, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Providers that run here and cost nothing. */
const free = ['local', 'scripted'];

/** A model without a price would spend past the budget unseen. */
export const checkMoney = (check: Check): void => {
  const { knownPrice } = check.knowing;
  const capped = capIn(check);
  if (capped === undefined || knownPrice === undefined) return;
  const used = usedModels(check);
  for (const [name, { value }] of entriesAt(check.tree, 'models')) {
    const provider = textAt(value, 'provider') ?? '';
    const model = textAt(value, 'model');
    if (!used.has(name) || free.includes(provider) || model === undefined || at(value, 'price') !== undefined) continue;
    if (knownPrice(provider, model)) continue;
    const own = /^https?:\/\/(127\.|localhost|\[::1\])/.test(textAt(value, 'base_url') ?? '');
    report(check, ['models', name, 'model'], {
      code: 'budget',
      message: `${capped} is set, but no price is known for ${provider} "${model}"`,
      fix: own
        ? `your own server costs nothing: add price: { input: 0, output: 0 }`
        : 'add price: { input: …, output: … } in US dollars per million tokens',
    });
  }
};

/** The first cap in dollars: of the run, of a stage, or of a task. */
const capIn = ({ tree }: Check): string | undefined => {
  if (at(tree, 'budget', 'usd') !== undefined) return 'budget.usd';
  for (const stage of itemsAt(tree, 'stages'))
    for (const key of ['budget', 'task_budget'])
      if (at(stage, key, 'usd') !== undefined) return `stages.${textAt(stage, 'uses') ?? ''}.${key}.usd`;
  return undefined;
};

const usedModels = (check: Check): Set<string> => {
  const names = itemsAt(check.tree, 'stages').flatMap((stage) => [
    textAt(stage, 'model'),
    textAt(stage, 'knowledge', 'model', 'query_model'),
    ...itemsAt(stage, 'committee', 'members').map((item) => textAt(item) ?? textAt(item, 'model')),
  ]);
  return new Set(names.filter((name) => name !== undefined));
};
