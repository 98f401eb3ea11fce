import { assertEquals } from "@std/assert";
import { ByteText } from "./byte_text.ts";

const UTF8 = new TextEncoder();

function textOf(out: ByteText): string {
  return new TextDecoder().decode(out.array.subarray(0, out.length));
}

Deno.test("bytes become what JSON.stringify() makes of their text", () => {
  const all = Array.from(
    { length: 0x250 },
    (_, code) => String.fromCharCode(code),
  ).join("");
  for (const text of ["", "plain", '{\n  "a": "b"\n}', all, "\u2028 🛒 é"]) {
    const out = new ByteText(1);
    out.pushJsonString(UTF8.encode(text));
    assertEquals(`"${textOf(out)}"`, JSON.stringify(text));
  }
});

Deno.test("a JSON string longer than the room for it grows", () => {
  const text = 'x"\n'.repeat(20_000) + "é".repeat(9000);
  const out = new ByteText(16);
  out.pushAscii("<");
  out.pushJsonString(UTF8.encode(text));
  out.pushAscii(">");
  assertEquals(textOf(out), `<${JSON.stringify(text).slice(1, -1)}>`);
});

Deno.test("what is no UTF-8 becomes U+FFFD, a byte order mark stays", () => {
  const out = new ByteText(16);
  out.pushJsonString(new Uint8Array([0x61, 0xff, 0x22, 0xc3]));
  out.pushJsonString(new Uint8Array([0xef, 0xbb, 0xbf, 0x62]));
  const bytes = out.array.subarray(0, out.length);
  assertEquals(bytes, UTF8.encode('a\ufffd\\"\ufffd\ufeffb'));
});

Deno.test("what was taken stays as it is", () => {
  const out = new ByteText(4);
  out.pushText("é");
  out.pushBytes(UTF8.encode("-".repeat(40)));
  const taken = out.take(4);
  out.pushText("something else");
  assertEquals(new TextDecoder().decode(taken), "é" + "-".repeat(40));
});
