/** What the namespace of the embedded server needs at every boot: retention and search attributes. */
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { LbiError } from '../../core/errors.ts';
import type { TemporalConfig } from '../../temporal.config.ts';

// temporal.api.enums.v1.IndexedValueType, by the names that the configuration uses.
const valueTypes = { KEYWORD: 2, INT: 3 } as const;

/** Waits for the server to serve, then sets retention and adds the attributes that are missing; harmless to repeat. */
export async function prepareNamespace(address: string, config: TemporalConfig, waitMs: number): Promise<void> {
  const connection = await connectWithin(address, config, waitMs);
  try {
    await setRetention(connection, config.server.namespace, config.server.retentionDays);
    await addSearchAttributes(connection, config.server.namespace, config.searchAttributes);
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

async function addSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: TemporalConfig['searchAttributes'],
): Promise<void> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(wanted).filter(([name]) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, valueTypes[type]]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}
