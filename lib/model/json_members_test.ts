import { assert, assertEquals } from "@std/assert";
import { readJsonMembers } from "./json_members.ts";

Deno.test("readJsonMembers() takes values as they are written, without white space", () => {
  const table: [text: string, members: [string, string][]][] = [
    ["{}", []],
    [" {\n} ", []],
    ['{"a":1}', [["a", "1"]]],
    ['{ "a" : 1.0 , "b":\t-0e5\r\n}', [["a", "1.0"], ["b", "-0e5"]]],
    ['{"a":12345678901234567890}', [["a", "12345678901234567890"]]],
    ['{"a":{"b": [1, {"c": "x y"} ]}, "d":[]}', [
      ["a", '{"b":[1,{"c":"x y"}]}'],
      ["d", "[]"],
    ]],
    ['{"a":"}]{[,:\\"\\\\","b":null}', [
      ["a", '"}]{[,:\\"\\\\"'],
      ["b", "null"],
    ]],
    ['{"\\u0024tb" : true}', [["$tb", "true"]]],
    ['{"a,}\\"":1,"":2,"__proto__":3}', [
      ['a,}"', "1"],
      ["", "2"],
      ["__proto__", "3"],
    ]],
    ['{"a":1,"b":2,"a":3}', [["a", "3"], ["b", "2"]]],
  ];
  for (const [text, members] of table) {
    assertEquals([...readJsonMembers(text)], members, text);
  }
});

Deno.test("readJsonMembers() takes time by characters, not by values", () => {
  const text = `{"a":[${"1.5,".repeat(500_000)}1],"b":{"c":"\\""}}`;
  const startedAt = performance.now();
  assertEquals([...readJsonMembers(text).keys()], ["a", "b"]);
  assert(performance.now() - startedAt < 1000);
});
