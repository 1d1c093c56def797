/** `--stage-budget construct=5 --stage-tokens filter=100000` of `lbi resume`: caps of single stages. */
import type { PaidStage, StageCaps } from '../schemas/flow.ts';
import { WrongCall } from './wrong-call.ts';

const stages: PaidStage[] = ['instruct', 'interact', 'construct', 'filter'];

/** Throws WrongCall for a stage that spends nothing, or no amount. */
export function stageCapsOf(options: { stageBudget?: string[]; stageTokens?: string[] }): StageCaps {
  const caps: StageCaps = {};
  for (const { name, amount } of (options.stageBudget ?? []).map((text) => read('--stage-budget', text)))
    caps[`${name}Usd`] = amount;
  for (const { name, amount } of (options.stageTokens ?? []).map((text) => read('--stage-tokens', text)))
    caps[`${name}Tokens`] = amount;
  return caps;
}

function read(option: string, text: string): { name: PaidStage; amount: number } {
  const [stage = '', number = ''] = text.split('=', 2);
  const name = stages.find((one) => one === stage.trim());
  const amount = Number(number);
  if (name !== undefined && number.trim() !== '' && Number.isFinite(amount) && amount >= 0) return { name, amount };
  const what =
    name === undefined
      ? `"${stage}" is not a stage that asks models (${stages.join(', ')})`
      : `"${number}" is not an amount`;
  throw new WrongCall(
    `${option} ${text}: ${what}; expected e.g. ${option} construct=${option === '--stage-budget' ? '5' : '100000'}`,
  );
}
