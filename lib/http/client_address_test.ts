import { assertEquals } from "@std/assert";
import { leastMs } from "../../tests/support/least_time.ts";
import { parseIpRanges } from "../text/addresses.ts";
import { clientAddressOf } from "./client.ts";

const isTrusted = parseIpRanges("10.0.0.0/8, ::1") ?? (() => false);

/** Peer, X-Forwarded-For → client. */
const CASES: readonly (readonly [string, string | undefined, string])[] = [
  ["203.0.113.9", undefined, "203.0.113.9"],
  ["203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["10.0.0.1", undefined, "10.0.0.1"],
  ["10.0.0.1", "198.51.100.1", "198.51.100.1"],
  ["10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"],
  ["10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"],
  ["10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"],
  ["10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
  ["::1", "[2001:db8::1]:4711", "2001:db8::1"],
  ["10.0.0.1", "unknown", "10.0.0.1"],
  ["10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"],
  ["10.0.0.1", "", "10.0.0.1"],
];

for (const [peer, forwarded, client] of CASES) {
  Deno.test(`X-Forwarded-For ${forwarded} from ${peer} is ${client}`, () => {
    const headers = new Headers(
      forwarded === undefined ? {} : { "X-Forwarded-For": forwarded },
    );
    assertEquals(clientAddressOf(peer, headers, isTrusted), client);
  });
}

Deno.test("X-Forwarded-For counts for nothing from others than trusted proxies", () => {
  const headers = new Headers({ "X-Forwarded-For": "198.51.100.1" });
  const trustsNobody = () => false;
  assertEquals(clientAddressOf("10.0.0.1", headers, trustsNobody), "10.0.0.1");
});

Deno.test("a long X-Forwarded-For takes no time", async () => {
  const list = "10.0.0.9,".repeat(100_000) + "10.0.0.8";
  const headers = new Headers({ "X-Forwarded-For": list });
  const tookMs = await leastMs(() => {
    assertEquals(clientAddressOf("10.0.0.1", headers, isTrusted), "10.0.0.9");
  }, 50);
  assertEquals(tookMs < 50, true, `${tookMs} ms`);
});
