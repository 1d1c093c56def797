/** A place: a text file with one `key: value` a line. What an agent sees is the file. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ActionDefinition, defineEnvironment, type OwnObservation, record, Type } from 'learn-by-interact';

const key = { type: 'string', minLength: 1, maxLength: 40, pattern: '^[a-z]+$', description: 'Small letters.' };
const actions: ActionDefinition[] = [
  {
    name: 'set',
    description: 'Writes a note; one that is there already is replaced.',
    parameters: {
      type: 'object',
      properties: { key, value: { type: 'string', maxLength: 200, description: 'One line of text.' } },
      required: ['key', 'value'],
      additionalProperties: false,
    },
  },
  {
    name: 'remove',
    description: 'Takes a note away.',
    parameters: { type: 'object', properties: { key }, required: ['key'], additionalProperties: false },
  },
];

export default defineEnvironment({
  version: '1',
  about: 'A small file of notes, each with a key. Notes can be set and removed, and nothing else.',
  schema: {
    start: record('output', 'Notes that are there at the beginning.', Type.String(), {
      default: {},
      example: { milk: '2 litres' },
    }),
  },
  open: async ({ start }, { workdir }) => {
    const path = join(workdir, 'notes.txt');
    const write = (notes: Map<string, string>): Promise<void> =>
      writeFile(path, [...notes].map(([name, value]) => `${name}: ${value}\n`).join(''));
    const read = async (): Promise<Map<string, string>> => {
      const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
      return new Map(lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
    };
    const look = async (): Promise<OwnObservation> => {
      const notes = await read();
      const lines = [...notes].map(([name, value]) => `${name}: ${value}`);
      return {
        text: notes.size === 0 ? 'The file is empty.' : `The file of ${notes.size} notes:\n${lines.join('\n')}`,
        state: Object.fromEntries(notes),
      };
    };
    return {
      actions,
      reset: async () => {
        await mkdir(workdir, { recursive: true });
        await write(new Map(Object.entries(start)));
        return look();
      },
      step: async ({ name, arguments: given }) => {
        const notes = await read();
        const wanted = String(given.key);
        if (name === 'remove' && !notes.delete(wanted))
          return { observation: await look(), error: { class: 'failed', message: `There is no note "${wanted}".` } };
        if (name === 'set') notes.set(wanted, String(given.value).replaceAll('\n', ' '));
        await write(notes);
        return { observation: await look() };
      },
      close: () => rm(path, { force: true }),
    };
  },
});
