/** What a module exports, as the plain data that the schema and the plan are made of. */
import { basename, extname } from 'node:path';
import type { TProperties } from 'typebox';
import type { OwnStage } from '../../activities/own-stage.ts';
import type { OwnEnvironment } from '../../environments/own.ts';
import type { OwnModel } from '../../models/own.ts';
import type { JsonObject } from '../../schemas/common.ts';
import type { OwnModule, OwnSort } from '../../schemas/own-module.ts';
import { strict } from '../../schemas/pipeline/key.ts';
import { Faulty } from './faults.ts';

const made = ['stage', 'environment', 'model'] as const satisfies OwnSort[];
const passing = ['documents', 'tasks', 'trajectories', 'examples', 'kept'];
const makers = 'export default defineStage({ … }), defineEnvironment({ … }) or defineModel({ … })';

/** Throws `Faulty` when the export is none of ours, or lacks something. */
export function describeModule(path: string, namespace: Record<string, unknown>): OwnModule {
  const exported = namespace.default;
  if (exported === undefined) {
    const others = Object.keys(namespace).join(', ');
    throw new Faulty({
      message: `${path} has no default export${others === '' ? '' : `; it exports ${others}`}`,
      fix: makers,
    });
  }
  const what = sortOf(exported);
  if (what === undefined)
    throw new Faulty({
      message: `the default export of ${path} is not made by one of the define functions`,
      fix: makers,
    });
  const { definition } = exported as OwnStage | OwnEnvironment | OwnModel;
  const { version, schema, name } = definition;
  const wants = (key: string, wanted: string): Faulty =>
    new Faulty({
      message: `${path}: "${key}" of its ${what} is missing or no ${wanted}`,
      fix: `give it in the module`,
    });
  if (typeof version !== 'string' || version === '') throw wants('version', "text, such as '1'");
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw wants('schema', 'map of keys');
  const start = what === 'stage' ? 'run' : 'open';
  if (typeof (definition as unknown as Record<string, unknown>)[start] !== 'function') throw wants(start, 'function');
  return {
    what,
    name: name ?? slug(path),
    version,
    ...keysOf(path, schema),
    ...(what === 'stage' ? items(path, definition as OwnStage['definition']) : {}),
    ...('about' in definition && typeof definition.about === 'string' ? { about: definition.about } : {}),
    ...('docs' in definition && definition.docs !== undefined ? { docs: true } : {}),
    ...('images' in definition && definition.images === true ? { images: true } : {}),
    ...('scripted' in definition && definition.scripted === true ? { scripted: true } : {}),
  };
}

/** By its mark, not by its class: a module may have its own copy of this package. */
const sortOf = (exported: unknown): OwnSort | undefined => {
  const mark = typeof exported === 'object' && exported !== null && 'made' in exported ? exported.made : undefined;
  return made.find((what) => mark === `learn-by-interact/${what}`);
};

const slug = (path: string): string =>
  basename(path, extname(path))
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 40);

function keysOf(path: string, schema: TProperties): Pick<OwnModule, 'properties' | 'required'> {
  const strange = Object.entries(schema).find(([, key]) => typeof key !== 'object' || key === null);
  if (strange !== undefined)
    throw new Faulty({
      message: `${path}: schema.${strange[0]} is no key`,
      fix: "make it with a builder of the package: text('output', 'What it means.', { example: '…' })",
    });
  const { properties, required } = JSON.parse(JSON.stringify(strict(schema))) as {
    properties?: JsonObject;
    required?: string[];
  };
  return { properties: properties ?? {}, required: required ?? [] };
}

function items(path: string, { takes, gives }: OwnStage['definition']): Pick<OwnModule, 'takes' | 'gives'> {
  if (passing.includes(takes) && (gives === takes || (takes === 'kept' && gives === 'files'))) return { takes, gives };
  throw new Faulty({
    message: `${path} takes ${String(takes)} and gives ${String(gives)}, and there is no such stage`,
    expected: [...passing.map((each) => `${each} → ${each}`), 'kept → files'],
  });
}
