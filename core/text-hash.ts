/** A small, fast hash of texts for buckets and splits; identities of stored things use sha256 instead. */

/** Unsigned 32 bits: FNV-1a over the code units, then murmur's finaliser so that every bit depends on every character. */
export function textHash(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return mixBits(hash ^ text.length);
}

/** A bijection of 32 bits that spreads neighbours far apart (the finaliser of MurmurHash3). */
export function mixBits(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
