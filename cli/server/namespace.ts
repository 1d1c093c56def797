/** What the namespace of the embedded server needs at every boot: retention and search attributes. */
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { LbiError } from '../../core/errors.ts';
import type { TemporalConfig } from '../../temporal.config.ts';
import { addAttributes } from './attributes.ts';

/** Waits for the server to serve, then sets retention and adds the attributes that are missing; harmless to repeat. */
export async function prepareNamespace(address: string, config: TemporalConfig, waitMs: number): Promise<void> {
  const connection = await connectWithin(address, config, waitMs);
  try {
    await setRetention(connection, config.server.namespace, config.server.retentionDays);
    await addAttributes(connection, config.server.namespace, config.searchAttributes);
  } finally {
    await connection.close();
  }
}

async function connectWithin(address: string, config: TemporalConfig, waitMs: number): Promise<Connection> {
  const end = Date.now() + waitMs;
  for (;;) {
    let connection: Connection | undefined;
    try {
      connection = await Connection.connect({ address, connectTimeout: Math.min(5000, waitMs) });
      const { status } = await connection.healthService.check({
        service: 'temporal.api.workflowservice.v1.WorkflowService',
      });
      await connection.workflowService.describeNamespace({ namespace: config.server.namespace });
      if (status === 1) return connection;
      throw new Error(`health status ${status}`);
    } catch (cause) {
      await connection?.close();
      if (Date.now() > end) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new LbiError('operator', `The Temporal server at ${address} does not serve: ${why}`, { cause });
      }
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }
}

async function setRetention(connection: Connection, namespace: string, days: number): Promise<void> {
  const wanted = days * 86_400;
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) === wanted) return;
  const workflowExecutionRetentionTtl = msToTs(wanted * 1000);
  await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
}
