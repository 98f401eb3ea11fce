/**
 * Says of each replayed step whether it is as recorded, and if not, whether
 * that is intended, known and open, or wrong.
 *
 * @module
 */

import { compareAnswer, judgeDefectAnswer, judgeRefusal } from "./compare.ts";
import type { Deviation } from "./deviations.ts";
import type { Difference } from "./difference.ts";
import type { PendingRule } from "./pending.ts";
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
  /** Other than recorded, as long as what it needs is not there. */
  | {
    readonly kind: "pending";
    readonly rule: PendingRule;
    readonly differences: readonly Difference[];
  }
  | { readonly kind: "mismatch"; readonly differences: readonly Difference[] };

/** A step with its verdict. */
export interface JudgedExchange {
  readonly exchange: Exchange;
  readonly verdict: Verdict;
}

/** The lists that excuse a difference. */
export interface Excuses {
  readonly deviations: readonly Deviation[];
  readonly pending: readonly PendingRule[];
}

/** Judges one replayed step. */
export function judgeExchange(
  exchange: Exchange,
  made: ServerMade,
  excuses: Excuses,
): Verdict {
  const { recorded, answered, step } = exchange;
  if (step.defect === true || recorded === undefined) {
    const differences = judgeDefectAnswer(answered);
    return differences.length === 0
      ? { kind: "defectAnswered" }
      : pendingOrMismatch(exchange, differences, excuses);
  }
  const { ignore, only } = step;
  const options = { isShapeOnly: step.shapeOnly === true, made, ignore, only };
  const differences = step.refusal === true
    ? judgeRefusal(answered)
    : compareAnswer(recorded, answered, options);
  if (differences.length === 0) return { kind: "match" };
  const deviation = excuses.deviations.find((candidate) =>
    candidate.judge({ ...exchange, recorded, made, differences })?.length === 0
  );
  return deviation === undefined
    ? pendingOrMismatch(exchange, differences, excuses)
    : { kind: "deviation", deviation };
}

function pendingOrMismatch(
  exchange: Exchange,
  differences: readonly Difference[],
  { pending }: Excuses,
): Verdict {
  const rule = pending.find((candidate) => candidate.concerns(exchange));
  return rule === undefined
    ? { kind: "mismatch", differences }
    : { kind: "pending", rule, differences };
}
