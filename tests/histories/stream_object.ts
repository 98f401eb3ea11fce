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
  readonly isGone: boolean;
}

/** The rules. */
export const STREAM_OBJECT: SequentialObject<
  StreamValue,
  StreamInput,
  StreamOutput
> = {
  initial: { ids: [], isGone: false },
  step(value, input, output) {
    const { next, answer } = apply(value, input);
    return output === undefined || isSame(answer, output) ? next : undefined;
  },
  keyOf: ({ ids, isGone }) => `${isGone} ${ids.join()}`,
};

function apply(
  value: StreamValue,
  input: StreamInput,
): { next: StreamValue; answer: StreamOutput } {
  const { ids, isGone } = value;
  if (isGone) return { next: value, answer: { kind: "gone" } };
  const same = (answer: StreamOutput) => ({ next: value, answer });
  switch (input.kind) {
    case "readEvent":
    case "readHead": {
      const number = input.kind === "readHead" ? ids.length - 1 : input.number;
      const id = ids[number];
      return same(
        id === undefined ? { kind: "notFound" } : { kind: "event", number, id },
      );
    }
    case "hardDelete":
      return { next: { ids, isGone: true }, answer: { kind: "deleted" } };
    case "append":
      return append(value, input.expected, input.ids);
  }
}

function append(
  value: StreamValue,
  expected: number,
  batch: readonly string[],
): { next: StreamValue; answer: StreamOutput } {
  const { ids } = value;
  const current = ids.length - 1;
  const conflict = {
    next: value,
    answer: { kind: "conflict", current },
  } as const;
  const duplicate = (first: number) => ({
    next: value,
    answer: { kind: "written", first } as const,
  });
  const written = {
    next: { ids: [...ids, ...batch], isGone: false },
    answer: { kind: "written", first: current + 1 },
  } as const;
  // Rule 2.
  if (expected === -4 && current === -1) return conflict;
  if (expected === -2 || expected === -4) {
    // Rule 3.
    const first = ids.indexOf(batch[0] ?? "");
    if (first < 0) return written;
    return batch.every((id) => ids.includes(id)) ? duplicate(first) : conflict;
  }
  if (expected < current) {
    // Rule 4.
    const isRepeated = batch.every((id, index) =>
      ids[expected + 1 + index] === id
    );
    return isRepeated ? duplicate(expected + 1) : conflict;
  }
  // Rules 5 and 6.
  return expected > current ? conflict : written;
}

function isSame(one: StreamOutput, other: StreamOutput): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
