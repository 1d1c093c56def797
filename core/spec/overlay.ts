/** One tree laid on another: what files that extend others, profiles and their parts are put together by. */
import { type Problem, problemAt, type Words } from './problem.ts';
import { childSchema, pipelineSchema, resolveSchema, type SchemaNode, tagValues } from './schema.ts';
import { nearest } from './suggest.ts';
import { type Entry, isWrittenNull, type List, type Mapping, type Tree, textAt, toJson } from './tree.ts';

/** How one layer is laid. */
export interface Laying {
  /** Where a missing key is to be added: in the layer that began the map, or in this one. */
  keys: 'under' | 'over';
  problems: Problem[];
}

/**
 * Maps are merged key by key, unless they are of different variants; `null` removes a key; a map on a list changes its
 * items, stages by name and others by number from 0; everything else is replaced.
 */
export const overlay = (under: Tree | undefined, over: Tree, schema: SchemaNode | undefined, laying: Laying): Tree => {
  if (over.kind !== 'map') return over;
  const list = under?.kind === 'list' ? under : undefined;
  if (list !== undefined && isByNumber(over)) return layItems(list, over, schema, laying);
  if (isStageList(schema) && !isSlip(over)) return layStages(list ?? noItems(over), over, schema ?? {}, laying);
  if (under?.kind !== 'map' || isOtherVariant(under, over, schema)) return over;
  return layMap(under, over, schema, laying);
};

const layMap = (under: Mapping, over: Mapping, schema: SchemaNode | undefined, laying: Laying): Mapping => {
  const entries = new Map(under.entries);
  const removed = new Map(under.removed);
  const governing = schema === undefined ? undefined : governs(schema, over, under);
  for (const [name, entry] of over.entries) {
    const before = entries.get(name);
    if (isWrittenNull(entry.value)) {
      if (before === undefined) warnOfNothing(laying, entry, name, [...under.entries.keys()]);
      else removed.set(name, entry.value.place);
      entries.delete(name);
      continue;
    }
    removed.delete(name);
    const below = governing === undefined ? undefined : childSchema(governing, name);
    const key = laying.keys === 'under' ? (before?.key ?? entry.key) : entry.key;
    entries.set(name, { key, value: overlay(before?.value, entry.value, below, laying) });
  }
  const partial = under.partial === true || over.partial === true ? { partial: true } : {};
  const place = laying.keys === 'under' ? under.place : over.place;
  const via = laying.keys === 'under' ? under.via : over.via;
  const map: Mapping = { kind: 'map', entries, place, ...(via === undefined ? {} : { via }), ...partial };
  return removed.size === 0 ? map : { ...map, removed };
};

/** The first layer of all: as it stands, but for stages that are written by name. */
export const firstLayer = (root: Tree, problems: Problem[]): Tree => {
  if (root.kind !== 'map') return root;
  const stages = root.entries.get('stages');
  if (stages === undefined) return root;
  const value = overlay(undefined, stages.value, childSchema(pipelineSchema, 'stages'), { keys: 'over', problems });
  return { ...root, entries: new Map(root.entries).set('stages', { ...stages, value }) };
};

/** The schema of the two maps together: the variant that either of them names. */
const governs = (schema: SchemaNode, over: Mapping, under: Mapping): SchemaNode => {
  const entries = new Map([...under.entries, ...over.entries]);
  return resolveSchema(schema, toJson({ ...under, entries }));
};

/** Another provider or kind, or another form of the same key, has other keys: nothing of the old one may be left. */
const isOtherVariant = (under: Mapping, over: Mapping, schema: SchemaNode | undefined): boolean => {
  if (schema === undefined) return false;
  const tag = schema.discriminator?.propertyName;
  if (tag !== undefined) {
    const [before, after] = [textAt(under, tag), textAt(over, tag)];
    return before !== undefined && after !== undefined && before !== after;
  }
  const [before, after] = [resolveSchema(schema, toJson(under)), resolveSchema(schema, toJson(over))];
  return schema.anyOf !== undefined && before !== after && (after.required ?? []).every((key) => over.entries.has(key));
};

const isStageList = (schema: SchemaNode | undefined): boolean => schema?.items?.discriminator?.propertyName === 'uses';

/** The keys of one stage where the list of stages should be: a dash is missing, and the schema says so. */
const isSlip = (over: Mapping): boolean => over.entries.has('uses');

const isByNumber = (over: Mapping): boolean =>
  over.entries.size > 0 && [...over.entries.keys()].every((name) => /^\d+$/.test(name));

const noItems = (over: Mapping): List => ({ kind: 'list', items: [], place: over.place });

const layItems = (list: List, over: Mapping, schema: SchemaNode | undefined, laying: Laying): List => {
  const items = [...list.items];
  const gone = new Set<number>();
  for (const [name, entry] of over.entries) {
    const index = Number(name);
    if (isWrittenNull(entry.value) && index < list.items.length) gone.add(index);
    else if (index > items.length) {
      report(laying, entry, {
        code: 'extends',
        message: `the list below has ${list.items.length} items, so its next one is number ${list.items.length}, not ${name}`,
      });
    } else items[index] = overlay(items[index], entry.value, schema?.items, laying);
  }
  return { ...list, items: items.filter((_item, index) => !gone.has(index)) };
};

/** Changes stages by name; one that is not there yet comes to its place in the order of the method. */
const layStages = (list: List, over: Mapping, schema: SchemaNode, laying: Laying): List => {
  const order = tagValues(schema.items ?? {});
  let { items } = list;
  for (const [name, entry] of over.entries) {
    const same = items.filter((item) => textAt(item, 'uses') === name);
    const [first] = same;
    if (same.length > 1) {
      const message = `${name} stands ${same.length} times in the stages below, so its name does not say which is meant`;
      report(laying, entry, { code: 'extends', message, fix: 'write the whole list of stages here' });
    } else if (first === undefined && isWrittenNull(entry.value)) {
      warnOfNothing(
        laying,
        entry,
        name,
        items.map((item) => textAt(item, 'uses') ?? ''),
      );
    } else if (first === undefined) {
      items = inserted(items, stageOf(name, entry), order);
    } else if (isWrittenNull(entry.value)) {
      items = items.filter((item) => item !== first);
    } else {
      const laid = overlay(first, entry.value, schema.items, laying);
      items = items.map((item) => (item === first ? laid : item));
    }
  }
  return { ...list, items };
};

const stageOf = (name: string, { key, value }: Entry): Tree => {
  if (value.kind !== 'map') return value;
  const uses: Entry = { key, value: { kind: 'scalar', value: name, place: key } };
  return { ...value, entries: new Map([['uses', uses], ...value.entries]) };
};

const inserted = (items: Tree[], stage: Tree, order: string[]): Tree[] => {
  const rank = (item: Tree): number => {
    const found = order.indexOf(textAt(item, 'uses') ?? '');
    return found < 0 ? order.length : found;
  };
  const after = items.findIndex((item) => rank(item) > rank(stage));
  return after < 0 ? [...items, stage] : items.toSpliced(after, 0, stage);
};

const report = (laying: Laying, entry: Entry, words: Words): void => {
  laying.problems.push(problemAt(entry.key, words));
};

/** A removal of nothing is most often a misspelt name. */
const warnOfNothing = (laying: Laying, entry: Entry, name: string, known: string[]): void => {
  report(laying, entry, {
    code: 'unused',
    severity: 'warning',
    message: `null removes "${name}", but nothing below this layer has it`,
    suggestion: nearest(name, known),
  });
};
