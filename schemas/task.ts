/** A task: an instruction to try in an environment, with the document it was invented from. */
import type { Static } from 'typebox';
import { type Json, Ref } from './common.ts';
import { Type } from './type.ts';

export const Task = Type.Object({
  id: Type.String({ description: 'short, unique within a run, readable in the Temporal UI' }),
  instruction: Type.String(),
  document: Type.Union([Ref, Type.Null()], { description: 'the document, or null when there was none' }),
  documentId: Type.Union([Type.String(), Type.Null()]),
  corpus: Type.Optional(
    Type.Unsafe<Ref>({
      ...Ref,
      description: 'the list of documents that its attempts may be shown (knowledge.documents)',
    }),
  ),
  attempt: Type.Integer({ minimum: 0 }),
  seed: Type.Integer(),
  setup: Type.Optional(Type.Unsafe<Json>({ description: 'the state of the environment that it begins from' })),
});
export type Task = Static<typeof Task>;
