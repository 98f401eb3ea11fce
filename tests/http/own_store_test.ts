/**
 * What the model store would not notice: the interface over the program's own.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { openTestApp } from "../support/test_app.ts";

Deno.test("links in a category are served, those that lead nowhere are not listed", async () => {
  const clock = createTestClock();
  await using store = await openStore({
    directory: undefined,
    segmentSizeBytes: 1024 * 1024,
    clock,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
  await using app = openTestApp({ store, clock });
  const idOf = (number: number) =>
    `abababab-0000-4000-8000-00000000000${number}`;
  await app.append("things-1", [
    { eventId: idOf(1), eventType: "t", data: { a: 1 } },
  ]);
  await app.append("links-1", [
    { eventId: idOf(2), eventType: "$>", data: "0@things-1" },
    { eventId: idOf(3), eventType: "$>", data: "nowhere" },
  ]);
  for (const embed of ["none", "rich", "body"]) {
    const { status, body } = await app.get(
      `/streams/%24ce-links?embed=${embed}`,
      "application/vnd.eventstore.atom+json",
    );
    assertEquals(status, 200, body);
    const { entries } = JSON.parse(body);
    assertEquals(
      entries.map((entry: { title: string }) => entry.title),
      ["0@things-1"],
    );
  }
});
