/** Places: a browser needs a first page and must be allowed to open it. */
import { isOwnPath } from '../../own-path.ts';
import { at, entriesAt, type Path, type Tree, textAt } from '../tree.ts';
import { type Check, report } from './report.ts';

/** Checks the environments. */
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
  if (app !== undefined) checkPort(check, path, app, url);
  const first = url === undefined ? `${own}/` : relative ? own + url : url;
  checkAllow(check, name, environment, first);
};

/** lbi chooses a port for each session, waits for the app there and opens the first page there. */
const checkPort = (check: Check, path: Path, app: Tree, url: string | undefined): void => {
  const words = [at(app, 'command'), at(app, 'setup')].flatMap((node) => (node === undefined ? [] : textsOf(node)));
  if (!words.some((word) => word.includes('${port}'))) {
    const fixed = words.join(' ').match(/(?:\bport\b|\s-p|:)[=\s]{0,2}(\d{2,5})\b/i)?.[1];
    const chosen = fixed === undefined ? '' : `: it listens on ${fixed}, and lbi waits for it elsewhere`;
    report(
      check,
      [...path, 'app', 'command'],
      {
        code: 'place',
        message: `the app is never told its port${chosen}; each session has one of its own`,
        fix: fixed === undefined ? 'give it ${port}, e.g. "--port=${port}"' : `write \${port} in place of ${fixed}`,
      },
      'key',
    );
  }
  const other = /^https?:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::(\d+))?(?:\/|$)/.exec(url ?? '');
  if (other === null) return;
  report(check, [...path, 'url'], {
    code: 'place',
    message: `the app runs on a port of its own for each session, not on ${other[1] ?? '80'}`,
    fix: `write the path alone: url: ${url?.replace(/^https?:\/\/[^/]+/, '') || '/'}`,
  });
};

const textsOf = (node: Tree): string[] => {
  if (node.kind === 'list') return node.items.flatMap(textsOf);
  return node.kind === 'scalar' ? [String(node.value)] : [];
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
  list.items.forEach((item, index) => {
    if (item.kind !== 'scalar' || !/^(\**|(\*|https?):\/\/[*/]*)$/.test(String(item.value)) || item.value === '')
      return;
    report(check, ['environments', name, 'allow', index], {
      code: 'place',
      severity: 'warning',
      message: `"${item.value}" lets the agent go anywhere on the web`,
      fix: 'name the sites it needs: "https://shop.example.com/*"',
    });
  });
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
