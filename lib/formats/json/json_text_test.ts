import { assertEquals } from "@std/assert";
import { quoteJson } from "./json_string.ts";
import { isIndentedJson, reindentJson } from "./json_text.ts";

const SAMPLES = [
  {},
  [],
  { a: {}, b: [] },
  { a: 1, b: [1, 2, { c: null }], d: 'x\ny\t"\\', e: { f: true, g: false } },
  [[[]], [[1]], "é", "😀", ""],
  "text",
  42,
  null,
];

Deno.test("reindentJson() lays a value out as JSON.stringify with two spaces", () => {
  for (const sample of SAMPLES) {
    const wanted = JSON.stringify(sample, null, 2);
    assertEquals(reindentJson(JSON.stringify(sample)), wanted);
    assertEquals(reindentJson(JSON.stringify(sample, null, "\t")), wanted);
    assertEquals(reindentJson(wanted), wanted);
    assertEquals(isIndentedJson(wanted), true);
  }
});

Deno.test("reindentJson() keeps numbers, order, duplicates and integer-like names", () => {
  assertEquals(
    reindentJson('{"2":1.0,"1":1e5,"n":12345678901234567890,"1":-0.50E+3}'),
    '{\n  "2": 1.0,\n  "1": 1e5,\n  "n": 12345678901234567890,\n  "1": -0.50E+3\n}',
  );
});

Deno.test("reindentJson() writes escapes as Json.NET does", () => {
  assertEquals(
    reindentJson(
      '["\\u00e9\\/\\u0041","\\u0001\\u001F","a\u2028b","\\ud83d\\ude00","\\ud800"]',
    ),
    '[\n  "é/A",\n  "\\u0001\\u001f",\n  "a\\u2028b",\n  "😀",\n  "\\ud800"\n]',
  );
});

Deno.test("reindentJson() indents a value for the depth at which it is put", () => {
  const wanted = '{\n      "a": [\n        1\n      ]\n    }';
  assertEquals(reindentJson('{"a":[1]}', { depth: 2 }), wanted);
  assertEquals(
    reindentJson('{\n  "a": [\n    1\n  ]\n}', { depth: 2 }),
    wanted,
  );
});

Deno.test("reindentJson() refuses what is not one JSON value", () => {
  const bad = [
    "",
    " ",
    "not json",
    "{",
    '{"a":',
    '{"a"}',
    '{"a":1,}',
    "[1,]",
    "[1 2]",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "-",
    "0x1F",
    "NaN",
    "truex",
    "nul",
    "{a:1}",
    "{'a':1}",
    "'a'",
    '"a',
    '"\\x"',
    '"\\u12"',
    '"a\nb"',
    "1 2",
    "/**/1",
    "{} {}",
    "[\u00a01]",
  ];
  for (const text of bad) assertEquals(reindentJson(text), undefined, text);
});

Deno.test("reindentJson() refuses what is nested deeper than its bound", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assertEquals(reindentJson(nested(3), { depthMax: 3 })?.length, 18);
  assertEquals(reindentJson(nested(4), { depthMax: 3 }), undefined);
  assertEquals(reindentJson(nested(100_000)), undefined);
});

Deno.test("reindentJson() leniently makes strict JSON of what Json.NET reads", () => {
  const lenient = { isLenient: true };
  assertEquals(reindentJson('{a : "1"}', lenient), '{\n  "a": "1"\n}');
  assertEquals(
    reindentJson(
      "/*c*/{'it\\'s': 'a\"b', // d\n $x:[.5,1.,0x1F,017,-Infinity,],}",
      lenient,
    ),
    '{\n  "it\'s": "a\\"b",\n  "$x": [\n    0.5,\n    1.0,\n    31,\n    15,\n    "-Infinity"\n  ]\n}',
  );
  assertEquals(reindentJson('"a\nb"', lenient), '"a\\nb"');
  assertEquals(reindentJson("[undefined]", lenient), "[\n  null\n]");
  for (
    const bad of ["{a b:1}", "[1,,2]", "{,}", "not json", "/*", "089", "1_0"]
  ) {
    assertEquals(reindentJson(bad, lenient), undefined, bad);
  }
});

Deno.test("reindentJson() agrees with the engine on random values and on damaged ones", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
  let state = seed || 1;
  const random = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const value = (depth: number): unknown => {
    switch (random(depth > 4 ? 5 : 7)) {
      case 0:
        return random(1e9) / 1000;
      case 1:
        return String.fromCharCode(random(300), random(128), 0x263a).repeat(
          random(4),
        );
      case 2:
        return null;
      case 3:
        return random(2) === 0;
      case 4:
        return "";
      case 5:
        return Array.from({ length: random(4) }, () => value(depth + 1));
      default:
        return Object.fromEntries(
          Array.from(
            { length: random(4) },
            (_, i) => [`k${i}\u0007`, value(depth + 1)],
          ),
        );
    }
  };
  for (let round = 0; round < 500; round++) {
    const text = JSON.stringify(value(0), null, random(2) * 3);
    assertEquals(
      JSON.stringify(JSON.parse(reindentJson(text) ?? "")),
      JSON.stringify(JSON.parse(text)),
      `seed ${seed}`,
    );
    const at = random(text.length);
    const damaged = text.slice(0, at) + '{}[]",:\\0a- '[random(12)] +
      text.slice(at + 1);
    let isValid = true;
    try {
      JSON.parse(damaged);
    } catch {
      isValid = false;
    }
    assertEquals(
      reindentJson(damaged) !== undefined,
      isValid,
      `${damaged}, seed ${seed}`,
    );
  }
});

Deno.test("quoteJson() quotes as the engine does", () => {
  for (
    const text of [
      "",
      "plain",
      'q"',
      "\\",
      "\n",
      "\u0001",
      "é",
      "\ud800",
      "😀",
      "x".repeat(100) + '"',
    ]
  ) {
    assertEquals(quoteJson(text), JSON.stringify(text));
  }
});

Deno.test("reindentJson() refuses shapes that would grow beyond measure", () => {
  const nested = (items: number) =>
    "[".repeat(190) + "1,".repeat(items) + "1" + "]".repeat(190);
  assertEquals(reindentJson(nested(10)) === undefined, false);
  assertEquals(reindentJson(nested(100_000)), undefined);
});
