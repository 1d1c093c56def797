/** Writes what is derived from the schemas: the editors' JSON Schema and the reference page. `node setup/generate.ts` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { editorSchema } from '../core/spec/editor-schema.ts';
import { reference } from './reference.ts';

/** Path below the repository → text of each generated file. */
export const generated = (): Record<string, string> => ({
  'schemas/pipeline.schema.json': `${JSON.stringify(editorSchema(), null, 2)}\n`,
  'docs/reference/pipeline.md': reference(),
});

if (import.meta.main) {
  for (const [path, text] of Object.entries(generated())) {
    const target = join(import.meta.dirname, '..', path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
    process.stdout.write(`${path}\n`);
  }
}
