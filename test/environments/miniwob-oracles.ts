/** Scripted solutions of MiniWoB++ tasks: from the goal and what is seen to the next action. They know nothing but what an agent is shown. */
import type { Action, Observation } from '../../schemas/observation.ts';

/** The next action, or undefined when there is nothing left to do. `done` counts the actions so far. */
export type Oracle = (goal: string, seen: Observation, done: number) => Action | undefined;

interface Line {
  role: string;
  name: string;
  checked: boolean;
  ref: string;
}

const lines = (seen: Observation): Line[] =>
  seen.text.split('\n').flatMap((line) => {
    const [, role, name, ref] = /^\s*- (\w+) "(.*?)"(?: \[[^\]]*\])*? \[ref=(e\d+)\]/.exec(line) ?? [];
    return role === undefined || name === undefined || ref === undefined
      ? []
      : [{ role, name, ref, checked: line.includes(' [checked]') }];
  });

const find = (seen: Observation, role: RegExp, name: RegExp | string = /^/, nth = 0): Line => {
  const named = (line: Line): boolean => (typeof name === 'string' ? line.name === name : name.test(line.name));
  const line = lines(seen).filter((each) => role.test(each.role) && named(each))[nth];
  if (line === undefined) throw new Error(`no ${role} ${name} in\n${seen.text}`);
  return line;
};

const click = ({ name, ref }: Line): Action => ({ name: 'click', arguments: { element: name, ref } });
const type = ({ name, ref }: Line, text: string): Action => ({
  name: 'type',
  arguments: { element: name, ref, text, submit: false },
});

const quoted = (goal: string, nth = 0): string => [...goal.matchAll(/"([^"]*)"/g)][nth]?.[1] ?? '';
const texts = (seen: Observation): string[] =>
  [...seen.text.matchAll(/^\s*- text: (.*)$/gm)].map(([, text]) => text ?? '');
const box = /^(?:textbox|date)$/;

/** Each in turn, then nothing. */
const steps =
  (...all: ((goal: string, seen: Observation) => Action)[]): Oracle =>
  (goal, seen, done) =>
    all[done]?.(goal, seen);

const submit = (_goal: string, seen: Observation): Action => click(find(seen, /button/, /^submit$/i));
const typed = (text: (goal: string, seen: Observation) => string): Oracle =>
  steps((goal, seen) => type(find(seen, box), text(goal, seen)), submit);

/** Checks the boxes that the goal names, then submits. */
const checkboxes: Oracle = (goal, seen) => {
  const wanted = goal.replace(/^Select | and click Submit\.$/g, '').split(', ');
  const open = lines(seen).find(({ role, name, checked }) => role === 'checkbox' && wanted.includes(name) && !checked);
  return open === undefined ? submit(goal, seen) : click(open);
};

const sum = (text: string): number => {
  const [, a, operator, b] = /(-?\d+)\s*([+x-])\s*(-?\d+)/.exec(text) ?? [];
  const [left, right] = [Number(a), Number(b)];
  return operator === '+' ? left + right : operator === '-' ? left - right : left * right;
};

/** `x + 2 = 43`, `5 - x = 3`, `x - 3 = 8` … */
const solve = (text: string): number => {
  const [, left = '', operator, right = '', result] = /(\S+) ([+-]) (\S+) = (-?\d+)/.exec(text) ?? [];
  const value = Number(result);
  if (left === 'x') return operator === '+' ? value - Number(right) : value + Number(right);
  return operator === '+' ? value - Number(left) : Number(left) - value;
};

const login = (button: RegExp): Oracle =>
  steps(
    (goal, seen) => type(find(seen, box, 'Username'), quoted(goal, 0)),
    (goal, seen) => type(find(seen, box, 'Password'), quoted(goal, 1)),
    (_goal, seen) => click(find(seen, /button/, button)),
  );

const clickNamed = (role: RegExp): Oracle => steps((goal, seen) => click(find(seen, role, quoted(goal))));

