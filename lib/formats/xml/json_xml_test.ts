import { assert, assertEquals } from "@std/assert";
import { jsonToXml } from "./json_xml.ts";
import { parseXml, parseXmlInSteps } from "./xml_parse.ts";
import { xmlContentOf, xmlToJson } from "./xml_json.ts";
import { leastMs } from "../../../tests/support/least_time.ts";

Deno.test("jsonToXml() writes what was recorded", () => {
  const cases: [string, string][] = [
    ["{}", "<data />"],
    ['{"x":1}', "<data><x>1</x></data>"],
    ['{"a":null}', "<data><a /></data>"],
    ['{"a":""}', "<data><a></a></data>"],
    ['""', "<data></data>"],
    ['{"a":"<&A"}', "<data><a>&lt;&amp;A</a></data>"],
    [
      '{"r":{"i":["1","2","3"]}}',
      "<data><r><i>1</i><i>2</i><i>3</i></r></data>",
    ],
    [
      '{"a":{"@id":"1","@xml:lang":"en","#text":"t"}}',
      '<data><a id="1" xml:lang="en">t</a></data>',
    ],
    ['{"a":{"#cdata-section":"<x>&"}}', "<data><a><![CDATA[<x>&]]></a></data>"],
    [
      '{"p":{"#text":["one "," three"],"b":"two"}}',
      "<data><p>one  three<b>two</b></p></data>",
    ],
    [
      '{"a":1,"b":[1,2],"c":{"d":"e"}}',
      "<data><a>1</a><b>1</b><b>2</b><c><d>e</d></c></data>",
    ],
    [
      '{"$maxCount":2}',
      '<data xmlns:json="http://james.newtonking.com/projects/json" json:maxCount="2" />',
    ],
  ];
  for (const [json, xml] of cases) assertEquals(jsonToXml(json, "data"), xml);
});

Deno.test("jsonToXml() keeps numbers as they are spelt, duplicates, and nests arrays of arrays", () => {
  assertEquals(
    jsonToXml('{"a":1.0,"a":12345678901234567890,"b":[[1,true],[]]}', "data"),
    "<data><a>1.0</a><a>12345678901234567890</a><b><b>1</b><b>true</b></b><b></b></data>",
  );
  assertEquals(jsonToXml("[1,2]", "data"), "<data>1</data><data>2</data>");
  assertEquals(
    jsonToXml("[1,2]", "data", { isRoot: true }),
    "<data><data>1</data><data>2</data></data>",
  );
});

Deno.test("jsonToXml() says that it has no namespace where another one holds", () => {
  const options = { isInNamespace: true };
  assertEquals(
    jsonToXml('{"n":1}', "data", options),
    '<data xmlns=""><n>1</n></data>',
  );
  assertEquals(jsonToXml('"x"', "data", options), '<data xmlns="">x</data>');
  assertEquals(
    jsonToXml('{"@xmlns":"urn:x"}', "data", options),
    '<data xmlns="urn:x" />',
  );
});

Deno.test("jsonToXml() is well-formed whatever the names and values are", () => {
  const hostile = JSON.stringify({
    "": 1,
    "a b<c>": 1,
    "x:y": 1,
    "@a": [1],
    "@": 2,
    "@b": "\"'<>&\n",
    "@u:b": "again",
    "#text": { a: 1 },
    "#cdata-section": ["]]>", null],
    "!DOCTYPE": "x",
    "?xml": "y",
    "$late": 1,
    c: {
      "@xmlns:q": "urn:q",
      "@q:r": 1,
      "q:s": "\u0000",
      "@xmlns:xmlns": "x",
      "@xmlns:z": "",
    },
    "q:s": 1,
    "1": "\ud800",
  });
  const xml = jsonToXml(hostile, "data") ?? "";
  assertEquals(parseXml(xml).kind, "document", xml);
  assertEquals(xml.includes("<q:s>\ufffd</q:s>"), true, xml);
  assertEquals(xml.includes("<s>1</s>"), true, xml);
});

Deno.test("jsonToXml() refuses what is not JSON", () => {
  for (const json of ["", "x", "{", "[1", "1 2", "[".repeat(5000)]) {
    assertEquals(jsonToXml(json, "data"), undefined, json);
  }
});

function rootOf(xml: string) {
  const parsed = parseXml(xml);
  if (parsed.kind !== "document") throw new Error(`Cannot parse: ${xml}`);
  return parsed.root;
}

Deno.test("xmlToJson() writes what was recorded", () => {
  const cases: [string, unknown][] = [
    ['<a id="1" xml:lang="en">t</a>', {
      a: { "@id": "1", "@xml:lang": "en", "#text": "t" },
    }],
    ["<r><i>1</i><i>2</i><i>3</i></r>", { r: { i: ["1", "2", "3"] } }],
    ["<a><![CDATA[<x>&]]></a>", { a: { "#cdata-section": "<x>&" } }],
    ["<p>one <b>two</b> three</p>", {
      p: { "#text": ["one ", " three"], b: "two" },
    }],
    ["<a/>", { a: null }],
    ["<a></a>", { a: "" }],
    ["<a>007</a><b>1.50</b><c>true</c>", { a: "007", b: "1.50", c: "true" }],
    ["<a>&lt;&amp;&#x41;</a>", { a: "<&A" }],
    ["<a_x0020_b>1</a_x0020_b>", { "a b": "1" }],
    ['<i json:Array="true">1</i>', { i: ["1"] }],
    ["\n  <MyEvent>\n    <Something>1</Something>\n  </MyEvent>\n", {
      MyEvent: { Something: "1" },
    }],
  ];
  for (const [inner, wanted] of cases) {
    const text = JSON.stringify(wanted, null, 2);
    assertEquals(xmlToJson(rootOf(`<Data>${inner}</Data>`)), text);
  }
});

