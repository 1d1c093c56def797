/** The questions of `lbi init` in a terminal: at most five, each with what was found as its answer. */
import { type Choices, choose, docsFrom, type InitFlags } from './choices.ts';
import type { Found } from './look.ts';

/** Who asks: a terminal, or a test. Resolves undefined when the person leaves. */
export interface Asker {
  text(message: string, initial: string, wrong: (answer: string) => string | undefined): Promise<string | undefined>;
  select(message: string, options: { value: string; hint: string }[], initial: string): Promise<string | undefined>;
}

class Left extends Error {}

const answered = (answer: string | undefined): string => {
  if (answer === undefined) throw new Left();
  return answer;
};

const docsShown = ({ docs }: Choices): string =>
  docs.kind === 'path' ? docs.path : docs.kind === 'site' || docs.kind === 'git' ? docs.url : docs.kind;

const placeHints = [
  { value: 'shell', hint: 'a sandboxed folder, no network' },
  { value: 'browser', hint: 'a web application' },
  { value: 'scripted', hint: 'lamps, to try the engine' },
];

const hintOf = (provider: string, found: Found): string => {
  const key = found.keys.find((each) => each.provider === provider);
  if (key !== undefined) return `${key.variable} is set`;
  if (provider === 'ollama')
    return found.ollama.length > 0 ? found.ollama.slice(0, 3).join(', ') : 'does not answer here';
  if (provider === 'local') return 'small, in this process, no key';
  return provider === 'scripted' ? 'rules instead of a model' : 'needs a key';
};

const providerOptions = (found: Found): { value: string; hint: string }[] =>
  ['anthropic', 'google', 'openai', 'ollama', 'local', 'scripted'].map((value) => ({
    value,
    hint: hintOf(value, found),
  }));

/** The message of the error that the work throws, as a form says it. */
const complaint = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

/** Flags completed by questions; what a flag has said is not asked. Undefined when the person leaves. */
export const askFlags = async (
  asker: Asker,
  folder: string,
  flags: InitFlags,
  found: Found,
): Promise<InitFlags | undefined> => {
  const now: InitFlags = { ...flags };
  const guess = (): Choices => choose(folder, now, found);
  try {
    if (now.docs === undefined) {
      const question = 'Where is the documentation? A folder, a web address, a git address, none, or sample';
      const check = (answer: string): string | undefined => complaint(() => docsFrom(answer));
      now.docs = answered(await asker.text(question, docsShown(guess()), check));
    }
    if (now.environment === undefined && now.url === undefined && now.app === undefined)
      now.environment = answered(await asker.select('Where does the agent act?', placeHints, guess().place));
    if (guess().place === 'browser' && now.url === undefined && now.app === undefined) {
      const question = 'The address of the site, the command that starts it, or tiddlywiki for a sample';
      const check = (answer: string): string | undefined =>
        complaint(() => choose(folder, { ...now, ...appOrUrl(answer) }, found));
      Object.assign(now, appOrUrl(answered(await asker.text(question, guess().app ?? 'tiddlywiki', check))));
    }
    if (now.provider === undefined)
      now.provider = answered(
        await asker.select('Which model writes and acts?', providerOptions(found), guess().writer),
      );
    if (now.judge === undefined && now.provider !== 'local' && now.provider !== 'scripted')
      now.judge = answered(
        await asker.select('Which judges? Another maker judges better', providerOptions(found), guess().judge),
      );
    return now;
  } catch (error) {
    if (error instanceof Left) return undefined;
    throw error;
  }
};

const appOrUrl = (answer: string): InitFlags => (/^https?:/.test(answer) ? { url: answer } : { app: answer });

/** The terminal's own questions. Loaded when they are asked. */
export const terminal = async (): Promise<Asker> => {
  const { isCancel, select, text } = await import('@clack/prompts');
  // Questions are no data: they stay off stdout.
  const output = process.stderr;
  return {
    text: async (message, initial, wrong) => {
      const answer = await text({
        ...{ message, output, initialValue: initial },
        validate: (value) => wrong((value ?? '').trim()),
      });
      return isCancel(answer) ? undefined : answer.trim();
    },
    select: async (message, options, initial) => {
      const answer = await select({ message, output, options, initialValue: initial });
      return isCancel(answer) ? undefined : answer;
    },
  };
};
