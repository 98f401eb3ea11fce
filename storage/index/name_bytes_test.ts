import { assert, assertEquals } from "@std/assert";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import { NameBytes } from "./list_directory.ts";

const NAMES = ["", "cart-1", "Ã©", "é", "カート", "🛒-1", "a".repeat(3000)];

Deno.test("names are found again by id, in any script", () => {
  const names = new NameBytes();
  for (const name of NAMES) names.add(name);
  assertEquals(NAMES.map((_, id) => names.nameOf(id)), NAMES);
  assertEquals(names.nameOf(NAMES.length), "");
  assertEquals(names.byteLength, encodeUtf8(NAMES.join("")).length);
});

Deno.test("a name is told from every other, as text and as bytes", () => {
  const names = new NameBytes();
  for (const name of NAMES) names.add(name);
  for (const [id, own] of NAMES.entries()) {
    for (const other of NAMES) {
      assertEquals(names.isName(id, other), own === other, `${own} ${other}`);
      assertEquals(names.hasBytes(id, encodeUtf8(other)), own === other);
    }
    assert(!names.isName(id, own + "x"));
  }
});

Deno.test("memory for names grows, and they stay what they are", () => {
  const names = new NameBytes();
  const nameOf = (id: number) => `order-${id * 7919}`;
  for (let id = 0; id < 20_000; id++) assertEquals(names.add(nameOf(id)), id);
  for (let id = 0; id < 20_000; id++) assert(names.isName(id, nameOf(id)));
});
