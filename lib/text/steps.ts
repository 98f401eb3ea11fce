/**
 * Work on a long text in steps, so that the caller can let others have
 * their turn in between.
 *
 * @module
 */

/** Work that pauses after each step of some ten milliseconds at most. */
export type Steps<Result> = Generator<undefined, Result>;

/** Bytes or characters that one step reads. */
export const STEP_LENGTH = 128 * 1024;

/** Does all of it at once. */
export function runSteps<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
