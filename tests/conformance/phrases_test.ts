/**
 * Everything recorded, replayed over the server that sends reason phrases: the
 * answers are the same, and so are the phrases but for those that are listed.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { serveWithPhrases } from "../../lib/http/phrase_server.ts";
import { openSocketTarget } from "./app_target.ts";
import { describeStep, replayArea, stepsOf } from "./area_result.ts";
import { DEVIATIONS } from "./deviations.ts";
import type { JudgedExchange } from "./judge.ts";
import { areaNames } from "./recording.ts";

/**
 * Phrases that are others on purpose: status, recorded, and sent instead. The
 * text of a refusal is its phrase, and says more, or the same in one spelling.
 */
const OTHER_PHRASES: readonly string[] = [
  "400 Write request body invalid.: Empty eventId provided.",
  "404 Not found: Not Found",
];

/** They wait for minutes, by a clock that a socket does not have. */
const NEEDS_CLOCK = ["long-poll", "projections", "subscriptions"];

const needed = new Set<string>();

for (const area of areaNames()) {
  if (NEEDS_CLOCK.includes(area)) continue;
  Deno.test(`replay of ${area} with reason phrases`, async () => {
    const result = await replayArea(
      area,
      () => openSocketTarget(serveWithPhrases),
      DEVIATIONS,
    );
    const steps = stepsOf([result]);
    const wrong = steps.filter(({ verdict }) => verdict.kind === "mismatch");
    assertEquals(wrong.length, 0, wrong.map(describeStep).join("\n"));
    const others = steps.flatMap(otherPhraseOf);
    for (const other of others) needed.add(other);
    assertEquals(
      others.filter((other) => !OTHER_PHRASES.includes(other)),
      [],
    );
  });
}

Deno.test("every listed phrase is another one", () => {
  assertEquals(OTHER_PHRASES.filter((other) => !needed.has(other)), []);
});

/** Of answers that are as recorded. */
function otherPhraseOf({ exchange, verdict }: JudgedExchange): string[] {
  const { recorded, answered } = exchange;
  if (verdict.kind !== "match" || recorded?.reason === undefined) return [];
  const { reason = "" } = answered;
  return recorded.reason === reason
    ? []
    : [`${recorded.status} ${recorded.reason}: ${reason}`];
}
