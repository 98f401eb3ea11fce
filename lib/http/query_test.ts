import { assertEquals } from "@std/assert";
import { parseQuery } from "./router.ts";

Deno.test("parseQuery() knows names by their case, and joins what is repeated", () => {
  const table: [query: string, embed: string, format: string | undefined][] = [
    ["", "none", undefined],
    ["embed=body", "body", undefined],
    ["embed=TryHarder", "tryharder", undefined],
    ["EMBED=body&Format=xml", "none", undefined],
    ["embed=bogus&embed=body", "none", undefined],
    ["embed=rich&embed=rich", "none", undefined],
    ["format=xml&format=json", "none", "xml,json"],
    ["embed=body&EMBED=rich", "body", undefined],
    ["x=1&format=JSON", "none", "json"],
    ["format=%6Ason", "none", "json"],
    ["%66ormat=xml", "none", "xml"],
    ["format=", "none", undefined],
    ["format=&format=xml", "none", ",xml"],
    ["format=xml=x", "none", "xml=x"],
    ["embed", "none", undefined],
    ["&&=&embed=%zz", "none", undefined],
    ["__proto__=body", "none", undefined],
  ];
  for (const [query, embed, format] of table) {
    const parsed = parseQuery(query);
    assertEquals([parsed.embed, parsed.format], [embed, format], query);
  }
});
