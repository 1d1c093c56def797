/** One fault of the tree → one problem in words, at the key or value that a person must edit. */
import { type Place, type Problem, position, problemAt, type Words } from './problem.ts';
import { accepts, isMap, pipelineSchema, propertyOf, type SchemaNode, tagValues } from './schema.ts';
import { meant, nearest } from './suggest.ts';
import { at, keyPlace, showPath, toJson } from './tree.ts';
import { type Fault, inKind, show, typeFix, wanted } from './value-words.ts';

/** Problems for one fault; none when another problem already says it. */
export const explain = (fault: Fault): Problem[] => {
  const { node, keyword, name = '' } = fault;
  const isWhole = !(node.kind === 'map' && node.partial === true);
  switch (keyword) {
    case 'additionalProperties':
      return [unknownKey(fault, name)];
    case 'required':
      return isWhole && !isMisspelt(fault, name) ? [missingKey(fault, name)] : [];
    case 'tag':
      if (at(node, name) !== undefined) return [wrongTag(fault, name)];
      return isWhole ? [missingTag(fault, name)] : [];
    case 'type':
      return wrongType(fault);
    case 'anyOf':
      return [fault.schema['x-told-by'] === undefined ? wrongValue(fault) : wrongShape(fault)];
    case 'propertyNames':
      return [wrongName(fault, name)];
    default:
      return [wrongValue(fault)];
  }
};

const make = (fault: Fault, place: Place, words: Words): Problem => {
  const via = fault.node.via;
  const used = via === undefined ? '' : ` (used at ${whereUsed(via, place)})`;
  return problemAt(place, { path: fault.shown, ...words, message: words.message + used });
};

const whereUsed = ({ source, offset }: Place, place: Place): string => {
  const { line, column } = position(source, offset);
  return source === place.source ? `line ${line}` : `${source.file}:${line}:${column}`;
};

const inWords = (shown: string): string => (shown === '' ? 'the pipeline' : shown);

/** The map that would have taken the key: one of the map's own maps, or another variant. */
const home = (schema: SchemaNode, name: string): { suggestion?: string; fix?: string } => {
  for (const [parent, below] of Object.entries(schema.properties ?? {})) {
    if (propertyOf(below, name) !== undefined) {
      return { suggestion: `${parent}.${name}`, fix: `write it inside ${parent}: { ${name}: … }` };
    }
  }
  const stages = pipelineSchema.properties?.stages?.items?.oneOf ?? [];
  const isStage = schema.properties?.uses !== undefined;
  const other = isStage ? stages.find((stage) => propertyOf(stage, name) !== undefined) : undefined;
  if (other !== undefined)
    return { fix: `"${name}" is a key of the stage ${other.properties?.uses?.const}: move it there` };
  if (!isStage && propertyOf(pipelineSchema, name) !== undefined && propertyOf(schema, name) === undefined) {
    return { fix: `"${name}" is a key of the whole file: indent it like "models"` };
  }
  return {};
};

const unknownKey = (fault: Fault, name: string): Problem => {
  const known = Object.keys(fault.schema.properties ?? {});
  const place = keyPlace(fault.tree, [...fault.path, name]);
  const moved = new Map(Object.entries(fault.schema['x-moved'] ?? {})).get(name);
  const suggestion = moved === undefined ? nearest(name, known) : undefined;
  const elsewhere = moved !== undefined ? { fix: moved } : suggestion === undefined ? home(fault.schema, name) : {};
  const inner = at(fault.tree, ...fault.path, name);
  return make({ ...fault, node: inner ?? fault.node, shown: showPath(fault.tree, [...fault.path, name]) }, place, {
    code: 'unknown-key',
    message: `unknown key "${name}" in ${inWords(fault.shown)}`,
    expected: known,
    ...(suggestion === undefined ? {} : { suggestion }),
    ...elsewhere,
  });
};

/** A key that is there under a misspelt name is not missing. */
const isMisspelt = (fault: Fault, name: string): boolean => {
  const known = Object.keys(fault.schema.properties ?? {});
  const unknown = fault.node.kind === 'map' ? [...fault.node.entries.keys()].filter((key) => !known.includes(key)) : [];
  return unknown.slice(0, 50).some((key) => nearest(key, known) === name);
};

/** Where a later file or a profile removed the key with null. */
const removedAt = ({ node }: Fault, name: string): Place | undefined =>
  node.kind === 'map' ? node.removed?.get(name) : undefined;

const removedHere = ', which null removes here';