Deno.test("xmlContentOf() tells text from structure", () => {
  assertEquals(xmlContentOf(rootOf("<Data/>")), { kind: "empty" });
  assertEquals(xmlContentOf(rootOf("<Data> </Data>")), { kind: "empty" });
  assertEquals(xmlContentOf(rootOf('<Data>{"a":1}</Data>')), {
    kind: "text",
    text: '{"a":1}',
  });
  assertEquals(xmlContentOf(rootOf("<Data><a>1</a></Data>")), {
    kind: "json",
    text: '{\n  "a": "1"\n}',
  });
});

Deno.test("jsonToXml() and xmlToJson() restore each other", () => {
  const inner =
    '<MyEvent id="7"><Something>1</Something><L>a</L><L>b</L></MyEvent>';
  const json = xmlToJson(rootOf(`<Data>${inner}</Data>`));
  assertEquals(jsonToXml(json, "data"), `<data>${inner}</data>`);
});

Deno.test("parseXml() refuses DTDs, depth, size and what is not well-formed", () => {
  assertEquals(parseXml("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), {
    kind: "doctype",
  });
  assertEquals(parseXml("<a>".repeat(5000)), { kind: "tooDeep" });
  const ten = `<r>${"<a><b/></a>".repeat(10)}</r>`;
  assertEquals(parseXml(ten, { rootChildrenMax: 10 }).kind, "document");
  assertEquals(parseXml(ten, { rootChildrenMax: 9 }), { kind: "tooMany" });
  assertEquals(parseXml("<r>" + "<a/>".repeat(20) + "</r>", { nodesMax: 20 }), {
    kind: "tooLarge",
  });
  const three = "<r><a b='1' c='2' d='3'/></r>";
  assertEquals(parseXml(three, { attributesMax: 3 }).kind, "document");
  assertEquals(parseXml(three, { attributesMax: 2 }), {
    kind: "tooManyAttributes",
  });
  assertEquals(parseXml(three, { nodesMax: 4 }), { kind: "tooLarge" });
  // Of children that are taken away, only those of one are kept at once.
  const taken: string[] = [];
  const inTurn = parseXml("<r>" + "<a><b/></a>".repeat(9) + "</r>", {
    nodesMax: 2,
    rootChildrenMax: 9,
    takeRootChild: ({ name }) => taken.push(name),
  });
  assertEquals(inTurn.kind, "document");
  assertEquals(taken, Array(9).fill("a"));
  for (
    const bad of [
      "",
      "text",
      "<a>",
      "<a></b>",
      "<a/><b/>",
      "<a b=1/>",
      "<a>&x;</a>",
      "<a b='1' b='2'/>",
      "{}",
      "<a>\u0001</a>",
    ]
  ) {
    assertEquals(parseXml(bad), { kind: "malformed" }, bad);
  }
});

Deno.test("jsonToXml() and xmlContentOf() refuse shapes that would grow beyond measure", () => {
  const long = JSON.stringify({ ["n".repeat(10_000)]: Array(100_000).fill(1) });
  assertEquals(jsonToXml(long, "data"), undefined);
  const deep = "<a>".repeat(150) + "<b/>".repeat(50_000) + "</a>".repeat(150);
  assertEquals(xmlContentOf(rootOf(deep)), { kind: "tooLong" });
});

Deno.test("jsonToXml() looks up prefixes in time that does not grow with their number", async () => {
  const members: string[] = [];
  for (let index = 0; index < 20_000; index++) {
    members.push(`"@xmlns:p${index}":"urn:${index}"`);
  }
  for (let index = 0; index < 20_000; index++) {
    members.push(`"p${index}:e":{"$a":1}`);
  }
  const tookMs = await leastMs(() => {
    const xml = jsonToXml(`{${members.join(",")}}`, "data") ?? "";
    assertEquals(xml.includes("<p19999:e "), true);
  }, 3000);
  assertEquals(tookMs < 3000, true, `${tookMs} ms`);
});

Deno.test("nothing of a document is left in the next one, or in one between its steps", () => {
  const documents: [string, string][] = [
    ['<?xml version="1.1"?><r>\u0085<a/></r>', "document"],
    ["<r>a\u2028b</r>", "document"],
    ["<r><a", "malformed"],
    ["<r/>", "document"],
    ["<r><a>&amp;</r>", "malformed"],
    ["<r>b</r>", "document"],
    ["<!DOCTYPE r><r/>", "doctype"],
    ["<r>\r", "malformed"],
    ["<r>c</r>", "document"],
  ];
  const first = documents.map(([xml]) => parseXml(xml));
  assertEquals(
    first.map(({ kind }) => kind),
    documents.map(([, kind]) => kind),
  );
  for (const [index, [xml]] of documents.entries()) {
    for (const [after] of documents) {
      parseXml(after);
      assertEquals(parseXml(xml), first[index], `${xml} after ${after}`);
    }
  }
  const longOf = (name: string) =>
    `<r>${`<${name}>${name}</${name}>`.repeat(30_000)}</r>`;
  const [one, other] = [longOf("a"), longOf("b")];
  const steps = [one, other].map((xml) => parseXmlInSteps(xml));
  const results: unknown[] = [];
  for (let count = 0; results.length < steps.length; count++) {
    for (const step of steps) {
      const { done, value } = step.next();
      if (done && value !== undefined) results.push(value);
      if (!done) parseXml("<r>between</r>");
    }
    assert(count < 100);
  }
  assertEquals(results, [parseXml(one), parseXml(other)]);
});
