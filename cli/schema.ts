/** `lbi schema`: prints the JSON Schema (draft-07) that editors complete pipeline files with. */
import { editorSchema } from '../core/spec/editor-schema.ts';

/** The text of `pipeline.schema.json`. */
export const schemaText = (): string => `${JSON.stringify(editorSchema(), null, 2)}\n`;

/** Always exit code 0. */
export const schemaCommand = async (): Promise<number> => {
  process.stdout.write(schemaText());
  return 0;
};
