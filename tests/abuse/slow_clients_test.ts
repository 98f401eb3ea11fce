import { assertEquals, assertLess } from "@std/assert";
import { LIMITS } from "../../lib/model/limits.ts";
import { RawConnection } from "../support/raw_http.ts";
import { abuse } from "./bystander.ts";
import { EVENTS_JSON, postHead } from "./hostile_request.ts";

/** Heads that ask for a body that then comes too slowly. */
const BODY_HEADS = ["Content-Length: 1000", "Transfer-Encoding: chunked"].map(
  (framing) => postHead([`Content-Type: ${EVENTS_JSON}`, framing]),
);

/** Time for a body. */
const BODY_MS = 4000;

const TOO_SLOW = [408, "Server was unable to handle request in time"];

Deno.test("bodies that drip, a byte a second, are 408 in time", () =>
  abuse(async ({ url }) => {
    const startedAt = performance.now();
    await Promise.all(BODY_HEADS.map(async (head, place) => {
      using connection = await RawConnection.open(url);
      await connection.write(head);
      const drop = place === 0 ? "[" : "1\r\n[\r\n";
      const timer = setInterval(() => {
        connection.write(drop).catch(() => clearInterval(timer));
      }, 1000);
      const answer = await connection.readAnswer().finally(() =>
        clearInterval(timer)
      );
      assertEquals([answer.status, answer.body], TOO_SLOW);
    }));
    const tookMs = performance.now() - startedAt;
    assertLess(tookMs, 2 * BODY_MS);
  }, [`--body-timeout=${BODY_MS}`]));

Deno.test("connections that say nothing, or half a request, harm nobody", () =>
  abuse(async ({ url }) => {
    const connections: RawConnection[] = [];
    try {
      for (let count = 0; count < 300; count++) {
        const connection = await RawConnection.open(url);
        connections.push(connection);
        if (count % 3 === 1) await connection.write("GET /ping HTTP/1.1\r\nHo");
        if (count % 3 === 2) {
          await connection.write(BODY_HEADS[0] + '[{"eventId"');
        }
      }
      const [half] = connections.slice(1);
      await half?.write("st: localhost\r\n\r\n");
      assertEquals((await half?.readAnswer())?.status, 200, "it still may");
    } finally {
      for (const connection of connections) connection[Symbol.dispose]();
    }
  }));

Deno.test("large bodies that stop before their end are bounded in all", () =>
  abuse(async ({ url }) => {
    const head = postHead([
      `Content-Type: ${EVENTS_JSON}`,
      `Content-Length: ${LIMITS.requestBytesMax}`,
    ]);
    const most = new Uint8Array(LIMITS.requestBytesMax - 1).fill(0x20);
    const connections: RawConnection[] = [];
    const answers: Promise<[number, string]>[] = [];
    try {
      for (let count = 0; count < 40; count++) {
        const connection = await RawConnection.open(url);
        connections.push(connection);
        await connection.write(head);
        answers.push(
          connection.readAnswer().then(({ status, body }) => [status, body]),
        );
        // A server that refuses may close before it has read everything.
        await connection.write(most).catch(() => {});
      }
      const refused = await Promise.race(answers);
      assertEquals(refused, [
        503,
        "Too many requests are being answered: try again later",
      ]);
    } finally {
      for (const connection of connections) connection[Symbol.dispose]();
      await Promise.allSettled(answers);
    }
  }, ["--body-timeout=120000"]));
