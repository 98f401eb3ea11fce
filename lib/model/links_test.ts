import { assertEquals } from "@std/assert";
import { parseLink } from "./links.ts";

Deno.test("parseLink() of what links say", () => {
  const cases: readonly [string, string | undefined][] = [
    ["0@s", "0@s"],
    ["12@a@b", "12@a@b"],
    ["3@$$s", "3@$$s"],
    ["7@日本", "7@日本"],
    ["9223372036854775807@s", "9223372036854775808@s"],
    ["9223372036854775808@s", undefined],
    ["99999999999999999999@s", undefined],
    ["garbage", undefined],
    ["@s", undefined],
    ["1@", undefined],
    ["-1@s", undefined],
    ["1.5@s", undefined],
    [" 1@s", undefined],
    ["0x1@s", undefined],
    ["", undefined],
  ];
  for (const [data, wanted] of cases) {
    const link = parseLink(new TextEncoder().encode(data));
    const text = link && `${BigInt(link.eventNumber)}@${link.streamName}`;
    assertEquals(text, wanted, data);
  }
});
