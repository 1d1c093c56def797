/** The YAML of the guide of baselines: the pipeline it begins with, and the stages of each baseline by the name in their comment. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'guides', 'baselines.md'), 'utf8');
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

export const whole = blocks.find((block) => block.startsWith('version:')) ?? '';

/** `rag` → `stages: …` */
export const baselines = new Map(
  blocks.flatMap((block) => {
    const [, name, stages] = /^# ([a-z ]+)\n(stages:\n[\s\S]*)$/.exec(block) ?? [];
    return name === undefined || stages === undefined ? [] : [[name, stages] as const];
  }),
);
