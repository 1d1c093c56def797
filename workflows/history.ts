/** Whether an execution has grown so long that it should go on in another. */
import { workflowInfo } from '@temporalio/workflow';

/** @param events after which it is long whatever the server advises; null leaves it to the server */
export function historyIsLong(events: number | null): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || (events !== null && historyLength >= events);
}
