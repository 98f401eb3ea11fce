import { assertEquals } from "@std/assert";
import {
  type AppendDecision,
  type DecidableStream,
  decideAppend,
  decideDelete,
  type DeleteDecision,
} from "./decide_append.ts";
import { TRUNCATE_ALL } from "./event_number.ts";
import type { ExpectedVersion } from "./expected_version.ts";

/** A stream that holds events with these ids, from number 0 on. */
function streamOf(
  eventIds: readonly string[],
  changes: Partial<DecidableStream> = {},
): DecidableStream {
  return {
    head: eventIds.length - 1,
    isTombstoned: false,
    truncateBefore: 0,
    hasMetadata: false,
    numberOf(eventId, from) {
      const index = eventIds.findIndex((known, number) =>
        known === eventId && number >= from
      );
      return index < 0 ? undefined : index;
    },
    hasIdAt: (eventNumber, eventId) => eventIds[eventNumber] === eventId,
    ...changes,
  };
}

const SOFT_DELETED = { truncateBefore: TRUNCATE_ALL, hasMetadata: true };

const STREAMS = {
  missing: streamOf([]),
  metadataOnly: streamOf([], { hasMetadata: true }),
  softDeletedUnwritten: streamOf([], SOFT_DELETED),
  one: streamOf(["a"]),
  three: streamOf(["a", "b", "c"]),
  softDeleted: streamOf(["a", "b", "c"], SOFT_DELETED),
  tombstoned: streamOf(["a", "b", "c"], { isTombstoned: true }),
  tombstonedUnwritten: streamOf([], { isTombstoned: true }),
};

const EXPECTATIONS: readonly ExpectedVersion[] = [
  "any",
  "noStream",
  "streamExists",
  0,
  1,
  2,
  9_999_999_999,
];

/**
 * One row a stream, one column an expectation above: a number is where the
 * event is written, "!" a conflict, "x" deleted.
 */
const APPEND_NEW: Record<keyof typeof STREAMS, string> = {
  missing: "0 0 ! ! ! ! !",
  metadataOnly: "0 0 0 ! ! ! !",
  softDeletedUnwritten: "0 0 x ! ! ! !",
  one: "1 ! 1 1 ! ! !",
  three: "3 ! 3 ! ! 3 !",
  softDeleted: "3 3 x ! ! 3 !",
  tombstoned: "x x x x x x x",
  tombstonedUnwritten: "x x x x x x x",
};

/** As above; "d" is a delete that is done. */
const DELETE: Record<keyof typeof STREAMS, string> = {
  missing: "d d ! ! ! ! !",
  metadataOnly: "d d d ! ! ! !",
  softDeletedUnwritten: "d d x ! ! ! !",
  one: "d ! d d ! ! !",
  three: "d ! d ! ! d !",
  softDeleted: "d d x ! ! d !",
  tombstoned: "x x x x x x x",
  tombstonedUnwritten: "x x x x x x x",
};

function letterOf(decision: AppendDecision | DeleteDecision): string {
  switch (decision.kind) {
    case "append":
      return String(decision.first);
    case "duplicate":
      return `=${decision.first}`;
    case "conflict":
      return "!";
    case "deleted":
      return "x";
    case "delete":
      return "d";
  }
}

for (const name of Object.keys(STREAMS) as (keyof typeof STREAMS)[]) {
  Deno.test(`a new event to a ${name} stream, by expectation`, () => {
    const decisions = EXPECTATIONS.map((expected) =>
      decideAppend(STREAMS[name], expected, ["new"])
    );
    assertEquals(decisions.map(letterOf).join(" "), APPEND_NEW[name]);
    for (const decision of decisions) {
      if (decision.kind === "conflict") {
        assertEquals(decision.head, STREAMS[name].head);
      }
    }
  });

  Deno.test(`deleting a ${name} stream, by expectation`, () => {
    const decisions = EXPECTATIONS.map((expected) =>
      decideDelete(STREAMS[name], expected)
    );
    assertEquals(decisions.map(letterOf).join(" "), DELETE[name]);
  });
}

