/** The YAML of the guide of baselines: the pipeline it begins with, and the part of it that each baseline changes, by the name in its comment. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'guides', 'baselines.md'), 'utf8');
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

export const whole = blocks.find((block) => block.startsWith('version:')) ?? '';

/** `rag` → `stages: …`; one that changes the sources begins with them. */
export const baselines = new Map(
  blocks.flatMap((block) => {
    const [, name, part] = /^# ([a-z ]+)\n((?:sources|stages):\n[\s\S]*)$/.exec(block) ?? [];
    return name === undefined || part === undefined ? [] : [[name, part] as const];
  }),
);

/** A pipeline with such a part in the place of its own. */
export const withPart = (pipeline: string, part: string): string =>
  pipeline.replace(part.startsWith('sources:') ? /^sources:[\s\S]*/m : /^stages:[\s\S]*/m, part);
