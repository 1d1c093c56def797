/** `lbi schema`: prints the JSON Schema (draft-07) that editors complete pipeline files with. */
import { editorSchema } from '../core/spec/editor-schema.ts';
import { schemaWith } from '../core/spec/own/extend-schema.ts';
import type { OwnModules } from '../schemas/own-module.ts';
import { readPipelineFile, unreadable } from './pipeline-file.ts';
import { WrongCall } from './wrong-call.ts';

/** The text of `pipeline.schema.json`; with modules, of one for the file that names them. */
export const schemaText = (own?: OwnModules): string => `${JSON.stringify(editorSchema(schemaWith(own)), null, 2)}\n`;

/** With a pipeline file, the schema that also knows the keys of its own modules. Exit code 0, or 3 when one of them is faulty. */
export const schemaCommand = async (options: { pipeline?: string } = {}): Promise<number> => {
  const { pipeline } = options;
  if (pipeline === undefined) {
    process.stdout.write(schemaText());
    return 0;
  }
  const { modules } = await readPipelineFile(pipeline).catch((error: unknown) => {
    throw new WrongCall(unreadable(pipeline, error));
  });
  const usable: OwnModules = {};
  let faulty = 0;
  for (const [path, module] of Object.entries(modules)) {
    if ('fault' in module) {
      faulty += 1;
      process.stderr.write(`${path}: ${module.fault.message}\n`);
    } else usable[path] = module;
  }
  process.stdout.write(schemaText(Object.keys(usable).length === 0 ? undefined : usable));
  return faulty === 0 ? 0 : 3;
};