const missingKey = (fault: Fault, name: string): Problem => {
  const property = propertyOf(fault.schema, name);
  const takes = property === undefined ? '…' : accepts(property).join(' | ');
  const removed = removedAt(fault, name);
  return make(fault, removed ?? keyPlace(fault.tree, fault.path), {
    code: 'missing-key',
    message: `${inWords(fault.shown)} needs the key "${name}"${removed === undefined ? '' : removedHere}`,
    expected: [`${name}: ${takes}`],
    ...(property?.description === undefined ? {} : { fix: `add "${name}:" – ${property.description}` }),
  });
};

/** Without the key that tells variants apart nothing else can be checked: a misspelt one is looked for among the keys of all of them. */
const missingTag = (fault: Fault, tag: string): Problem => {
  const known = [...new Set((fault.schema.oneOf ?? []).flatMap((variant) => Object.keys(variant.properties ?? {})))];
  const names = fault.node.kind === 'map' ? [...fault.node.entries.keys()] : [];
  const written = names.slice(0, 50).find((name) => !known.includes(name) && nearest(name, known) === tag);
  if (written !== undefined) return unknownKey({ ...fault, schema: { properties: { [tag]: {} } } }, written);
  const removed = removedAt(fault, tag);
  return make(fault, removed ?? keyPlace(fault.tree, fault.path), {
    code: 'missing-key',
    message: `${inWords(fault.shown)} needs the key "${tag}"${removed === undefined ? '' : removedHere}`,
    expected: [`${tag}: ${tagValues(fault.schema).join(' | ')}`],
  });
};

const wrongTag = (fault: Fault, tag: string): Problem => {
  const values = tagValues(fault.schema);
  const node = at(fault.tree, ...fault.path, tag) ?? fault.node;
  const value = toJson(node);
  const words = node.kind === 'scalar' && node.sensitive === true ? '' : show(value);
  return make({ ...fault, node, shown: showPath(fault.tree, [...fault.path, tag]) }, node.place, {
    code: 'value',
    message: `there is no ${tag === 'uses' ? 'stage' : tag} ${words}`,
    expected: values,
    suggestion: typeof value === 'string' ? (ownFile(value) ?? meant(value, values)) : undefined,
    fix: tag === 'provider' && typeof value === 'string' ? providerFix(value, values) : undefined,
  });
};

/** A module of the user's own is named by a path, which begins with a point. */
const ownFile = (value: string): string | undefined => (/\.[mc]?[jt]s$/.test(value) ? `./${value}` : undefined);

/** A map that has none of the keys that tell what it is, or several of them. */
const wrongShape = (fault: Fault): Problem => {
  const tags = fault.schema['x-told-by'] ?? [];
  const there = tags.filter((tag) => at(fault.node, tag) !== undefined);
  const [first, second] = there;
  if (first === undefined || second === undefined)
    return make(fault, keyPlace(fault.tree, fault.path), {
      code: 'missing-key',
      message: `${fault.shown} has none of the keys that say what it is`,
      expected: accepts(fault.schema),
    });
  return make(fault, keyPlace(fault.tree, [...fault.path, second]), {
    code: 'value',
    message: `${fault.shown} has the keys ${first} and ${there.slice(1).join(' and ')}, and only one of them can be`,
    expected: accepts(fault.schema),
    fix: 'make an entry of its own for each: "- " before the key',
  });
};

/** Servers that speak OpenAI's protocol have no provider of their own. */
const providerFix = (value: string, values: string[]): string | undefined =>
  nearest(value, values) === undefined && meant(value, values) === 'openai'
    ? 'provider: openai with base_url: http://127.0.0.1:11434/v1 (the address of your server)'
    : undefined;

/** Keys below an empty parent that were meant to stand inside it: the parent says so, and they keep quiet. */
const slippedOut = (fault: Fault): string | undefined => {
  const parent = at(fault.tree, ...fault.path.slice(0, -1));
  if (parent?.kind !== 'map') return undefined;
  const emptyName = [...parent.entries].find(
    ([, entry]) => entry.value.kind === 'scalar' && entry.value.value === null,
  )?.[0];
  const variants = fault.schema.oneOf ?? [fault.schema];
  const name = String(fault.path.at(-1));
  return variants.some((variant) => propertyOf(variant, name) !== undefined) ? emptyName : undefined;
};

