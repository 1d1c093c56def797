/** Slots for activities that are there or not by a rule of ours, which changes while a worker runs. */
import type { CustomSlotSupplier, SlotPermit } from '@temporalio/worker';

export interface GatedSlots {
  supplier: CustomSlotSupplier<never>;
  /** The rule may give another answer now: whoever waits for a slot looks again. */
  wake(): void;
}

/** @param room whether one more slot may be taken beside so many that are */
export function gatedSlots(room: (taken: number) => boolean): GatedSlots {
  let taken = 0;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const go of [...waiting]) go();
  };
  const take = (): SlotPermit | null => {
    if (!room(taken)) return null;
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
  const supplier: CustomSlotSupplier<never> = {
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
    // Also of a reservation that is given back unused.
    releaseSlot: () => {
      taken -= 1;
      wake();
    },
  };
  return { supplier, wake };
}
