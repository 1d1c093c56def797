/** Where an example comes from, for formats that keep a place for such things. */
import type { JsonObject } from '../../../schemas/common.ts';
import type { Row } from '../../../schemas/dataset.ts';

/** The row without what the conversation tells; plain JSON. */
export function lineage(row: Row): JsonObject {
  const { id: _id, steps: _steps, observation: _observation, ...rest } = row;
  return JSON.parse(JSON.stringify(rest)) as JsonObject;
}
