/**
 * Random steps of a history: few streams and few ids, so that repetitions,
 * conflicts, deletes and reopenings happen often.
 *
 * @module
 */

import type { ProposedEvent } from "../../lib/model/event.ts";
import type { ExpectedVersion } from "../../lib/model/expected_version.ts";
import { aMetadataEvent, anEvent } from "./events.ts";
import type { Random } from "./random.ts";
import type { WriteStep } from "./store_twins.ts";

const STREAMS = [
  "cart-1",
  "cart-2",
  "cart-1-b",
  "order-7",
  "plain",
  "räksmörgås-🦐",
  "-leading",
  "$settings",
  "$system-1",
  // Of another list of the same text: names of kinds must not be mixed up.
  "cart",
  "tested",
];
const TYPES = ["tested", "added", "cart", "ändrad", "$>", "$own", "$metadata"];
const METADATA = [
  {},
  { $maxCount: 2 },
  { $tb: 1, custom: "ü" },
  { $tb: 3, $maxCount: 30, list: [1, {}] },
  { $maxAge: 10, $acl: { $r: "a" } },
  { $tb: "wrong" },
];

/** Makes random steps; `known` remembers the ids given out. */
export function createRandomSteps(random: Random): () => WriteStep {
  const streams = [...STREAMS];
  let lastId = 0;

  function newEvent(): ProposedEvent {
    lastId++;
    const isOld = random.chance(0.12);
    const number = isOld ? random.integer(1, lastId) : lastId;
    const size = random.chance(0.03)
      ? random.integer(2_000, 20_000)
      : random.integer(0, 80);
    const isBytes = random.chance(0.3);
    return anEvent(number, {
      eventType: random.pick(TYPES),
      isJson: random.chance(0.7),
      data: isBytes ? random.bytes(size) : "é".repeat(size),
      metadata: random.chance(0.5)
        ? ""
        : random.chance(0.5)
        ? '{"m":1}'
        : random.bytes(5),
    });
  }

  function streamName(): string {
    if (random.chance(0.02)) streams.push(`new-${streams.length}`);
    return random.pick(streams);
  }

  function expectedVersion(): ExpectedVersion {
    return random.chance(0.6) ? "any" : random.pick<ExpectedVersion>([
      "noStream",
      "streamExists",
      random.integer(0, 3),
      random.integer(0, 40),
    ]);
  }

  return () => {
    const kind = random.integer(0, 99);
    if (kind < 8) {
      return {
        kind: "delete",
        request: {
          streamName: streamName(),
          expectedVersion: expectedVersion(),
          mode: random.chance(0.1) ? "hard" : "soft",
        },
      };
    }
    if (kind < 18) {
      lastId++;
      return {
        kind: "append",
        request: {
          streamName: "$$" + streamName(),
          expectedVersion: expectedVersion(),
          events: [aMetadataEvent(lastId, random.pick(METADATA))],
          keepsTruncation: random.chance(0.5),
        },
      };
    }
    if (kind < 20) {
      return {
        kind: "append",
        request: {
          streamName: random.pick(["$ce-cart", "$et-tested", "$streams"]),
          expectedVersion: "any",
          events: [newEvent()],
        },
      };
    }
    const count = random.chance(0.7) ? 1 : random.integer(2, 8);
    return {
      kind: "append",
      request: {
        streamName: streamName(),
        expectedVersion: expectedVersion(),
        events: Array.from({ length: count }, newEvent),
      },
    };
  };
}
