import { assertEquals } from "@std/assert";
import { parseBaseUrl, parseOrigins } from "./text_form.ts";

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

Deno.test("parseOrigins() takes origins with commas between them", () => {
  const cases: readonly (readonly [string, readonly string[] | undefined])[] = [
    ["https://a.example", ["https://a.example"]],
    ["https://A.example, http://b:81", ["https://a.example", "http://b:81"]],
    ["https://a.example/", ["https://a.example"]],
    ["https://a.example/x", undefined],
    ["*", undefined],
    ["null", undefined],
    ["https://a.example,", undefined],
    ["", undefined],
  ];
  for (const [text, wanted] of cases) {
    assertEquals(parseOrigins(text), wanted, text);
  }
});
