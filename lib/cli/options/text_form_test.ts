import { assertEquals } from "@std/assert";
import { parseBaseUrl, parseHosts, parseOrigins } from "./text_form.ts";

Deno.test("parseBaseUrl() takes addresses that others can be appended to", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["https://events.example.org", "https://events.example.org"],
    ["https://events.example.org/", "https://events.example.org"],
    ["http://h:8080/a/b/", "http://h:8080/a/b"],
    ["https://h:443", "https://h"],
    ["events.example.org", undefined],
    ["ftp://h", undefined],
    ["javascript:alert(1)", undefined],
    ["https://h/?a=1", undefined],
    ["https://h/#a", undefined],
    ["https://user:secret@h/", undefined],
    ["https://h//", undefined],
    ["", undefined],
  ];
  for (const [text, wanted] of cases) {
    assertEquals(parseBaseUrl(text), wanted, text);
  }
});

Deno.test("parseOrigins() takes origins with commas between them, all, or none", () => {
  const cases: readonly (readonly [
    string,
    ReturnType<typeof parseOrigins>,
  ])[] = [
    ["https://a.example", ["https://a.example"]],
    ["https://A.example, http://b:81", ["https://a.example", "http://b:81"]],
    ["https://a.example/", ["https://a.example"]],
    ["https://a.example/x", undefined],
    ["*", "any"],
    ["none", []],
    ["*,https://a.example", undefined],
    ["none,https://a.example", undefined],
    ["https://*.example", undefined],
    ["null", undefined],
    ["https://a.example,", undefined],
    ["", undefined],
  ];
  for (const [text, wanted] of cases) {
    assertEquals(parseOrigins(text), wanted, text);
  }
});

Deno.test("parseHosts() takes hosts with commas between them", () => {
  const cases: readonly (readonly [string, readonly string[] | undefined])[] = [
    ["a.example", ["a.example"]],
    ["a.example:2113, [::1]:5", ["a.example:2113", "[::1]:5"]],
    ["https://a.example", undefined],
    ["a.example/x", undefined],
    ["a.example:0", undefined],
    ["*", undefined],
    ["a b", undefined],
    ["a.example,", undefined],
    ["", undefined],
  ];
  for (const [text, wanted] of cases) {
    assertEquals(parseHosts(text), wanted, text);
  }
});
