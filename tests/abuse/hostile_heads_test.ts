import { assert, assertEquals } from "@std/assert";
import { abuse } from "./bystander.ts";
import { send } from "./hostile_request.ts";

function pingWith(headers: readonly string[]): string {
  return ["GET /ping HTTP/1.1", "Host: localhost", ...headers].join("\r\n") +
    "\r\n\r\n";
}

function manyHeaders(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `X-Header-${n}: a`);
}

const HEADS: readonly [string, string][] = [
  ["129 headers", pingWith(manyHeaders(128))],
  ["a header of 1 MB", pingWith([`X-Long: ${"a".repeat(1_000_000)}`])],
  ["an address of 1 MB", `GET /${"a".repeat(1_000_000)} HTTP/1.1\r\n\r\n`],
  ["a header without a name", pingWith([": a"])],
  ["a line break in a header", pingWith(["X-A: a\rX-B: b"])],
  ["another protocol", "EHLO localhost\r\n\r\n"],
];

Deno.test("hostile heads are 400", () =>
  abuse(async ({ url }) => {
    for (const [name, head] of HEADS) {
      const answer = await send(url, [head]);
      assertEquals([name, answer.status], [name, 400]);
    }
    assertEquals((await send(url, [pingWith(manyHeaders(90))])).status, 200);
  }));

Deno.test("bytes that are no HTTP are 400, or the connection ends", () =>
  abuse(async ({ url }) => {
    for (let attempt = 0; attempt < 100; attempt++) {
      const garbage = crypto.getRandomValues(new Uint8Array(4096));
      const status = await send(url, [garbage]).then(
        (answer) => answer.status,
        (error: unknown) => {
          assert(error instanceof Error, String(error));
          return error.name;
        },
      );
      assert(
        [400, "UnexpectedEof", "ConnectionReset"].includes(status),
        String(status),
      );
    }
  }));
