/** Slots for activities whose number changes while a worker runs. */
import { type GatedSlots, gatedSlots } from '../slots.ts';

export interface Slots extends Pick<GatedSlots, 'supplier'> {
  /** Fewer slots take effect as calls end: what is in flight, or was already asked of the server, is finished. */
  resize(size: number): void;
  size(): number;
}

export function changingSlots(initial: number): Slots {
  let size = initial;
  const { supplier, wake } = gatedSlots((taken) => taken < size);
  return {
    supplier,
    resize: (wanted) => {
      size = wanted;
      wake();
    },
    size: () => size,
  };
}
