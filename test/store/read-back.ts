/** Reads exported records back into the parts of a row that their format carries: the proof that nothing was lost on the way. */
import { parquetReadObjects } from 'hyparquet';
import type { JsonObject } from '../../schemas/common.ts';
import type { Row, RowStep } from '../../schemas/dataset.ts';
import type { AdpTrajectory, AtifTrajectory, OpenAiChat, ShareGpt, TrlConversation } from '../../schemas/formats.ts';

/** What every conversation tells of a row; the reasons are left out where the format has no place for them. */
export interface Told {
  instruction: string;
  observation: string;
  steps: (Omit<RowStep, 'reason'> & { reason?: string })[];
}

export const toldOf = ({ instruction, observation, steps }: Row): Told => ({ instruction, observation, steps });

const marker = 'What the place shows now:\n\n';

/** `Your task: …` and the block of the first observation. */
function readFirst(text: string): { instruction: string; observation: string } {
  const [, instruction = '', observation = ''] =
    /^Your task: ([\s\S]*?)\n\nWhat the place shows now:\n\n<observation>\n([\s\S]*)\n<\/observation>$/.exec(text) ??
    [];
  return { instruction, observation };
}

/** The answer of a tool: an error, where there is one, and what was seen. */
function readResult(text: string): Pick<RowStep, 'error' | 'observation'> {
  const [, error, observation] =
    new RegExp(`^The action failed: ([\\s\\S]*?)\\n\\n${marker}([\\s\\S]*)$`).exec(text) ?? [];
  return error === undefined ? { observation: text } : { error, observation: observation ?? '' };
}

export function fromChat({ messages }: OpenAiChat): Told {
  const [, first, ...rest] = messages;
  const steps: Told['steps'] = [];
  for (let at = 0; at + 1 < rest.length; at += 2) {
    const { reason, action } = JSON.parse(rest[at]?.content ?? '') as { reason: string; action: JsonObject };
    const { name, ...given } = action;
    const present = Object.entries(given).filter(([, value]) => value !== null);
    const named = present.map(([key, value]) => [key.replace(/^(name_*)_$/, '$1'), value]);
    const [, failed, seen = ''] =
      /^(?:The action failed: ([\s\S]*?)\n\n)?What the place shows now:\n\n<observation>\n([\s\S]*)\n<\/observation>$/.exec(
        rest[at + 1]?.content ?? '',
      ) ?? [];
    const step = { reason, action: String(name), arguments: Object.fromEntries(named), observation: seen };
    steps.push({ ...step, ...(failed === undefined ? {} : { error: failed }) });
  }
  return { ...readFirst(first?.content ?? ''), steps };
}

export function fromTrl({ messages }: TrlConversation): Told {
  const [, first, ...rest] = messages;
  const steps = rest.flatMap((message, at): Told['steps'] => {
    const result = rest[at + 1];
    if (message.role !== 'assistant' || result?.role !== 'tool') return [];
    const called = message.tool_calls[0]?.function;
    if (called === undefined) return [];
    return [
      { reason: message.content, action: called.name, arguments: called.arguments, ...readResult(result.content) },
    ];
  });
  return { ...readFirst(first?.content ?? ''), steps };
}

export function fromShareGpt({ conversations }: ShareGpt): Told {
  const steps = conversations.flatMap(({ from, value }, at): Told['steps'] => {
    const result = conversations[at + 1];
    if (from !== 'function_call' || result === undefined) return [];
    const { name, arguments: given } = JSON.parse(value) as { name: string; arguments: JsonObject };
    return [{ action: name, arguments: given, ...readResult(result.value) }];
  });
  return { ...readFirst(conversations[0]?.value ?? ''), steps };
}

/** The whole row: what is not told by the steps is in `extra`. */
export function fromAtif({ steps: told, trajectory_id: id, extra }: AtifTrajectory): Row {
  const { observation } = readFirst(told[0]?.message ?? '');
  const steps = told.flatMap(({ message, tool_calls, observation: seen }): RowStep[] => {
    const [called, result] = [tool_calls?.[0], seen?.results[0]];
    if (called === undefined || result === undefined) return [];
    return [
      { reason: message, action: called.function_name, arguments: called.arguments, ...readResult(result.content) },
    ];
  });
  return { ...(extra as unknown as Omit<Row, 'id' | 'steps' | 'observation'>), id, observation, steps };
}

/** The whole row, from `details`. */
export function fromAdp({ content, id, details }: AdpTrajectory): Row {
  const [first] = content;
  const steps = content.flatMap((item, at): RowStep[] => {
    const result = content[at + 1];
    if (item.class_ !== 'api_action' || result?.class_ !== 'text_observation') return [];
    const { function: action, kwargs, description: reason } = item;
    return [{ reason, action, arguments: kwargs, ...readResult(result.content) }];
  });
  const { observation } = readFirst(first?.class_ === 'text_observation' ? first.content : '');
  return { ...(details as unknown as Omit<Row, 'id' | 'steps' | 'observation'>), id, observation, steps };
}

/** The rows of a Parquet file; the split is not in it. */
export async function fromParquet(bytes: Uint8Array): Promise<Omit<Row, 'split'>[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const found = await parquetReadObjects({ file });
  return found.map((each) => {
    const { actions, document, steps, votes, ...rest } = each as unknown as Columns;
    return {
      ...rest,
      ...(actions == null ? {} : { actions }),
      document: document == null ? null : (present(document) as NonNullable<Row['document']>),
      steps: steps.map((step) => present({ ...step, arguments: JSON.parse(step.arguments) }) as RowStep),
      votes: votes.map(
        ({ criteria, ...vote }) =>
          present({
            ...vote,
            criteria: Object.fromEntries(criteria.map(({ name, ...answer }) => [name, answer])),
          }) as Row['votes'][number],
      ),
    };
  });
}

/** A row as the columns have it: left-out members are null there, arguments are JSON, criteria a list. */
type Columns = Omit<Row, 'split' | 'actions' | 'steps' | 'votes'> & {
  actions: string | null | undefined;
  steps: (Omit<RowStep, 'arguments'> & { arguments: string })[];
  votes: (Omit<Row['votes'][number], 'criteria'> & { criteria: { name: string; yes: boolean; reason: string }[] })[];
};

const present = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== undefined));
