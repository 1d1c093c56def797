/** Keys written in clear: how they look, and how a text is shown without them. */

interface Shape {
  what: string;
  pattern: RegExp;
  /** The name that the secret usually has. */
  name?: string;
}

/** `user:password@` in a web address: wherever it stands, it would be kept with the plan of every run. */
export const addressPassword = /\b(?:git\+)?https?:\/\/[^\s/?#"'@:]*:[^\s/?#"'@]+@/g;

/** What the keys of well-known services look like; each pattern finds the whole key. */
const shapes: Shape[] = [
  { what: 'a key of Anthropic', pattern: /\bsk-ant-[\w-]{16,}/g, name: 'ANTHROPIC_API_KEY' },
  { what: 'a key of OpenAI or a like service', pattern: /\bsk-(?!ant-)[\w-]{20,}/g, name: 'OPENAI_API_KEY' },
  { what: 'a key of Google', pattern: /\bAIza[\w-]{30,}/g, name: 'GEMINI_API_KEY' },
  { what: 'a token of GitHub', pattern: /\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,})/g, name: 'GITHUB_TOKEN' },
  { what: 'a token of Hugging Face', pattern: /\bhf_[A-Za-z0-9]{30,}/g, name: 'HF_TOKEN' },
  { what: 'a token of Slack', pattern: /\bxox[abeoprs]-[\w-]{10,}/g },
  { what: 'a key of AWS', pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { what: 'a private key', pattern: /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/g },
  { what: 'a bearer token', pattern: /\bBearer[ \t]{1,4}(?!\$)[\w.~+/-]{20,}=*/g },
];

export interface ClearKey {
  what: string;
  name?: string;
  offset: number;
  length: number;
}

/** Every key that a text holds in clear, comments included: whoever reads the file has it. */
export const clearKeys = (text: string): ClearKey[] =>
  shapes.flatMap(({ pattern, ...shape }) =>
    [...text.matchAll(pattern)]
      // The keys that vendors print in their own manuals.
      .filter(([key]) => !key.includes('EXAMPLE'))
      .map(({ 0: key, index }) => ({ ...shape, offset: index, length: key.length })),
  );

const labelled = /(api_?key["']?\s{0,9}[:=]\s{0,9}["']?)((?!["']?\$\{)[^\s,}"']+)/gi;
const shaped = new RegExp(
  [
    ...shapes.map(({ pattern }) => pattern.source),
    addressPassword.source,
    '\\b(?:sk-|AIza|ghp_|xox[bp]-)[\\w-]{8,}',
  ].join('|'),
  'g',
);

/** What looks like a key written in clear, dotted out character by character so that columns stay where they are. */
export const concealKeys = (text: string): string =>
  text
    .replace(labelled, (_whole, label: string, value: string) => label + '•'.repeat(value.length))
    .replace(shaped, (whole) => '•'.repeat(whole.length));
