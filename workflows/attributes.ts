/** Typed search attributes, where the run was started with any: setting one that the namespace lacks would fail the workflow's task for ever. */
import { defineSearchAttributeKey, type SearchAttributePair, type SearchAttributeUpdatePair } from '@temporalio/common';
import { upsertSearchAttributes as upsert, workflowInfo } from '@temporalio/workflow';
import { searchAttributes } from '../schemas/search-attributes.ts';

const runKey = defineSearchAttributeKey(searchAttributes.run, 'KEYWORD');

const carried = (): boolean => workflowInfo().typedSearchAttributes.get(runKey) !== undefined;

export function upsertSearchAttributes(pairs: SearchAttributeUpdatePair[]): void {
  if (carried()) upsert(pairs);
}

/** For a child: those of its parent's kind, or none. */
export const childAttributes = (pairs: SearchAttributePair[]): { typedSearchAttributes?: SearchAttributePair[] } =>
  carried() ? { typedSearchAttributes: pairs } : {};