const indentFix = (fault: Fault): string => {
  const name = String(fault.path.at(-1));
  const parent = at(fault.tree, ...fault.path.slice(0, -1));
  const siblings = parent?.kind === 'map' ? [...parent.entries.keys()] : [];
  const slipped = siblings.filter((key) => slippedOut({ ...fault, path: [...fault.path.slice(0, -1), key] }) === name);
  const what = slipped.length === 0 ? 'the lines that belong to it' : slipped.map((key) => `"${key}"`).join(' and ');
  return `indent ${what} by two spaces more than "${name}:"`;
};

const wrongType = (fault: Fault): Problem[] => {
  const { value, schema, shown, node } = fault;
  if (schema.type === 'object' && !isMap(value)) {
    if (value !== null && slippedOut(fault) !== undefined) return [];
    if (value === null) {
      const words: Words = {
        code: 'type',
        message: `${inWords(shown)} is empty`,
        expected: accepts(schema),
        fix: indentFix(fault),
      };
      return [make(fault, keyPlace(fault.tree, fault.path), words)];
    }
  }
  const place = value === null ? keyPlace(fault.tree, fault.path) : node.place;
  const fix = typeFix(fault);
  return [
    make(fault, place, {
      code: 'type',
      message: `${inWords(shown)} is ${inKind(fault)}, not ${wanted(schema)}`,
      ...(fix === undefined ? {} : { fix }),
    }),
  ];
};

const wrongName = (fault: Fault, name: string): Problem => {
  const place = keyPlace(fault.tree, [...fault.path, name]);
  const better = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40);
  return make({ ...fault, shown: showPath(fault.tree, [...fault.path, name]) }, place, {
    code: 'value',
    message: `"${name}" cannot be a name here`,
    expected: ['a small letter first, then small letters, digits, - and _'],
    suggestion: better === '' ? undefined : better,
  });
};

const wrongValue = (fault: Fault): Problem => {
  const { keyword, value, schema, shown, node, path } = fault;
  if (path.at(-1) === 'api_key') return wrongSecret(fault);
  const expected = accepts(schema);
  const choices = (schema.anyOf ?? []).flatMap((branch) => (typeof branch.const === 'string' ? [branch.const] : []));
  const texts: Record<string, string> = {
    minItems: `${shown} has too few items; ${schema.minItems ?? 1} or more are needed`,
    minProperties: `${shown} is empty; at least one entry is needed`,
    uniqueItems: `${shown} names the same thing twice`,
    format: `${shown} is no web address`,
    minLength: `${shown} is an empty text`,
    maxLength: `${shown} is longer than ${schema.maxLength} characters`,
    pattern: `${shown} is ${inKind(fault)}, which has characters that are not allowed here`,
  };
  const message =
    texts[keyword] ??
    `${shown} is ${inKind(fault)}${expected.length > 1 ? ', which is not possible' : `, not ${wanted(schema)}`}`;
  const fix =
    keyword === 'format'
      ? 'begin with http:// or https://'
      : keyword === 'pattern'
        ? `must match ${schema.pattern}`
        : undefined;
  return make(fault, node.place, {
    code: 'value',
    message,
    expected: texts[keyword] === undefined && expected.length > 1 ? expected : undefined,
    suggestion: typeof value === 'string' ? meant(value, choices) : undefined,
    fix,
  });
};

/** The value itself is never repeated: it may be a key. */
const wrongSecret = (fault: Fault): Problem => {
  const { source, offset, length } = fault.node.place;
  const written = source.text.slice(offset, offset + length);
  const variable = /^["']?(?:\$\{(?:env:|secret:)?|\$)?([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?::-[^}]*)?\}?["']?$/.exec(
    written,
  )?.[1];
  const provider = String(toJson(at(fault.tree, ...fault.path.slice(0, -1), 'provider') ?? fault.node));
  const usual: Record<string, string> = {
    anthropic: 'ANTHROPIC_API_KEY',
    google: 'GEMINI_API_KEY',
    openai: 'OPENAI_API_KEY',
  };
  const name = variable ?? usual[provider] ?? 'MY_API_KEY';
  const set = variable === undefined ? ` and set ${name} where lbi runs; if this file was shared, replace the key` : '';
  const why =
    variable === undefined
      ? 'a key in a file ends up with other people'
      : 'its value would end up in the records of the run';
  return make(fault, fault.node.place, {
    code: 'secret',
    message: `${fault.shown} must name a secret, not hold it: ${why}`,
    fix: `write api_key: "\${secret:${name}}"${set}`,
    hidden: variable === undefined,
  });
};