/** Ids posted to a stream that holds a, b, c; expectation; decision. */
const REPETITIONS: readonly [string, ExpectedVersion, string][] = [
  // All known, in whatever order: what was written first is told.
  ["a b c", "any", "=0"],
  ["b c", "any", "=1"],
  ["c b a", "any", "=2"],
  ["a c", "any", "=0"],
  ["b", "streamExists", "=1"],
  // The first known, another not.
  ["a new", "any", "!"],
  ["a b c new", "any", "!"],
  ["c new", "streamExists", "!"],
  // The first unknown: all are written, the known ones again.
  ["new a", "any", "3"],
  ["new new", "any", "3"],
  // By position: the same ids at the same numbers, or a part of them.
  ["a b c", "noStream", "=0"],
  ["a b", "noStream", "=0"],
  ["b c", 0, "=1"],
  ["c", 1, "=2"],
  ["a b c new", "noStream", "!"],
  ["c new", 1, "!"],
  ["a c", "noStream", "!"],
  ["c b a", "noStream", "!"],
  ["a", 0, "!"],
  ["new new", "noStream", "!"],
  // At the head nothing is compared.
  ["c", 2, "3"],
  ["a b c", 2, "3"],
  ["new c", 2, "3"],
  // Beyond the head.
  ["a", 3, "!"],
];

for (const [ids, expected, wanted] of REPETITIONS) {
  Deno.test(`"${ids}" expecting ${expected} over "a b c" is ${wanted}`, () => {
    const decision = decideAppend(STREAMS.three, expected, ids.split(" "));
    assertEquals(letterOf(decision), wanted);
  });
}

/** Streams that hold a, b, c; ids posted; expectation; decision. */
const HIDDEN_IDS: readonly [
  Partial<DecidableStream>,
  string,
  ExpectedVersion,
  string,
][] = [
  // A soft delete hides all ids: each append is a new beginning.
  [SOFT_DELETED, "a", "any", "3"],
  [SOFT_DELETED, "a b c", "any", "3"],
  [SOFT_DELETED, "c", "noStream", "3"],
  [SOFT_DELETED, "a b", "noStream", "3"],
  [SOFT_DELETED, "a new", "noStream", "3"],
  [SOFT_DELETED, "new a", "noStream", "3"],
  [SOFT_DELETED, "a", "streamExists", "x"],
  [SOFT_DELETED, "b", 0, "!"],
  [SOFT_DELETED, "new", 0, "!"],
  [SOFT_DELETED, "c", 2, "3"],
  // So does `$tb`, for the numbers below it.
  [{ truncateBefore: 2 }, "a", "any", "3"],
  [{ truncateBefore: 2 }, "a b", "streamExists", "3"],
  [{ truncateBefore: 2 }, "c", "any", "=2"],
  [{ truncateBefore: 2 }, "c a", "any", "!"],
  [{ truncateBefore: 2 }, "a c", "any", "3"],
  [{ truncateBefore: 2 }, "a", "noStream", "!"],
  [{ truncateBefore: 2 }, "a b c", "noStream", "!"],
  [{ truncateBefore: 2 }, "b c", 0, "!"],
  [{ truncateBefore: 2 }, "c", 1, "=2"],
  [{ truncateBefore: 3 }, "c", "any", "3"],
  [{ truncateBefore: 3 }, "c", 1, "!"],
  [{ truncateBefore: 100 }, "a b c", "any", "3"],
  [{ truncateBefore: 2n ** 62n }, "c", "any", "3"],
  [{ truncateBefore: 2n ** 62n }, "c", 1, "!"],
];

for (const [changes, ids, expected, wanted] of HIDDEN_IDS) {
  const { truncateBefore } = changes;
  Deno.test(`"${ids}" expecting ${expected} is ${wanted} where $tb is ${truncateBefore}`, () => {
    const stream = streamOf(["a", "b", "c"], changes);
    const decision = decideAppend(stream, expected, ids.split(" "));
    assertEquals(letterOf(decision), wanted);
  });
}

Deno.test("an id written again after a delete is known by its new number", () => {
  const again = streamOf(["a", "b", "a", "b"], { truncateBefore: 2 });
  const decide = (expected: ExpectedVersion, ids: string[]) =>
    letterOf(decideAppend(again, expected, ids));
  assertEquals(decide("any", ["a", "b"]), "=2");
  assertEquals(decide("streamExists", ["b"]), "=3");
  assertEquals(decide(1, ["a", "b"]), "=2");
  assertEquals(decide("noStream", ["a", "b"]), "!");
});

Deno.test("events that are gone for good match nothing", () => {
  const scavenged = streamOf(["a", "b", "c"], {
    numberOf: (eventId) => eventId === "c" ? 2 : undefined,
    hasIdAt: (eventNumber, eventId) => eventNumber === 2 && eventId === "c",
  });
  const decide = (expected: ExpectedVersion, ids: string[]) =>
    letterOf(decideAppend(scavenged, expected, ids));
  assertEquals(decide("any", ["a"]), "3");
  assertEquals(decide("noStream", ["a"]), "!");
  assertEquals(decide("any", ["c"]), "=2");
});
