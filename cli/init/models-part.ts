/** The models of a new pipeline, its committee, and how much of everything such models can carry. */
import type { Choices, ProviderChoice } from './choices.ts';
import { type Found, keyVariable, ollamaAddress } from './look.ts';
import { quoted } from './yaml-words.ts';

/** Models for each provider: the one that writes and acts, and another of the same maker that judges. */
const known: Record<ProviderChoice, { writer: string; judge: string }> = {
  anthropic: { writer: 'claude-opus-5-5', judge: 'claude-sonnet-4-6' },
  google: { writer: 'gemini-2.5-pro', judge: 'gemini-2.5-flash' },
  openai: { writer: 'gpt-5.4', judge: 'gpt-5.4-mini' },
  ollama: { writer: 'qwen3', judge: 'llama3.1' },
  local: { writer: 'qwen2.5-coder-1.5b', judge: 'qwen2.5-coder-0.5b' },
  scripted: { writer: 'replies.yaml', judge: 'replies.yaml' },
};

const paid = (provider: ProviderChoice): boolean => ['anthropic', 'google', 'openai'].includes(provider);

interface Sizes {
  /** The writer has few parameters, or its replies are rules: short steps, few windows. */
  small: boolean;
  budget: boolean;
  documents: number;
  perDocument: number;
  steps: number;
  windows: number;
  concurrency: number;
}

export const sizesOf = ({ writer, judge }: Choices): Sizes => {
  const budget = paid(writer) || paid(judge);
  return paid(writer)
    ? { small: false, budget, documents: 20, perDocument: 3, steps: 20, windows: 20, concurrency: 4 }
    : {
        small: true,
        budget,
        documents: 4,
        perDocument: 2,
        steps: 6,
        windows: 6,
        concurrency: writer === 'local' ? 1 : 2,
      };
};

const named = (provider: ProviderChoice, role: 'writer' | 'judge', found: Found): string => {
  if (provider !== 'ollama' || found.ollama.length === 0) return known[provider][role];
  const [first = '', second = first] = found.ollama;
  return role === 'writer' ? first : second;
};

/** One entry of `models`, on one line. */
const modelLine = (
  name: string,
  provider: ProviderChoice,
  role: 'writer' | 'judge',
  found: Found,
  budget: boolean,
): string => {
  const model = quoted(named(provider, role, found));
  const key = keyVariable(provider, found);
  const own: Record<ProviderChoice, string> = {
    anthropic: `provider: anthropic, model: ${model}, api_key: "\${secret:${key}}", limits: { concurrency: 4 }`,
    google: `provider: google, model: ${model}, api_key: "\${secret:${key}}", max_tokens: 4096, limits: { concurrency: 4 }`,
    openai: `provider: openai, model: ${model}, api_key: "\${secret:${key}}", limits: { concurrency: 4 }`,
    ollama: `provider: openai, model: ${model}, base_url: "${ollamaAddress()}/v1", limits: { concurrency: 1 }${budget ? ', price: { input: 0, output: 0 }' : ''}`,
    local: `provider: local, model: ${model}`,
    scripted: `provider: scripted, script: ${model}`,
  };
  return `${name}: { ${own[provider]} }`;
};

const about: Record<ProviderChoice, string[]> = {
  anthropic: [],
  google: [],
  openai: [],
  ollama: ['Ollama on this machine: no key, nothing leaves it. Pull a model first: ollama pull MODEL'],
  local: [
    'A small model in this process: no key, nothing leaves the machine. It shows the machine at work; data to train on needs more.',
    'With a key, use for instance:',
    '  writer: { provider: anthropic, model: claude-opus-5-5, api_key: "${secret:ANTHROPIC_API_KEY}" }',
    'With Ollama, vLLM or llama.cpp:',
    '  writer: { provider: openai, model: qwen3, base_url: "http://127.0.0.1:11434/v1" }',
  ],
  scripted: ['No model at all: replies by the rules of replies.yaml. What it makes is labelled scripted.'],
};

/** The members that judge: never the writer, where another model is at hand. */
const membersOf = ({ writer, judge }: Choices, found: Found): { name: string; provider: ProviderChoice }[] => {
  if (writer === 'local' && judge === 'local') return [{ name: 'writer', provider: 'local' }];
  if (writer === 'scripted' && judge === 'scripted') return [{ name: 'writer', provider: 'scripted' }];
  if (judge === 'scripted') return [{ name: 'judge', provider: 'scripted' }];
  const own = named(writer, 'judge', found) !== named(writer, 'writer', found);
  if (writer === judge) return [{ name: own ? 'judge' : 'writer', provider: judge }];
  const second = own && writer !== 'scripted' && writer !== 'local' && writer !== 'ollama';
  return [...(second ? [{ name: 'second', provider: writer }] : []), { name: 'judge', provider: judge }];
};

export const modelsOf = (choices: Choices, found: Found): string[] => {
  const { budget } = sizesOf(choices);
  const members = membersOf(choices, found);
  const used = [choices.writer, ...members.map(({ provider }) => provider)];
  const notes = [...new Set(used)].flatMap((provider) => about[provider]);
  const secret = used.some(paid)
    ? [
        'A secret is named here and read from the environment or from .env where the work is done; it is stored nowhere.',
      ]
    : [];
  return [
    'models:',
    ...[...secret, ...notes].map((note) => `  # ${note}`),
    `  ${modelLine('writer', choices.writer, 'writer', found, budget)}`,
    ...members
      .filter(({ name }) => name !== 'writer')
      .map(({ name, provider }) => {
        // The first of another provider is its best model; of the writer's own, another than the writer.
        const role = provider === choices.writer ? 'judge' : 'writer';
        return `  ${modelLine(name, provider, role, found, budget)}`;
      }),
  ];
};

/** Why `lbi validate` warns of this committee, and what mends it. */
const kindly = (writer: ProviderChoice, found: Found): string[] => [
  '# `lbi validate` warns of this committee: models judge their own kind kindly. With a key of another maker, add a member, e.g.',
  `#   ${modelLine('other', writer === 'google' ? 'anthropic' : 'google', 'writer', found, false)}`,
];

export const committeeOf = (choices: Choices, found: Found): string[] => {
  const members = membersOf(choices, found);
  const names = members.map(({ name }) => name).join(', ');
  const local = members.every(({ provider }) => provider === 'local');
  const scripted = members.some(({ provider }) => provider === 'scripted');
  return [
    `# Keep what ${members.length > 1 ? 'every member accepts' : 'the committee accepts'} on every criterion.`,
    ...(members.length === 1 && !scripted ? kindly(choices.writer, found) : []),
    '- uses: filter',
    '  committee:',
    `    members: [${names}]`,
    ...(scripted ? ['    reasons: one # as the rules of replies.yaml answer'] : []),
    ...(local
      ? [
          '    reasons: one # small models do better with one short reason after all answers',
          '    # P(yes) of a small model only orders examples: good ones get a little more than 0.5, poor ones far less.',
          '    accept: { confidence: 0.5 }',
        ]
      : ['    accept: unanimous # or majority, { at_least: 2 }; a change re-counts stored votes and asks nobody']),
  ];
};
