/** The model contract, against each vendor's own SDK and a local server that answers like the vendor. */
import { createServer } from 'node:net';
import { ModelError } from '../../core/errors.ts';
import type { ModelContext } from '../../models/model.ts';
import { openModel } from '../../models/models.ts';
import type { ModelSpec } from '../../schemas/pipeline/model.ts';
import { modelContract, type Subject } from './contract.ts';
import { startAnthropic } from './vendor-servers/anthropic.ts';
import { startGoogle } from './vendor-servers/google.ts';
import { startOpenAi } from './vendor-servers/openai.ts';
import { testKey, type VendorServer } from './vendor-servers/vendor-server.ts';

const context: ModelContext = {
  secret: (name) => {
    if (name === 'TEST_KEY') return testKey;
    throw new ModelError('operator', `${name} is not set.`);
  },
  weights: () => Promise.reject(new ModelError('operator', 'no weights here')),
  file: (path) => path,
};

/** The address of a port of this machine on which nothing listens. */
const closedPort = async (): Promise<string> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
};

const subject = async (vendor: VendorServer, spec: (url: string) => ModelSpec): Promise<Subject> => {
  const nowhere = await closedPort();
  return {
    vendor,
    open: ({ timeout = 20, unreachable = false } = {}) =>
      openModel({ ...spec(unreachable ? nowhere : vendor.url), timeout }, context),
    close: () => vendor.close(),
  };
};

const apiKey = '$' + '{secret:TEST_KEY}';

modelContract('anthropic', async () =>
  subject(await startAnthropic(), (base_url) => ({
    provider: 'anthropic',
    model: 'claude-opus-5-5',
    api_key: apiKey,
    base_url,
  })),
);

modelContract(
  'google',
  async () =>
    subject(await startGoogle(), (base_url) => ({
      provider: 'google',
      model: 'gemini-2.5-pro',
      api_key: apiKey,
      base_url,
    })),
  { 'cache writes are counted in': 'Gemini reports none: its cache fills without charge' },
);

modelContract('openai', async () =>
  subject(await startOpenAi(), (url) => ({
    provider: 'openai',
    model: 'gpt-4.1-mini',
    api_key: apiKey,
    base_url: `${url}/v1`,
    images: true,
  })),
);
