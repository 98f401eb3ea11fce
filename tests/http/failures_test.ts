/**
 * What clients are told when the server itself cannot do what they ask.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { QuipuError, type QuipuErrorCode } from "../../lib/model/errors.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { LogFields, Logger } from "../../lib/model/logger.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { createTestClock, createTestIds, testUuid } from "../support/events.ts";
import { createTestStore } from "../support/test_store.ts";
import { openTestApp } from "../support/test_app.ts";

const ONE = [{ eventId: testUuid(1), eventType: "tested" }];

/** A store whose appends fail. */
function failingStore(error: Error): EventStore {
  const store = createTestStore({
    clock: createTestClock(),
    newEventId: createTestIds(),
  });
  store.append = () => Promise.reject(error);
  return store;
}

Deno.test("an error of the store is answered by its code", async () => {
  const table: [code: QuipuErrorCode, status: number, text: string][] = [
    ["invalidRequest", 400, "the reason"],
    ["reservedStream", 400, "the reason"],
    ["eventTooLarge", 413, "the reason"],
    ["batchTooLarge", 413, "the reason"],
    ["tooManyLogins", 429, "the reason"],
    ["queueFull", 503, "the reason"],
    ["storeClosed", 503, "the reason"],
    ["storeReadOnly", 503, "the reason"],
    ["storeFull", 507, "the reason"],
  ];
  for (const [code, status, text] of table) {
    await using store = failingStore(new QuipuError(code, "the reason"));
    await using app = openTestApp({ store });
    const answer = await app.append("s", ONE);
    assertEquals([answer.status, answer.body], [status, text], code);
    const isForLater = status === 503 || status === 429;
    assertEquals(answer.headers.get("Retry-After"), isForLater ? "1" : null);
  }
});

Deno.test("an error that nobody expects is 500 with an id that is in the log, and no more", async () => {
  for (
    const error of [
      new TypeError("the inside"),
      new QuipuError("corruptRecord", "the inside"),
    ]
  ) {
    const logged: [event: string, fields: LogFields | undefined][] = [];
    const logger: Logger = {
      ...SILENT_LOGGER,
      error: (event, fields) => logged.push([event, fields]),
    };
    await using store = failingStore(error);
    await using app = openTestApp({ store, logger });
    const answer = await app.append("s", ONE);
    assertEquals(answer.status, 500);
    assertMatch(answer.body, /^Internal Server Error \(error [0-9a-f-]{36}\)$/);
    assertEquals(answer.headers.get("Access-Control-Allow-Origin"), "*");
    const [[event, fields] = [], ...more] = logged;
    assertEquals([event, fields?.operation, more.length], [
      "request.failed",
      "appendEvents",
      0,
    ]);
    assertEquals(answer.body.includes(String(fields?.requestId)), true);
    assertMatch(String(fields?.error), /the inside/);
  }
});
