/** A window of a trajectory and the example made of it: an (instruction, window) pair. */
import type { Static } from 'typebox';
import { Ref } from './common.ts';
import { Type } from './type.ts';

/**
 * A stretch of a trajectory: observations `from` … `to` inclusive, 0 ≤ from < to ≤ n, so `to - from` actions.
 * `steps` are the chain indices that remain after repeated steps were dropped (paper §2.3, app. F); the first is
 * `from + 1`, the last is `to`.
 */
export const Window = Type.Object({
  from: Type.Integer({ minimum: 0 }),
  to: Type.Integer({ minimum: 1 }),
  steps: Type.Array(Type.Integer()),
});
export type Window = Static<typeof Window>;

/** `new-task`: the purpose, abstracted; `replicate`: the steps, summarised; `original`: the task as it was posed. */
export const Style = Type.Union([Type.Literal('new-task'), Type.Literal('replicate'), Type.Literal('original')]);
export type Style = Static<typeof Style>;

export const Example = Type.Object({
  instruction: Type.String(),
  style: Style,
  window: Window,
  /** the chain the window is cut from */
  head: Ref,
  task: Ref,
  environment: Type.String(),
});
export type Example = Static<typeof Example>;
