/** The typed search attributes of runs: made where they are missing and may be made; where not, runs go without. */
import type { Client, Connection } from '@temporalio/client';
import { ServiceError } from '@temporalio/client';
import { type TemporalConfig, temporal } from '../../temporal.config.ts';

// temporal.api.enums.v1.IndexedValueType, by the names that the configuration uses.
const valueTypes = { KEYWORD: 2, INT: 3 } as const;
const words = { KEYWORD: 'Keyword', INT: 'Int' } as const;

type Wanted = TemporalConfig['searchAttributes'];

/** The names that a namespace lacks, with their types. Throws where the server does not say. */
export async function missingAttributes(
  connection: Connection,
  namespace: string,
  wanted: Wanted = temporal.searchAttributes,
): Promise<[name: keyof Wanted, type: 'KEYWORD' | 'INT'][]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const all = Object.entries(wanted) as [keyof Wanted, 'KEYWORD' | 'INT'][];
  return all.filter(([name]) => !(name in (customAttributes ?? {})));
}

/** Adds what is missing; gives what was added. Harmless to repeat. Throws where this client may not. */
export async function addAttributes(
  connection: Connection,
  namespace: string,
  wanted: Wanted = temporal.searchAttributes,
): Promise<string[]> {
  const missing = await missingAttributes(connection, namespace, wanted);
  if (missing.length === 0) return [];
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, valueTypes[type]]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  return missing.map(([name]) => name);
}

/** What an operator types to make them; Temporal Cloud has a command of its own. */
export function attributeCommands(namespace: string, wanted: Wanted = temporal.searchAttributes): string[] {
  const all = Object.entries(wanted) as [string, 'KEYWORD' | 'INT'][];
  const flags = all.map(([name, type]) => `--name ${name} --type ${words[type]}`);
  const cloud = all.map(([name, type]) => `--sa "${name}=${words[type]}"`);
  return [
    `temporal operator search-attribute create --namespace ${namespace} ${flags.join(' ')}`,
    `tcld namespace search-attributes add --namespace ${namespace} ${cloud.join(' ')}   (Temporal Cloud)`,
  ];
}

const lacking = (error: unknown): boolean =>
  error instanceof ServiceError &&
  error.cause !== undefined &&
  'code' in error.cause &&
  error.cause.code === 3 &&
  /search attribute/i.test(error.cause.message);

/** Milliseconds for which a server may go on denying attributes that it has just been given. */
const patience = 20_000;

/** Starts with attributes; where the namespace lacks them they are made, and where that is not allowed it is started without, which is said. */
export async function withAttributes(
  client: Client,
  start: () => Promise<unknown>,
  startWithout: () => Promise<unknown>,
  say: (line: string) => void,
): Promise<void> {
  const { namespace } = client.options;
  const once = async (): Promise<boolean> => {
    try {
      await start();
      return true;
    } catch (error) {
      if (lacking(error)) return false;
      throw error;
    }
  };
  if (await once()) return;
  try {
    await addAttributes(client.connection as Connection, namespace);
  } catch (error) {
    const why = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : error;
    say(`the namespace ${namespace} lacks search attributes, and they cannot be made from here (${String(why)}).`);
    say(
      'The run goes on without: the Temporal UI cannot find runs by stage, outcome or what they wait for. To have them:',
    );
    for (const command of attributeCommands(namespace)) say(`  ${command}`);
    await startWithout();
    return;
  }
  for (const end = Date.now() + patience; Date.now() < end; ) {
    if (await once()) return;
    await new Promise((wake) => setTimeout(wake, 250));
  }
  await startWithout();
}
