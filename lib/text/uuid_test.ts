import { assertEquals } from "@std/assert";
import { parseEventId } from "./uuid.ts";

const ID = "0000018d-0000-4000-8000-0000000000ab";

Deno.test("parseEventId() reads every form of a UUID", () => {
  const forms = [
    ID,
    ID.toUpperCase(),
    ` ${ID} `,
    ID.replaceAll("-", ""),
    `{${ID}}`,
    `(${ID})`,
    "{0x0000018d,0x0000,0x4000,{0x80,0x00,0x00,0x00,0x00,0x00,0x00,0xab}}",
    "{0x18d, 0x0, 0x4000, {0x80,0x0,0x0,0x0,0x0,0x0,0x0,0xAB}}",
  ];
  for (const form of forms) assertEquals(parseEventId(form), ID, form);
});

Deno.test("parseEventId() takes nothing else", () => {
  const texts = [
    "",
    "not-a-guid",
    ID.slice(1),
    ID + "0",
    `{${ID})`,
    `(${ID}`,
    `{${ID.replaceAll("-", "")}}`,
    ID.replace("a", "g"),
    "{0x1,0x2,0x3,{0x4}}",
    "{}",
  ];
  for (const text of texts) assertEquals(parseEventId(text), undefined, text);
});