export const oracles: Record<string, Oracle> = {
  'click-test': steps((_goal, seen) => click(find(seen, /button/))),
  'click-test-2': steps((_goal, seen) => click(find(seen, /button/, 'ONE'))),
  'click-test-transfer': steps((_goal, seen) => click(find(seen, /button/))),
  'click-button': clickNamed(/button/),
  'unicode-test': clickNamed(/button/),
  'click-link': clickNamed(/link|clickable/),
  'click-button-sequence': steps(
    (_goal, seen) => click(find(seen, /button/, 'ONE')),
    (_goal, seen) => click(find(seen, /button/, 'TWO')),
  ),
  'click-tab': steps((goal, seen) => click(find(seen, /link/, /Tab #\d+/.exec(goal)?.[0] ?? ''))),
  'click-dialog': steps((_goal, seen) => click(find(seen, /button/, 'Close'))),
  'click-dialog-2': steps((goal, seen) => click(find(seen, /button/, quoted(goal) === 'x' ? 'Close' : quoted(goal)))),
  'click-option': steps(
    (goal, seen) => click(find(seen, /radio/, /^Select (.*) and click/.exec(goal)?.[1] ?? '')),
    submit,
  ),
  'click-checkboxes': checkboxes,
  'click-checkboxes-large': checkboxes,
  'click-checkboxes-transfer': checkboxes,
  'click-collapsible': steps((_goal, seen) => click(find(seen, /tab/, /^Section/)), submit),
  'choose-list': steps((goal, seen) => {
    const { name, ref } = find(seen, /combobox|listbox/);
    const option = /^Select (.*) from the list/.exec(goal)?.[1] ?? '';
    return { name: 'select', arguments: { element: name, ref, option } };
  }, submit),
  'enter-text': typed((goal) => quoted(goal)),
  'enter-text-dynamic': typed((goal) => quoted(goal)),
  'enter-text-2': typed((goal) =>
    goal.includes('upper case') ? quoted(goal).toUpperCase() : quoted(goal).toLowerCase(),
  ),
  'enter-date': typed((goal) => /\d\d\/\d\d\/\d{4}/.exec(goal)?.[0].replace(/(\d+)\/(\d+)\/(\d+)/, '$3-$1-$2') ?? ''),
  'text-transform': typed((_goal, seen) => find(seen, box).name),
  'find-word': typed((goal, seen) => {
    const words = (texts(seen)[0] ?? find(seen, box).name).split(' ');
    return (words[Number(/(\d+)(?:st|nd|rd|th)/.exec(goal)?.[1]) - 1] ?? '').replaceAll(/[.,]/g, '');
  }),
  'simple-arithmetic': typed((_goal, seen) => String(sum(texts(seen)[0] ?? ''))),
  'simple-algebra': typed((_goal, seen) => String(solve(texts(seen)[0] ?? ''))),
  'read-table': typed((goal, seen) => {
    const wanted = /value of (.*) into/.exec(goal)?.[1] ?? '';
    return new RegExp(`cell "${wanted}"\\n\\s*- cell "(.*?)"`).exec(seen.text)?.[1] ?? '';
  }),
  'enter-password': steps(
    (goal, seen) => type(find(seen, box, 'Password'), quoted(goal)),
    (goal, seen) => type(find(seen, box, 'Verify password'), quoted(goal)),
    submit,
  ),
  'login-user': login(/^Login$/),
  'focus-text': steps((_goal, seen) => click(find(seen, box))),
  'focus-text-2': steps((goal, seen) => click(find(seen, box, /^/, Number(/(\d)(?:st|nd|rd|th)/.exec(goal)?.[1]) - 1))),
  'odd-or-even': (goal, seen, done) => {
    const number = texts(seen)[done];
    if (number === undefined) return submit(goal, seen);
    return click(find(seen, /button/, Number(number) % 2 === 0 ? 'Even' : 'Odd', done));
  },
};
