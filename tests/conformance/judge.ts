/**
 * Says of each replayed step whether it is as recorded, and if not, whether
 * that is intended or wrong.
 *
 * @module
 */

import { compareAnswer, judgeDefectAnswer, judgeRefusal } from "./compare.ts";
import type { Deviation } from "./deviations.ts";
import type { Difference } from "./difference.ts";
import type { Exchange } from "./replay.ts";
import type { ServerMade } from "./server_made.ts";

/** What a step turned out to be. */
export type Verdict =
  /** As recorded. */
  | { readonly kind: "match" }
  /** The recorded server failed here; this one answers sanely. */
  | { readonly kind: "defectAnswered" }
  /** Other than recorded, in the way that a deviation says. */
  | { readonly kind: "deviation"; readonly deviation: Deviation }
  | { readonly kind: "mismatch"; readonly differences: readonly Difference[] };

/** A step with its verdict. */
export interface JudgedExchange {
  readonly exchange: Exchange;
  readonly verdict: Verdict;
}

/** Judges one replayed step. */
export function judgeExchange(
  exchange: Exchange,
  made: ServerMade,
  deviations: readonly Deviation[],
): Verdict {
  const { recorded, answered, step } = exchange;
  if (step.defect === true || recorded === undefined) {
    const differences = judgeDefectAnswer(answered);
    return differences.length === 0
      ? { kind: "defectAnswered" }
      : { kind: "mismatch", differences };
  }
  const { ignore, only } = step;
  const options = { isShapeOnly: step.shapeOnly === true, made, ignore, only };
  const differences = step.refusal === true
    ? judgeRefusal(answered)
    : compareAnswer(recorded, answered, options);
  if (differences.length === 0) return { kind: "match" };
  const deviation = deviations.find((candidate) =>
    candidate.judge({ ...exchange, recorded, made, differences })?.length === 0
  );
  return deviation === undefined
    ? { kind: "mismatch", differences }
    : { kind: "deviation", deviation };
}
