/**
 * Finding a list's slice by name, where what points at it is only near: in
 * index files of scavenged segments.
 *
 * @module
 */

import { hashListName } from "../log/event_id_hash.ts";
import type { FoundSlice } from "./index_builder.ts";
import type { SealedIndex } from "./sealed_index.ts";

/**
 * The list's newest slice in a segment or those before it.
 *
 * @param list Code of its kind, and its name as UTF-8.
 * @param newest Number of the segment to begin with.
 */
export function findNamedSlice(
  list: { readonly kind: number; readonly name: Uint8Array },
  newest: number,
  indexAt: (segment: number) => SealedIndex,
): FoundSlice | undefined {
  const { kind, name } = list;
  const hash = hashListName(kind, name, 0, name.length);
  for (let segment = newest; segment >= 0; segment--) {
    const found = indexAt(segment).findSlice(kind, name, hash);
    if (found === undefined) continue;
    const { slice, offset } = found;
    return { pointer: { segment, offset, depth: slice.depth }, slice };
  }
  return undefined;
}
