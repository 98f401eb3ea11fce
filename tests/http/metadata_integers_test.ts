/**
 * Integers of metadata are signed 64-bit ones: shown, sent and obeyed to their
 * last digit.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testUuid } from "../support/events.ts";
import { openTestApp } from "../support/test_app.ts";

const FEED = "application/vnd.eventstore.atom+json";
const INT64_MAX = 2n ** 63n - 1n;
const EDGES = [1n, 2n ** 31n, 2n ** 53n, 2n ** 63n];

Deno.test("integers of metadata keep their last digit", async () => {
  await using app = openTestApp();
  let id = 1;
  for (const edge of EDGES) {
    for (const value of [edge - 2n, edge - 1n, edge, edge + 1n]) {
      const stream = `/streams/s${id}`;
      await app.append(`s${id}`, [
        { eventId: testUuid(id++), eventType: "t", data: {} },
      ]);
      const document = `{"$tb":${value},"$cacheControl":${value},` +
        `"$maxAge":${value},"$maxCount":${value}}`;
      const written = await app.send(`${stream}/metadata`, {
        headers: {
          "Content-Type": "application/json",
          "ES-EventId": testUuid(id++),
        },
        body: document,
      });
      assertEquals(written.status, 201);
      const shown = await app.get(`${stream}/metadata`, "application/json");
      assertEquals(shown.body.replaceAll(/\s/g, ""), document);
      const xml = await app.get(`${stream}/metadata`, "application/xml");
      assert(xml.body.includes(`json:tb="${value}"`), xml.body);
      const feed = await app.get(stream, FEED);
      // Only the largest one means that the stream is deleted; beyond it the
      // whole document counts as empty.
      assertEquals(feed.status, value === INT64_MAX ? 404 : 200);
      if (feed.status !== 200) continue;
      const isObeyed = value >= 1n && value < INT64_MAX;
      assertEquals(
        feed.headers.get("Cache-Control"),
        isObeyed
          ? `max-age=${value}, public`
          : "max-age=0, no-cache, must-revalidate",
      );
      const { entries } = JSON.parse(feed.body);
      assertEquals(entries.length, isObeyed ? 0 : 1, String(value));
    }
  }
});
