import { assertEquals, assertRejects } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { readBodyBytes, readBodyText } from "./body.ts";
import { createDeadlines, type Deadlines } from "./deadlines.ts";
import { Refusal } from "./refusal.ts";

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

async function withDeadlines(
  use: (deadlines: Deadlines) => Promise<void>,
  durationMs = 10_000,
): Promise<void> {
  const deadlines = createDeadlines(durationMs);
  try {
    await use(deadlines);
  } finally {
    deadlines.close();
  }
}

async function codeOf(read: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(read, Refusal)).code;
}

Deno.test("a body of known length is read as text or bytes", () =>
  withDeadlines(async (deadlines) => {
    const known = () => post("grüß", { "Content-Length": "6" });
    assertEquals(await readBodyText(known(), deadlines), "grüß");
    assertEquals((await readBodyBytes(known(), deadlines)).length, 6);
    const empty = () => post(null, { "Content-Length": "0" });
    assertEquals(await readBodyText(empty(), deadlines), "");
    assertEquals((await readBodyBytes(empty(), deadlines)).length, 0);
  }));

Deno.test("a chunked body is put together", () =>
  withDeadlines(async (deadlines) => {
    const bytes = new TextEncoder().encode("grüß");
    const chunked = () =>
      post(pieces([bytes.subarray(0, 3), bytes.subarray(3)]), {
        "Transfer-Encoding": "chunked",
      });
    assertEquals(await readBodyText(chunked(), deadlines), "grüß");
    assertEquals(await readBodyBytes(chunked(), deadlines), bytes);
    const empty = post(pieces([]), { "Transfer-Encoding": "chunked" });
    assertEquals(await readBodyText(empty, deadlines), "");
  }));

Deno.test("a body above the limit is refused, declared or not", () =>
  withDeadlines(async (deadlines) => {
    const declared = String(LIMITS.requestBytesMax + 1);
    for (const length of [declared, "9".repeat(30), "x"]) {
      const request = post("x", { "Content-Length": length });
      assertEquals(
        await codeOf(() => readBodyText(request, deadlines)),
        "bodyTooLarge",
      );
    }
    const half = new Uint8Array(LIMITS.requestBytesMax / 2);
    const endless = post(pieces([half, half, new Uint8Array(1)], false), {
      "Transfer-Encoding": "chunked",
    });
    assertEquals(
      await codeOf(() => readBodyBytes(endless, deadlines)),
      "bodyTooLarge",
    );
    const largest = post(pieces([half, half]), {
      "Transfer-Encoding": "chunked",
    });
    const { length } = await readBodyBytes(largest, deadlines);
    assertEquals(length, LIMITS.requestBytesMax);
  }));

Deno.test("a body that drips is given up", () =>
  withDeadlines(async (deadlines) => {
    const declared = post(pieces([new Uint8Array(1)], false), {
      "Content-Length": "100",
    });
    const chunked = post(pieces([new Uint8Array(1)], false), {
      "Transfer-Encoding": "chunked",
    });
    for (const request of [declared, chunked]) {
      assertEquals(
        await codeOf(() => readBodyText(request, deadlines)),
        "bodyTooSlow",
      );
    }
  }, 16));

Deno.test("a request without a length has no body", () =>
  withDeadlines(async (deadlines) => {
    for (const body of [null, pieces([])]) {
      assertEquals(
        await codeOf(() => readBodyText(post(body), deadlines)),
        "lengthRequired",
      );
    }
  }));
