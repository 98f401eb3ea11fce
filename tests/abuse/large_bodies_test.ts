import { assertEquals, assertLess } from "@std/assert";
import { abuse } from "./bystander.ts";
import { EVENTS_JSON, postHead, send } from "./hostile_request.ts";

const MIB = 1024 * 1024;
const SENT_MIB = 100;
const ONE_MIB = new Uint8Array(MIB).fill(0x20);

Deno.test("a body of 100 MB with its length is 413, unread", () =>
  abuse(async ({ url }) => {
    let sentMib = 0;
    const answer = await send(url, pieces());
    assertEquals(answer.status, 413);
    assertEquals(answer.body, "Request body too large. Limit is 16mb");
    assertLess(sentMib, SENT_MIB / 2, "it was read to its end");

    function* pieces() {
      yield postHead([
        `Content-Type: ${EVENTS_JSON}`,
        `Content-Length: ${SENT_MIB * MIB}`,
      ]);
      for (; sentMib < SENT_MIB; sentMib++) yield ONE_MIB;
    }
  }));

Deno.test("a chunked body of 100 MB is 413 once it is too long", () =>
  abuse(async ({ url }) => {
    let sentMib = 0;
    const answer = await send(url, pieces());
    assertEquals(answer.status, 413);
    assertEquals(answer.body, "Request body too large. Limit is 16mb");
    assertLess(sentMib, SENT_MIB / 2, "it was read to its end");

    function* pieces() {
      yield postHead([
        `Content-Type: ${EVENTS_JSON}`,
        "Transfer-Encoding: chunked",
      ]);
      for (; sentMib < SENT_MIB; sentMib++) {
        yield MIB.toString(16) + "\r\n";
        yield ONE_MIB;
        yield "\r\n";
      }
    }
  }));

Deno.test("a length that is no number is 400", () =>
  abuse(async ({ url }) => {
    for (const length of ["-1", "0x10", "1e3", "9".repeat(30), "1, 2"]) {
      const answer = await send(url, [
        postHead([`Content-Type: ${EVENTS_JSON}`, `Content-Length: ${length}`]),
      ]);
      assertEquals([length, answer.status], [length, 400]);
    }
  }));
