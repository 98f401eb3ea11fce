/**
 * Hashes of names and of event ids, 32 bits, for tables and filters. They
 * stand in index files: another hash is another format.
 *
 * @module
 */

/**
 * Hash of an event id in a stream, 32 bits.
 *
 * @param streamHash Hash of the stream's name, by `hashName`.
 * @param view Holds the id's 16 bytes at `offset`.
 */
export function hashEventIdAt(
  streamHash: number,
  view: DataView,
  offset: number,
): number {
  let hash = streamHash;
  hash = mix(hash ^ view.getUint32(offset, true));
  hash = mix(hash + view.getUint32(offset + 4, true) | 0);
  hash = mix(hash ^ view.getUint32(offset + 8, true));
  hash = mix(hash + view.getUint32(offset + 12, true) | 0);
  return hash >>> 0;
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** Hash of a name, 32 bits: FNV-1a over UTF-16 units, then mixed. */
export function hashName(name: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x0100_0193);
  }
  return mix(hash) >>> 0;
}
