/**
 * Hashes of names and of event ids, 32 bits, for tables and filters. They
 * stand in index files: another hash is another format.
 *
 * @module
 */

import { readName } from "./bytes.ts";

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

/**
 * `hashName(kind + name)`: what the directory of an index file is ordered by.
 *
 * @param kind Code of the list's kind.
 * @param array Holds the name as UTF-8, from `start` to `end`.
 */
export function hashListName(
  kind: number,
  array: Uint8Array,
  start: number,
  end: number,
): number {
  let hash = Math.imul(0x811c_9dc5 ^ (DIGIT_ZERO + kind), 0x0100_0193);
  for (let index = start; index < end; index++) {
    const byte = array[index] ?? 0;
    if (byte >= 0x80) return hashName(kind + readName(array, start, end));
    hash = Math.imul(hash ^ byte, 0x0100_0193);
  }
  return mix(hash) >>> 0;
}

/** Character code; codes of kinds have one digit. */
const DIGIT_ZERO = 0x30;
