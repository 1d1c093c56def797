/** Places: a browser needs a first page, must be allowed to open it, and knowledge must retrieve something. */
import { isOwnPath } from '../../own-path.ts';
import { at, entriesAt, itemsAt, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Checks the environments and the knowledge of the interact stage. */
export const checkPlaces = (check: Check): void => {
  for (const [name, { value }] of entriesAt(check.tree, 'environments')) {
    if (textAt(value, 'kind') === 'browser') checkBrowser(check, name, value);
    const screenshot = at(value, 'observation', 'screenshot');
    const shown = textAt(value, 'kind') === 'browser' || isOwnPath(textAt(value, 'kind'));
    if (!shown && screenshot?.kind === 'scalar' && screenshot.value === true) {
      const words = {
        code: 'place',
        severity: 'warning',
        message: 'only browser environments have screenshots',
      } as const;
      report(check, ['environments', name, 'observation', 'screenshot'], words, 'key');
    }
  }
  itemsAt(check.tree, 'stages').forEach((stage, index) => {
    const knowledge = at(stage, 'knowledge');
    if (knowledge?.kind !== 'map' || at(knowledge, 'observation') !== undefined || at(knowledge, 'model') !== undefined)
      return;
    const words = {
      code: 'missing-key',
      message: 'knowledge retrieves nothing: neither observation nor model is given',
      expected: ['observation: { k: 5 }', 'model: { k: 5, query_model: … }'],
    } as const;
    report(check, ['stages', index, 'knowledge'], { ...words, expected: [...words.expected] }, 'key');
  });
};

const checkBrowser = (check: Check, name: string, environment: Tree): void => {
  const url = textAt(environment, 'url');
  const app = at(environment, 'app');
  const path = ['environments', name];
  if (url === undefined && app === undefined) {
    report(
      check,
      path,
      {
        code: 'missing-key',
        message: `environments.${name} has no first page`,
        expected: ['url: https://…', 'app: { command: [ … ] }'],
      },
      'key',
    );
    return;
  }
  const own = 'http://127.0.0.1:${port}';
  const relative = url !== undefined && !/^https?:\/\//.test(url);
  if (relative && (app === undefined || !url.startsWith('/'))) {
    const fix = app === undefined ? 'begin with http:// or https://' : 'begin with /';
    report(check, [...path, 'url'], {
      code: 'place',
      message: `"${url}" is no ${app === undefined ? 'web address' : 'path on the app'}`,
      fix,
    });
    return;
  }
  const first = url === undefined ? `${own}/` : relative ? own + url : url;
  checkAllow(check, name, environment, first);
};

/** `*` in a pattern stands for any characters. */
const matches = (pattern: string, url: string): boolean => {
  const escaped = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`).test(url);
};

const checkAllow = (check: Check, name: string, environment: Tree, first: string): void => {
  const list = at(environment, 'allow');
  if (list?.kind !== 'list') return;
  const patterns = list.items.flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' ? [item.value] : [],
  );
  if (patterns.some((pattern) => matches(pattern, first) || matches(pattern, first.replace(/\/$/, '')))) return;
  const origin = /^https?:\/\/[^/]+/.exec(first)?.[0] ?? first;
  report(
    check,
    ['environments', name, 'allow'],
    {
      code: 'place',
      message: `the first page ${first} is not allowed, so the browser could not open it`,
      fix: `add "${origin}/*" to allow, or leave allow out`,
    },
    'key',
  );
};
