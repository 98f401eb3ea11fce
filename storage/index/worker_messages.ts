/**
 * What the main thread and the worker that makes an index file tell each
 * other. Everything is bounded: of parts and of pieces, only a few are under
 * way at a time.
 *
 * ```
 * main              worker
 *   │ ── begin ──────▶ │
 *   │ ── part ───────▶ │   as many as PARTS_AHEAD before the first is taken
 *   │ ◀────── piece ── │   bytes of the file, at most PIECES of them
 *   │ ── written ────▶ │   … and their memory, to be used again
 *   │ ◀────── taken ── │   for each part; the next one may come
 *   │ ── end ────────▶ │
 *   │ ◀─────── made ── │   or failed, at any time
 * ```
 *
 * @module
 */

import type { IndexHead, IndexPart, OlderIndex } from "./index_maker.ts";

/** Parts that are sent before the first one is taken. */
export const PARTS_AHEAD = 3;
/** Pieces of the file that wait to be written, at most. */
export const PIECES = 2;

/** From the main thread. */
export type MakerOrder =
  | {
    readonly type: "begin";
    readonly head: IndexHead;
    readonly olderIndexes: readonly OlderIndex[];
  }
  | { readonly type: "part"; readonly part: IndexPart }
  | { readonly type: "written"; readonly memory: ArrayBuffer }
  | { readonly type: "end" };

/** From the worker. */
export type MakerReport =
  | {
    readonly type: "taken";
    /** Of a run of lists: where their slices are. */
    readonly offsets: Uint32Array<ArrayBuffer> | undefined;
  }
  | {
    readonly type: "piece";
    readonly memory: ArrayBuffer;
    readonly byteLength: number;
    /** Where in the file it belongs. */
    readonly offset: number;
  }
  | { readonly type: "made" }
  | { readonly type: "failed"; readonly reason: string };
