/** The runs that are open on a queue: listed raw, so that one which cannot be read here does not hide the others. */
import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Ref } from '../schemas/common.ts';
import { encryptionCodec, keyIdOf } from './encryption/codec.ts';

export interface OpenRun {
  workflowId: string;
  /** the payload that names its plan */
  memo: Payload | undefined;
  /** the key it is encrypted with; undefined for a run in the clear */
  keyId: string | undefined;
}

/** All of them, newest first. */
export async function* openRuns(client: Client, taskQueue: string): AsyncGenerator<OpenRun> {
  const { namespace } = client.options;
  const query = `WorkflowType = 'pipeline' AND ExecutionStatus = 'Running' AND TaskQueue = '${taskQueue}'`;
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await client.workflowService.listWorkflowExecutions({
      namespace,
      query,
      ...(nextPageToken === undefined ? {} : { nextPageToken }),
    });
    for (const { execution, memo } of page.executions ?? []) {
      const plan = memo?.fields?.plan ?? undefined;
      yield { workflowId: execution?.workflowId ?? '', memo: plan, keyId: plan && keyIdOf(plan) };
    }
    nextPageToken = page.nextPageToken.length > 0 ? page.nextPageToken : undefined;
  } while (nextPageToken !== undefined);
}

const codec = encryptionCodec();

/** The plan of an open run. Throws an operator error where no key here opens it. */
export async function planOf({ memo }: OpenRun): Promise<Ref | undefined> {
  if (memo === undefined) return undefined;
  const [payload] = await codec.decode([memo]);
  const ref: unknown = payload === undefined ? undefined : defaultPayloadConverter.fromPayload(payload);
  return typeof ref === 'string' ? ref : undefined;
}
