import { assertEquals } from "@std/assert";
import { parseQuery } from "./query.ts";

Deno.test("parseQuery() reads what it knows, in any case, the first of a name", () => {
  const table: [query: string, embed: string, format: string | undefined][] = [
    ["", "none", undefined],
    ["embed=body", "body", undefined],
    ["EMBED=TryHarder", "tryharder", undefined],
    ["embed=bogus&embed=body", "none", undefined],
    ["embed=rich&embed=body", "rich", undefined],
    ["x=1&format=JSON", "none", "json"],
    ["format=%6Ason", "none", "json"],
    ["%66ormat=xml", "none", "xml"],
    ["format=", "none", undefined],
    ["format=&format=xml", "none", undefined],
    ["embed", "none", undefined],
    ["&&=&embed=%zz", "none", undefined],
    ["__proto__=body", "none", undefined],
  ];
  for (const [query, embed, format] of table) {
    const parsed = parseQuery(query);
    assertEquals([parsed.embed, parsed.format], [embed, format], query);
  }
});
