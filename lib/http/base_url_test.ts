import { assertEquals, assertThrows } from "@std/assert";
import { createBaseUrlOf } from "./hosts.ts";
import { Refusal } from "./errors.ts";

const INFO: Deno.ServeHandlerInfo = {
  remoteAddr: { transport: "tcp", hostname: "10.0.0.9", port: 1 },
  completed: Promise.resolve(),
};

function baseUrl(headers: Record<string, string>, isTrusted = true): string {
  const baseUrlOf = createBaseUrlOf({
    scheme: "http",
    trustsForwarded: () => isTrusted,
  });
  return baseUrlOf(new Request("http://url-host:9/x", { headers }), INFO);
}

Deno.test("links start with the Host header, whatever the URL says", () => {
  assertEquals(baseUrl({ Host: "h:2113" }), "http://h:2113");
  assertEquals(baseUrl({ Host: "h" }), "http://h");
  assertEquals(baseUrl({ Host: "h:80" }), "http://h");
  assertEquals(baseUrl({ Host: "[::1]:2113" }), "http://[::1]:2113");
  assertEquals(baseUrl({ Host: "[::1]" }), "http://[::1]");
  assertEquals(baseUrl({}), "http://url-host:9");
});

Deno.test("a proxy's headers change what they name", () => {
  const table: [headers: Record<string, string>, url: string][] = [
    [{ "X-Forwarded-Port": "8080" }, "http://h:8080"],
    [{ "X-Forwarded-Port": "80" }, "http://h"],
    [{ "X-Forwarded-Proto": "https" }, "https://h:2113"],
    [{ "X-Forwarded-Proto": "HTTPS", "X-Forwarded-Port": "443" }, "https://h"],
    [{ "X-Forwarded-Host": "e.example" }, "http://e.example:2113"],
    [{ "X-Forwarded-Host": "e.example:99" }, "http://e.example:99"],
    [{ "X-Forwarded-Host": "a.example:1, b.example" }, "http://a.example:1"],
    [{ "X-Forwarded-Prefix": "/es" }, "http://h:2113/es"],
    [{ "X-Forwarded-Prefix": "/a/es/" }, "http://h:2113/a/es"],
    [{
      "X-Forwarded-Host": "e.example",
      "X-Forwarded-Port": "443",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Prefix": "/es",
    }, "https://e.example/es"],
  ];
  for (const [headers, url] of table) {
    assertEquals(baseUrl({ Host: "h:2113", ...headers }), url);
  }
});

Deno.test("a proxy's headers that make no sense are passed over", () => {
  const nonsense: Record<string, string>[] = [
    { "X-Forwarded-Port": "x" },
    { "X-Forwarded-Port": "0" },
    { "X-Forwarded-Port": "65536" },
    { "X-Forwarded-Proto": "javascript" },
    { "X-Forwarded-Proto": "https://evil" },
    { "X-Forwarded-Host": "e.example/path" },
    { "X-Forwarded-Host": 'e"><script>' },
    { "X-Forwarded-Host": "user@e.example" },
    { "X-Forwarded-Host": "e.example:99999" },
    { "X-Forwarded-Host": "x".repeat(300) },
    { "X-Forwarded-Prefix": "es" },
    { "X-Forwarded-Prefix": "/" },
    { "X-Forwarded-Prefix": "//evil.example" },
    { "X-Forwarded-Prefix": "/a/../b" },
    { "X-Forwarded-Prefix": "/<b>" },
    { "X-Forwarded-Prefix": "/" + "x".repeat(300) },
  ];
  for (const headers of nonsense) {
    assertEquals(
      baseUrl({ Host: "h:2113", ...headers }),
      "http://h:2113",
      JSON.stringify(headers),
    );
  }
});

Deno.test("headers of a client that is no trusted proxy do not count", () => {
  const headers = { Host: "h:2113", "X-Forwarded-Host": "e.example" };
  assertEquals(baseUrl(headers, false), "http://h:2113");
});

Deno.test("a Host header that names no host is refused", () => {
  for (const host of ["a b", 'h"', "<x>", "u@h", "h/x", "h:x", "h:0", ":1"]) {
    assertThrows(() => baseUrl({ Host: host }), Refusal, "Invalid host");
  }
});

Deno.test("one client's address is never another one's", () => {
  const baseUrlOf = createBaseUrlOf({
    scheme: "https",
    trustsForwarded: () => true,
  });
  const ask = (headers: Record<string, string>) =>
    baseUrlOf(new Request("http://x/", { headers }), INFO);
  assertEquals(ask({ Host: "a" }), "https://a");
  assertEquals(
    ask({ Host: "a", "X-Forwarded-Host": "evil.example" }),
    "https://evil.example",
  );
  assertEquals(ask({ Host: "a" }), "https://a");
  assertEquals(ask({ Host: "b" }), "https://b");
  assertEquals(ask({ Host: "a" }), "https://a");
});
