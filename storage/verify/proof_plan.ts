/**
 * What can be proven of a store, in the order in which it is asked for.
 *
 * @module
 */

import { join } from "@std/path";
import type { Segment } from "../log/segment.ts";
import { type Piece, piecesOf } from "./piece.ts";
import type { ProofTask } from "./proofs.ts";
import type { VerifyPlan } from "./verify_plan.ts";

/** What can be proven of a segment. */
export interface SegmentTasks {
  readonly pieces: readonly Piece[];
  /** Number of the task that is the first piece. */
  readonly firstTask: number;
  /** Number of the task that is the index file. */
  readonly indexTask: number;
}

/** Makes the tasks: for each segment its pieces, then its index file. */
export function planProofs(
  { segments }: VerifyPlan,
  options: {
    readonly directory: string;
    /** Bytes of a piece; 0 for no pieces. */
    readonly pieceBytes: number;
    /** Positions in a segment at which what was read is to be noted. */
    readonly marksIn: (segment: Segment) => readonly number[];
  },
): { tasks: ProofTask[]; segments: SegmentTasks[] } {
  const { directory, pieceBytes, marksIn } = options;
  const tasks: ProofTask[] = [];
  const ofSegments: SegmentTasks[] = [];
  for (const [at, { segment, header, index }] of segments.entries()) {
    const pieces = pieceBytes === 0 ? [] : piecesOf(segment, {
      remains: header?.remains,
      marks: marksIn(segment),
      pieceBytes,
    });
    const firstTask = tasks.length;
    tasks.push(...pieces.map((piece) => ({ piece })));
    ofSegments.push({ pieces, firstTask, indexTask: tasks.length });
    // That of the last segment is asked for by nobody.
    if (index !== undefined && at < segments.length - 1) {
      tasks.push({ index: join(directory, index.name) });
    }
  }
  return { tasks, segments: ofSegments };
}
