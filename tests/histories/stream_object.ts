/**
 * A stream as `spec/streams.md` §3 has it, written down once more and for
 * itself: what an append with an expected version, and a read, answer.
 *
 * @module
 */

import type { SequentialObject } from "./linearizable.ts";

export type StreamInput =
  | {
    readonly kind: "append";
    /** −2 any, −1 no stream, −4 stream exists, or the last number. */
    readonly expected: number;
    readonly ids: readonly string[];
  }
  | { readonly kind: "readEvent"; readonly number: number }
  | { readonly kind: "readHead" }
  | { readonly kind: "softDelete" }
  | { readonly kind: "hardDelete" };

export type StreamOutput =
  /** 201 with the number in its Location. */
  | { readonly kind: "written"; readonly first: number }
  /** 400 with ES-CurrentVersion. */
  | { readonly kind: "conflict"; readonly current: number }
  | { readonly kind: "gone" }
  | { readonly kind: "deleted" }
  | { readonly kind: "notFound" }
  | { readonly kind: "event"; readonly number: number; readonly id: string };

export interface StreamValue {
  readonly ids: readonly string[];
  /** Events before it were deleted: they are not seen, and their ids forgotten. */
  readonly firstVisible: number;
  /** Whether all of them were, until the next append. */
  readonly isDeleted: boolean;
  readonly isGone: boolean;
}

/** The rules. */
export const STREAM_OBJECT: SequentialObject<
  StreamValue,
  StreamInput,
  StreamOutput
> = {
  initial: { ids: [], firstVisible: 0, isDeleted: false, isGone: false },
  step(value, input, output) {
    const { next, answer } = apply(value, input);
    return output === undefined || isSame(answer, output) ? next : undefined;
  },
  keyOf: ({ ids, firstVisible, isDeleted, isGone }) =>
    `${isGone} ${isDeleted} ${firstVisible} ${ids.join()}`,
};

function apply(
  value: StreamValue,
  input: StreamInput,
): { next: StreamValue; answer: StreamOutput } {
  const { ids, firstVisible, isDeleted, isGone } = value;
  if (isGone) return { next: value, answer: { kind: "gone" } };
  const same = (answer: StreamOutput) => ({ next: value, answer });
  switch (input.kind) {
    case "readEvent":
    case "readHead": {
      const number = input.kind === "readHead" ? ids.length - 1 : input.number;
      const isVisible = !isDeleted && number >= firstVisible;
      const id = isVisible ? ids[number] : undefined;
      return same(
        id === undefined ? { kind: "notFound" } : { kind: "event", number, id },
      );
    }
    case "softDelete":
      return {
        next: { ...value, isDeleted: true },
        answer: { kind: "deleted" },
      };
    case "hardDelete":
      return { next: { ...value, isGone: true }, answer: { kind: "deleted" } };
    case "append":
      return append(value, input.expected, input.ids);
  }
}

function append(
  value: StreamValue,
  expected: number,
  batch: readonly string[],
): { next: StreamValue; answer: StreamOutput } {
  const { ids, isDeleted } = value;
  const current = ids.length - 1;
  const firstVisible = isDeleted ? ids.length : value.firstVisible;
  const conflict = {
    next: value,
    answer: { kind: "conflict", current },
  } as const;
  const duplicate = (first: number) => ({
    next: value,
    answer: { kind: "written", first } as const,
  });
  const written = {
    next: {
      ids: [...ids, ...batch],
      firstVisible,
      isDeleted: false,
      isGone: false,
    },
    answer: { kind: "written", first: current + 1 },
  } as const;
  // Rule 2.
  if (expected === -4 && isDeleted) {
    return { next: value, answer: { kind: "gone" } };
  }
  if (expected === -4 && current === -1) return conflict;
  if (expected === -2 || expected === -4) {
    // Rule 3.
    const first = ids.indexOf(batch[0] ?? "", firstVisible);
    if (first < 0) return written;
    return batch.every((id) => ids.includes(id, firstVisible))
      ? duplicate(first)
      : conflict;
  }
  if (expected === -1 && isDeleted) return written;
  if (expected < current) {
    // Rule 4.
    const isRepeated = expected + 1 >= firstVisible &&
      batch.every((id, index) => ids[expected + 1 + index] === id);
    return isRepeated ? duplicate(expected + 1) : conflict;
  }
  // Rules 5 and 6.
  return expected > current ? conflict : written;
}

function isSame(one: StreamOutput, other: StreamOutput): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
