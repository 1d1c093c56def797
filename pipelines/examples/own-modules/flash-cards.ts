/** An export: one Markdown file a split, a card for every kept example. */
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineStage, text } from 'learn-by-interact';

export default defineStage({
  version: '1',
  takes: 'kept',
  gives: 'files',
  schema: {
    title: text('nothing', 'The first line of each file.', { default: 'Cards', example: 'How to keep notes' }),
  },
  run: async (rows, { parameters: { title }, folder, run }) => {
    const begun = new Set<string>();
    for await (const { split, instruction, steps } of rows) {
      const file = join(folder, `${split}.md`);
      if (!begun.has(split)) await appendFile(file, `# ${title}\n\nFrom the run ${run}.\n`);
      begun.add(split);
      const lines = steps.map(({ action, arguments: given }) => `1. ${action} ${JSON.stringify(given)}`);
      await appendFile(file, `\n## ${instruction}\n\n${lines.join('\n')}\n`);
    }
  },
});
