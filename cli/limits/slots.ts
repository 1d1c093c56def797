/** Slots for activities whose number changes while a worker runs. */
import type { CustomSlotSupplier, SlotPermit } from '@temporalio/worker';

export interface Slots {
  supplier: CustomSlotSupplier<never>;
  /** Fewer slots take effect as calls end: what is in flight, or was already asked of the server, is finished. */
  resize(size: number): void;
  size(): number;
}

export function changingSlots(initial: number): Slots {
  let size = initial;
  let taken = 0;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const go of [...waiting]) go();
  };
  const take = (): SlotPermit | null => {
    if (taken >= size) return null;
    taken += 1;
    return {};
  };
  const change = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        waiting.delete(go);
        signal.removeEventListener('abort', abort);
        settle();
      };
      const go = (): void => end(resolve);
      const abort = (): void =>
        end(() => reject(new DOMException('the reservation is no longer needed', 'AbortError')));
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      waiting.add(go);
    });
  return {
    supplier: {
      type: 'custom',
      reserveSlot: async (_context, signal) => {
        for (;;) {
          const permit = take();
          if (permit !== null) return permit;
          await change(signal);
        }
      },
      tryReserveSlot: take,
      markSlotUsed: () => {},
      releaseSlot: () => {
        taken -= 1;
        wake();
      },
    },
    resize: (wanted) => {
      size = wanted;
      wake();
    },
    size: () => size,
  };
}
