/** Why work waits for a person, so that five thousand episodes on one key are one line. */

/** Ids of requests, hashes and numbers that stand alone: what differs between two reports of one reason. */
const chance =
  /\breq[_-]\w+|\b[0-9a-f]{8}-[0-9a-f-]{20,}|\b(?=[a-f]*\d)[0-9a-f]{10,}\b|(?<![\w./:@-])\d[\d.,:]*(?![\w-])/g;

/** The same for reasons that differ by chance only. */
export const reasonKey = (on: string): string => on.replaceAll(chance, '#').slice(0, 200);

/** Seconds until the next try: doubled each time, up to the longest. */
export const nextTry = (tries: number, { first, longest }: { first: number; longest: number }): number =>
  Math.min(longest, first * 2 ** Math.min(tries, 30));
