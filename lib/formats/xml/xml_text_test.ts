import { assertEquals } from "@std/assert";
import {
  decodeXmlName,
  encodeXmlName,
  escapeXmlAttribute,
  escapeXmlText,
  xmlCData,
} from "./xml_text.ts";

Deno.test("escapeXmlText() escapes markup and replaces what XML forbids", () => {
  assertEquals(
    escapeXmlText("plain 'text' \"é\" 😀\n\t"),
    "plain 'text' \"é\" 😀\n\t",
  );
  assertEquals(escapeXmlText("<a>&\r"), "&lt;a&gt;&amp;&#xD;");
  assertEquals(
    escapeXmlText("\0\u0001\x1f\ufffe\ud800x"),
    "\ufffd\ufffd\ufffd\ufffd\ufffdx",
  );
});

Deno.test("escapeXmlAttribute() also escapes quotes and line breaks", () => {
  assertEquals(
    escapeXmlAttribute("\"<&'\n\t\u0002"),
    "&quot;&lt;&amp;'&#xA;&#x9;\ufffd",
  );
});

Deno.test("xmlCData() cannot be left early", () => {
  assertEquals(xmlCData("<x>&"), "<![CDATA[<x>&]]>");
  assertEquals(xmlCData("a]]>b"), "<![CDATA[a]]]]><![CDATA[>b]]>");
});

Deno.test("encodeXmlName() encodes as .NET does and decodeXmlName() undoes it", () => {
  const cases: [string, string][] = [
    ["plain-Name_1.x", "plain-Name_1.x"],
    ["with space", "with_x0020_space"],
    ["1st", "_x0031_st"],
    ["$acl", "_x0024_acl"],
    ["a:b", "a_x003A_b"],
    ["é", "é"],
    ["<b>", "_x003C_b_x003E_"],
    ["_x0020_", "_x005F_x0020_"],
    ["😀", "_x0001F600_"],
    ["a\u0000b", "a_x0000_b"],
  ];
  for (const [text, name] of cases) {
    assertEquals(encodeXmlName(text), name);
    assertEquals(decodeXmlName(name), text);
  }
  assertEquals(encodeXmlName(""), "_");
});
