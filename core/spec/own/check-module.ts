/** Whether what a module says of itself can become a variant of the pipeline's schema. */
import { Ajv } from 'ajv';
import type { OwnModule } from '../../../schemas/own-module.ts';
import { pipelineSchema, type SchemaNode, tagValues, vocabulary } from '../schema.ts';
import { commonKeys, extendSchema, familyOf, tagOf } from './extend-schema.ts';
import type { ModuleFault } from './named-modules.ts';

const named = /^[a-z][a-z0-9-]{0,39}$/;
const builders = 'whole, number, text, flag, choice, list, record or section of "learn-by-interact"';

/** What is wrong with it, or undefined. `path` is how messages call the module. */
export const checkModule = (path: string, module: OwnModule): ModuleFault | undefined => {
  if (!named.test(module.name))
    return {
      message: `${path} is called "${module.name}", which cannot be a name`,
      expected: ['a small letter first, then small letters, digits and -'],
      fix: `name: '…' in the module`,
    };
  if (tagValues(familyOf(pipelineSchema, module.what)).includes(module.name))
    return {
      message: `${path} is called "${module.name}", and so is one of the ${module.what}s that come with the program`,
      fix: `name: '…' in the module`,
    };
  const common = [tagOf[module.what], ...Object.keys(commonKeys(module.what, module))];
  const taken = Object.keys(module.properties).find((name) => common.includes(name));
  if (taken !== undefined)
    return {
      message: `the schema of ${path} has the key "${taken}", which every ${module.what} has already`,
      fix: 'give it another name',
    };
  return checkKeys(path, module.properties as Record<string, SchemaNode>, 'schema') ?? checkCompiles(path, module);
};

const checkKeys = (path: string, keys: Record<string, SchemaNode>, where: string): ModuleFault | undefined => {
  for (const [name, schema] of Object.entries(keys)) {
    const place = `${where}.${name}`;
    if (!/^[a-z][a-z0-9_]*$/.test(name))
      return { message: `${path}: ${place} cannot be a key`, expected: ['small letters, digits and _'] };
    if (typeof schema !== 'object' || schema === null || schema['x-effect'] === undefined || !schema.description)
      return {
        message: `${path}: ${place} does not say what it means and what a change of it does`,
        fix: `make it with ${builders}`,
      };
    if ((schema.type === 'integer' || schema.type === 'number') && schema['x-unit'] === undefined)
      return { message: `${path}: ${place} is a number without a unit`, fix: `make it with ${builders}` };
    const below = schema.properties === undefined ? undefined : checkKeys(path, schema.properties, place);
    if (below !== undefined) return below;
  }
  return undefined;
};

/** Defaults and examples must fit their own keys: a default that does not would only show in a run. */
const checkCompiles = (path: string, module: OwnModule): ModuleFault | undefined => {
  const ajv = new Ajv({ discriminator: true, strict: true });
  ajv.addVocabulary([...vocabulary]);
  ajv.addFormat('uri', (text) => URL.canParse(text));
  try {
    const schema = extendSchema([{ what: module.what, path: './module.ts', module }]);
    const { $id: _id, ...own } = schema as SchemaNode & { $id?: string };
    ajv.compile(own);
    for (const [name, key] of Object.entries(module.properties as Record<string, SchemaNode>)) {
      const shown = [...(key.default === undefined ? [] : [key.default]), ...(key.examples ?? [])];
      const wrong = shown.find((value) => !ajv.validate(key, value));
      if (wrong === undefined) continue;
      const why = ajv.errorsText(ajv.errors, { dataVar: name });
      return { message: `${path}: schema.${name} has the default or example ${JSON.stringify(wrong)}: ${why}` };
    }
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { message: `${path}: its schema is no schema: ${why}`, fix: `make it with ${builders}` };
  }
};
