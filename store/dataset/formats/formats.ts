/** All formats by name: which files of a dataset each one makes. */
import type { Row } from '../../../schemas/dataset.ts';
import { type Format, type Split, splits } from '../../../schemas/format.ts';
import { type Conversation, conversationOf, type ExportContext } from '../conversation.ts';
import { adpMetadata, toAdp } from './adp.ts';
import { toAtif } from './atif.ts';
import { toChat, toSteps } from './openai.ts';
import { parquetBytes } from './parquet.ts';
import { datasetInfo, toShareGpt, toShareGptSteps } from './sharegpt.ts';
import { toTrl, toTrlSteps } from './trl.ts';

export interface OutFile {
  /** relative to the dataset's folder */
  path: string;
  content: string | Uint8Array;
  /** examples in it */
  rows: number;
  /** folder that stands for it where files are told of one by one */
  folder?: string;
}

interface Part {
  split: Split;
  rows: Row[];
  conversations: Conversation[];
}

type Writer = (parts: Part[], context: ExportContext) => OutFile[];

/** The files of one format; a split without rows has none. */
export function filesOf(format: Format, rows: Row[], context: ExportContext): OutFile[] {
  const parts = splits.flatMap((split): Part[] => {
    const part = rows.filter((row) => row.split === split);
    const conversations = part.map((row) => conversationOf(row, context));
    return part.length === 0 ? [] : [{ split, rows: part, conversations }];
  });
  return writers[format](parts, context);
}

const lines = (records: object[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const pretty = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** One JSON Lines file a split. */
const perSplit = (folder: string, parts: Part[], records: (conversation: Conversation) => object[]): OutFile[] =>
  parts.map(({ split, rows, conversations }) => ({
    path: `${folder}/${split}.jsonl`,
    content: lines(conversations.flatMap(records)),
    rows: rows.length,
  }));

const writers: Record<Format, Writer> = {
  openai: (parts, { facts, telling }) =>
    perSplit('chat', parts, (conversation) =>
      telling.chat === 'turns' ? [toChat(conversation)] : toSteps(conversation, facts).map(messagesOf),
    ),
  trl: (parts, { facts, telling }) =>
    perSplit('trl', parts, (conversation) =>
      telling.chat === 'turns' ? [toTrl(conversation, telling)] : toTrlSteps(conversation, facts),
    ),
  sharegpt(parts, { facts, telling }) {
    const files = perSplit('sharegpt', parts, (conversation) =>
      telling.chat === 'turns' ? [toShareGpt(conversation, telling)] : toShareGptSteps(conversation, facts),
    );
    const present = parts.map(({ split }) => split);
    return [...files, { path: 'sharegpt/dataset_info.json', content: pretty(datasetInfo(facts, present)), rows: 0 }];
  },
  atif: (parts, context) =>
    parts.flatMap(({ split, conversations }) =>
      conversations.map((conversation) => ({
        path: `atif/${split}/${conversation.row.id}.json`,
        content: pretty(toAtif(conversation, context)),
        rows: 1,
        folder: `atif/${split}/`,
      })),
    ),
  adp: (parts, context) => [
    ...perSplit('adp', parts, (conversation) => [toAdp(conversation)]),
    {
      path: 'adp/metadata.json',
      content: pretty(
        adpMetadata(
          parts.flatMap(({ conversations }) => conversations),
          context,
        ),
      ),
      rows: 0,
    },
  ],
  parquet: (parts) =>
    parts.map(({ split, rows }) => ({
      path: `data/${split}.parquet`,
      content: parquetBytes(rows),
      rows: rows.length,
    })),
};

const messagesOf = ({ system, user, reply }: ReturnType<typeof toSteps>[number]) => ({
  messages: [
    { role: 'system', content: system },
    { role: 'user', content: user },
    { role: 'assistant', content: reply },
  ],
});
