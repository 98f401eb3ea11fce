import { assertEquals, assertRejects } from "@std/assert";
import { LIMITS, type Limits } from "../model/limits.ts";
import { Receiving } from "./body.ts";
import { Refusal } from "./errors.ts";

function post(
  body: BodyInit | null,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://h/", { method: "POST", headers, body });
}

/** A body that comes in these pieces; without an end, it never stops. */
function pieces(
  parts: readonly Uint8Array[],
  isEnded = true,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      if (isEnded) controller.close();
    },
  });
}

async function withReceiving(
  use: (receiving: Receiving) => Promise<void>,
  limits: Partial<Limits> = {},
): Promise<void> {
  const receiving = new Receiving({ ...LIMITS, ...limits });
  try {
    await use(receiving);
    assertEquals(receiving.pendingBytes, 0);
  } finally {
    receiving.close();
  }
}

async function codeOf(read: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(read, Refusal)).code;
}

Deno.test("a body of known length is read as text or bytes", () =>
  withReceiving(async (receiving) => {
    const known = () => post("grüß", { "Content-Length": "6" });
    assertEquals(await receiving.readText(known()), "grüß");
    assertEquals((await receiving.readBytes(known())).length, 6);
    const empty = () => post(null, { "Content-Length": "0" });
    assertEquals(await receiving.readText(empty()), "");
    assertEquals((await receiving.readBytes(empty())).length, 0);
  }));

Deno.test("a chunked body is put together", () =>
  withReceiving(async (receiving) => {
    const bytes = new TextEncoder().encode("grüß");
    const chunked = () =>
      post(pieces([bytes.subarray(0, 3), bytes.subarray(3)]), {
        "Transfer-Encoding": "chunked",
      });
    assertEquals(await receiving.readText(chunked()), "grüß");
    assertEquals(await receiving.readBytes(chunked()), bytes);
    const empty = post(pieces([]), { "Transfer-Encoding": "chunked" });
    assertEquals(await receiving.readText(empty), "");
  }));

Deno.test("a body above the limit is refused, declared or not", () =>
  withReceiving(async (receiving) => {
    const declared = String(LIMITS.requestBytesMax + 1);
    for (const length of [declared, "9".repeat(30)]) {
      const request = post("x", { "Content-Length": length });
      assertEquals(
        await codeOf(() => receiving.readText(request)),
        "bodyTooLarge",
      );
    }
    const half = new Uint8Array(LIMITS.requestBytesMax / 2);
    const endless = post(pieces([half, half, new Uint8Array(1)], false), {
      "Transfer-Encoding": "chunked",
    });
    assertEquals(
      await codeOf(() => receiving.readBytes(endless)),
      "bodyTooLarge",
    );
    const largest = post(pieces([half, half]), {
      "Transfer-Encoding": "chunked",
    });
    const { length } = await receiving.readBytes(largest);
    assertEquals(length, LIMITS.requestBytesMax);
  }));

Deno.test("a body that drips is given up", () =>
  withReceiving(async (receiving) => {
    const declared = post(pieces([new Uint8Array(1)], false), {
      "Content-Length": "100",
    });
    const chunked = post(pieces([new Uint8Array(1)], false), {
      "Transfer-Encoding": "chunked",
    });
    for (const request of [declared, chunked]) {
      assertEquals(
        await codeOf(() => receiving.readText(request)),
        "bodyTooSlow",
      );
    }
  }, { bodyReadMs: 16 }));

Deno.test("a request without a length has no body", () =>
  withReceiving(async (receiving) => {
    for (const body of [null, pieces([])]) {
      assertEquals(
        await codeOf(() => receiving.readText(post(body))),
        "lengthRequired",
      );
    }
  }));

Deno.test("large bodies on their way are bounded together, small ones are not", () =>
  withReceiving(async (receiving) => {
    const open: ReadableStreamDefaultController<Uint8Array>[] = [];
    const large = () => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          open.push(controller);
          controller.enqueue(new Uint8Array(60_000));
        },
      });
      return post(body, { "Content-Length": "100000" });
    };
    const first = receiving.readBytes(large());
    assertEquals(await codeOf(() => receiving.readText(large())), "overloaded");
    const small = post("x", { "Content-Length": "1" });
    assertEquals(await receiving.readText(small), "x");

    open[0]?.enqueue(new Uint8Array(40_000));
    open[0]?.close();
    assertEquals((await first).length, 100_000);
    const chunked = post(pieces([new Uint8Array(100_000)]), {
      "Transfer-Encoding": "chunked",
    });
    assertEquals((await receiving.readBytes(chunked)).length, 100_000);
  }, { receiveBufferBytesMax: 100_000 }));
