/** A worker of bench/limits.ts: one model's queue, kept as a worker of a run keeps it. Run by it, with one JSON argument. */
import { Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { toFailure } from '../activities/failures.ts';
import { openLimits } from '../cli/limits/limits.ts';
import { declaredOf, metered } from '../cli/limits/meter.ts';
import { openModel } from '../models/models.ts';
import type { FullModel } from '../schemas/pipeline/model.ts';

interface Settings {
  address: string;
  queue: string;
  name: string;
  spec: Extract<FullModel, { provider: 'openai' }>;
}

const { address, queue, name, spec } = JSON.parse(process.argv[2] ?? '{}') as Settings;
Runtime.install({ logger: new DefaultLogger('ERROR') });
const keeper = openLimits(await Connection.connect({ address }), 'default', name);
const slots = keeper.declare(queue, spec, declaredOf(spec));
const model = await openModel(spec, {
  secret: () => '',
  file: (path) => path,
  weights: async (path) => path,
  allowed: (allowance) => keeper.told(queue, allowance),
});
const counted = metered(model, spec.provider, queue, keeper);
const { signal } = new AbortController();
const fixed = { type: 'fixed-size', numSlots: 2 } as const;
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  identity: name,
  taskQueue: queue,
  tuner: {
    activityTaskSlotSupplier: slots.supplier,
    workflowTaskSlotSupplier: fixed,
    localActivityTaskSlotSupplier: fixed,
    nexusTaskSlotSupplier: fixed,
  },
  activities: {
    ask: async (): Promise<void> => {
      const content = [{ type: 'text' as const, text: 'anything' }];
      const request = {
        role: 'vote',
        system: '',
        messages: [{ role: 'user' as const, content }],
        schema: {},
        maxTokens: 16,
      };
      await counted.complete(request, { signal }).catch((error: unknown) => {
        throw toFailure(error);
      });
    },
  },
});
await worker.run();
