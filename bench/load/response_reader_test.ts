import { assertEquals, assertRejects } from "@std/assert";
import { type ByteSource, ResponseReader } from "./response_reader.ts";

/** Hands out the text in chunks of the given size. */
function sourceOf(text: string, chunkBytes: number): ByteSource {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return {
    read(buffer) {
      const length = Math.min(chunkBytes, buffer.length, bytes.length - at);
      if (length === 0) return Promise.resolve(null);
      buffer.set(bytes.subarray(at, at + length));
      at += length;
      return Promise.resolve(length);
    },
  };
}

const CREATED = "HTTP/1.1 201 Created\r\nLocation: http://h/streams/x/0\r\n" +
  "Content-Length: 0\r\nVary: accept-encoding\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length:   5\r\n\r\nhello";

Deno.test("ResponseReader reads an answer cut at any place", async () => {
  for (let chunkBytes = 1; chunkBytes <= OK.length; chunkBytes++) {
    const reader = new ResponseReader(sourceOf(OK, chunkBytes));
    await reader.read();
    assertEquals(reader.status, 200);
    assertEquals(reader.byteLength, OK.length);
  }
});

Deno.test("ResponseReader reads answers one after the other", async () => {
  const first = sourceOf(CREATED, 1000);
  const second = sourceOf(OK, 7);
  let source = first;
  const reader = new ResponseReader({ read: (buffer) => source.read(buffer) });
  await reader.read();
  assertEquals([reader.status, reader.byteLength], [201, CREATED.length]);
  source = second;
  await reader.read();
  assertEquals([reader.status, reader.byteLength], [200, OK.length]);
});

Deno.test("ResponseReader counts a body that is larger than its buffer", async () => {
  const body = "x".repeat(300_000);
  const text =
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const reader = new ResponseReader(sourceOf(text, 50_000));
  await reader.read();
  assertEquals(reader.byteLength, text.length);
});

Deno.test("ResponseReader expects no body of 304", async () => {
  const text = 'HTTP/1.1 304 Not Modified\r\nETag: "0;1"\r\n\r\n';
  const reader = new ResponseReader(sourceOf(text, 10));
  await reader.read();
  assertEquals([reader.status, reader.byteLength], [304, text.length]);
});

Deno.test("ResponseReader notices that the server will close", async () => {
  const text = "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n" +
    "Content-Length: 0\r\n\r\n";
  const reader = new ResponseReader(sourceOf(text, 1000));
  await reader.read();
  assertEquals(reader.willClose, true);
});

const BROKEN = [
  [
    "an answer that ends early",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
  ],
  ["no answer", ""],
  ["an answer without a length", "HTTP/1.1 200 OK\r\nVary: a\r\n\r\n"],
  [
    "an answer longer than announced",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
  ],
  ["something else than HTTP", "hello, how are you?\r\n\r\n"],
] as const;

for (const [what, text] of BROKEN) {
  Deno.test(`ResponseReader refuses ${what}`, async () => {
    const reader = new ResponseReader(sourceOf(text, 1000));
    await assertRejects(() => reader.read(), Error, "Cannot read answer");
  });
}
