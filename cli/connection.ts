/** Which Temporal server this project talks to: the one its environment or profile names, else its own. */

import { Client, Connection, type ConnectionOptions, isGrpcServiceError } from '@temporalio/client';
import { LbiError } from '../core/errors.ts';
import { temporal } from '../temporal.config.ts';
import { dataConverter } from './encryption/converter.ts';
import { program } from './home.ts';
import { refused } from './server/refused.ts';
import { serverStatus } from './server/server.ts';

/** gRPC's code of PERMISSION_DENIED. */
const denied = 7;

export interface Place {
  connectionOptions: ConnectionOptions;
  namespace: string;
  /** address of the Temporal UI, where known */
  ui: string | null;
}

/** Throws an operator error when there is no server to talk to. */
export async function whichServer(home: string): Promise<Place> {
  if (temporal.external !== undefined) {
    const { connection, namespace } = temporal.external;
    return { connectionOptions: connection as ConnectionOptions, namespace, ui: process.env.LBI_TEMPORAL_UI ?? null };
  }
  const status = await serverStatus(home);
  if (status.state !== 'running' || status.address === undefined) {
    throw new LbiError('operator', `the Temporal server of this project is not running: ${program} up`);
  }
  return {
    connectionOptions: { address: status.address },
    namespace: temporal.server.namespace,
    ui: status.uiUrl ?? null,
  };
}

/** A client that reads and writes as the workers do. Throws an operator error that says why a server refuses. */
export async function openClient({ connectionOptions, namespace }: Place): Promise<Client> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect(connectionOptions);
    if (temporal.external !== undefined) await knock(connection, namespace);
    return new Client({ connection, namespace, dataConverter: dataConverter() });
  } catch (error) {
    await connection?.close();
    throw refused(error, connectionOptions.address ?? '', namespace);
  }
}

/** Asks for the namespace: what only waits for news of a run would wait for ever in one that is not there. */
async function knock(connection: Connection, namespace: string): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    // A narrow key may use a namespace and not describe it.
    if (!isGrpcServiceError(error) || error.code !== denied) throw error;
  }
}

/** Runs the work with a client and closes the connection. */
export async function withClient<T>(home: string, work: (client: Client, place: Place) => Promise<T>): Promise<T> {
  const place = await whichServer(home);
  const client = await openClient(place);
  try {
    return await work(client, place);
  } catch (error) {
    throw refused(error, place.connectionOptions.address ?? '', place.namespace);
  } finally {
    await client.connection.close();
  }
}

/** The page of a workflow in the Temporal UI. */
export const workflowPage = (place: Place, workflowId: string): string | null =>
  place.ui === null ? null : `${place.ui}/namespaces/${place.namespace}/workflows/${encodeURIComponent(workflowId)}`;
