import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { QuipuError } from "../model/errors.ts";
import {
  BrokenOff,
  type PullEnd,
  type PullSource,
} from "../model/pull_source.ts";
import { PullStreams } from "./pull_stream.ts";

const LONG_MS = 60_000;
const PIECE = new Uint8Array([1, 2, 3]);

/** A source of some pieces that notes what is asked of it. */
function aSource(
  next: PullSource["next"],
): PullSource & { asked: number; readonly ends: PullEnd[] } {
  const source = {
    asked: 0,
    ends: [] as PullEnd[],
    next() {
      source.asked++;
      return next();
    },
    end: (how: PullEnd) => void source.ends.push(how),
  };
  return source;
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

for (const isLater of [false, true]) {
  Deno.test(`a source is asked once a piece was taken, later ${isLater}`, async () => {
    const pieces = [PIECE, PIECE, undefined];
    const source = aSource(() => {
      const piece = pieces.shift();
      return isLater ? Promise.resolve(piece) : piece;
    });
    const streams = new PullStreams(LONG_MS);
    const reader = streams.open(source, { stallMs: LONG_MS }).getReader();
    await settle();
    assertEquals(source.asked, 0);
    assertEquals((await reader.read()).value, PIECE);
    await settle();
    assertEquals(source.asked, 1);
    assertEquals((await reader.read()).value, PIECE);
    assertEquals(source.ends, []);
    assertEquals((await reader.read()).done, true);
    assertEquals(source.ends, [{ outcome: "done" }]);
  });

  Deno.test(`what a source throws breaks the body off, later ${isLater}`, async () => {
    const error = new BrokenOff("damaged");
    const source = aSource(() => {
      if (isLater) return Promise.reject(error);
      throw error;
    });
    const streams = new PullStreams(LONG_MS);
    const reader = streams.open(source, { stallMs: LONG_MS }).getReader();
    await assertRejects(() => reader.read(), BrokenOff, "damaged");
    assertEquals(source.ends, [{ outcome: "failed", error }]);
  });
}

Deno.test("a client that leaves ends the source, once", async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const source = aSource(() => promise);
  const streams = new PullStreams(LONG_MS);
  const reader = streams.open(source, { stallMs: LONG_MS }).getReader();
  const read = reader.read();
  await reader.cancel();
  assertEquals((await read).done, true);
  resolve(undefined);
  await settle();
  streams.close();
  assertEquals(source.ends, [{ outcome: "cancelled" }]);
});

Deno.test("a client that takes nothing for long is given up, one that waits is not", async () => {
  const streams = new PullStreams(20);
  const { promise: never } = Promise.withResolvers<undefined>();
  const waiting = aSource(() => never);
  const waiter = streams.open(waiting, { stallMs: 20 }).getReader();
  const wait = waiter.read();
  const untouched = aSource(() => PIECE);
  const stalled = aSource(() => PIECE);
  const idle = streams.open(untouched, { stallMs: 20 }).getReader();
  const reader = streams.open(stalled, { stallMs: 20 }).getReader();
  await reader.read();
  for (const stuck of [idle, reader]) {
    const error = await assertRejects(() => stuck.closed, QuipuError);
    assertEquals(error.code, "clientTooSlow");
  }
  assertEquals(untouched.ends, [{ outcome: "stalled" }]);
  assertEquals([stalled.asked, stalled.ends], [1, [{ outcome: "stalled" }]]);
  assertEquals(waiting.ends, []);
  await waiter.cancel();
  await wait;
});

Deno.test("closing breaks off what is being sent, and opens nothing", async () => {
  const streams = new PullStreams(LONG_MS);
  const source = aSource(() => PIECE);
  const reader = streams.open(source, { stallMs: LONG_MS }).getReader();
  await reader.read();
  streams.close();
  await assertRejects(() => reader.read(), BrokenOff);
  assertEquals(source.ends, [{ outcome: "stopped" }]);
  const late = aSource(() => PIECE);
  const error = assertThrows(
    () => streams.open(late, { stallMs: LONG_MS }),
    QuipuError,
  );
  assertEquals([error.code, late.ends], ["storeClosed", [{
    outcome: "stopped",
  }]]);
});

Deno.test("when the server stops, only endless bodies that nobody takes are broken off", async () => {
  // Looked at each millisecond; far from being given up.
  const streams = new PullStreams(4);
  const open = async (isEndless: boolean) => {
    const source = aSource(() => PIECE);
    const options = { stallMs: LONG_MS, isEndless };
    const reader = streams.open(source, options).getReader();
    await reader.read();
    return { source, reader };
  };
  const stuck = await open(true);
  const download = await open(false);
  while (stuck.source.ends.length === 0) {
    streams.breakOffStalled();
    await settle();
  }
  assertEquals(stuck.source.ends, [{ outcome: "stalled" }]);
  assertEquals(download.source.ends, []);
  const taken = await open(true);
  streams.breakOffStalled();
  assertEquals(taken.source.ends, []);
  await Promise.all([download.reader.cancel(), taken.reader.cancel()]);
  await stuck.reader.closed.catch(() => {});
});
