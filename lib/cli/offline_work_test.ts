import { assertEquals, assertRejects } from "@std/assert";
import { RunError } from "./failures.ts";
import { printResult, type Surroundings, workLong } from "./offline_work.ts";

function surroundingsOf(isTerminal: boolean) {
  const told: string[] = [];
  const stop = Promise.withResolvers<string>();
  let nowMs = 0;
  let listeners = 0;
  const surroundings: Surroundings = {
    progress: {
      write: (text) => told.push(text),
      isTerminal,
      nowMs: () => nowMs,
    },
    listenForStop() {
      listeners++;
      return { first: stop.promise, [Symbol.dispose]: () => listeners-- };
    },
  };
  return {
    surroundings,
    told,
    stop: stop.resolve,
    pass: (ms: number) => nowMs += ms,
    listeners: () => listeners,
  };
}

const HALF = {
  phase: "reading",
  done: 512,
  total: 1024,
  unit: "bytes",
} as const;

Deno.test("long work shows its progress over itself on a terminal, and cleans up", async () => {
  const { surroundings, told, pass, listeners } = surroundingsOf(true);
  const result = await workLong({ isQuiet: false }, (control) => {
    control.report({ ...HALF, done: 0 });
    pass(1000);
    control.report(HALF);
    control.report(HALF);
    return Promise.resolve(7);
  }, surroundings);
  assertEquals(result, { report: 7, tookMs: 1000 });
  assertEquals(told, [
    "\r\x1b[Kreading: 50 % of 1.0 KiB, 512 B/s, 1.0 s left",
    "\r\x1b[K",
  ]);
  assertEquals(listeners(), 0);
});

Deno.test("long work shows a line every few seconds elsewhere, and none when quiet", async () => {
  for (const isQuiet of [false, true]) {
    const { surroundings, told, pass } = surroundingsOf(false);
    await workLong({ isQuiet }, (control) => {
      control.report({ ...HALF, done: 0, unit: "events", total: 0 });
      for (let second = 1; second <= 11; second++) {
        pass(1000);
        control.report({ ...HALF, done: second, unit: "events", total: 0 });
      }
      return Promise.resolve();
    }, surroundings);
    assertEquals(
      told,
      isQuiet ? [] : [
        "reading: 5 events, 1 events/s\n",
        "reading: 10 events, 1 events/s\n",
      ],
    );
  }
});

Deno.test("long work is stopped by a signal, and says so", async () => {
  const { surroundings, stop, listeners } = surroundingsOf(false);
  await assertRejects(
    () =>
      workLong({ isQuiet: true }, async ({ signal }) => {
        stop("SIGINT");
        await new Promise((resolve) => setTimeout(resolve, 0));
        signal.throwIfAborted();
      }, surroundings),
    RunError,
    "Stopped by SIGINT",
  );
  assertEquals(listeners(), 0);
});

Deno.test("a result is printed in words or as one line of JSON", () => {
  const printed: string[] = [];
  for (const isJson of [false, true]) {
    printResult(
      { isJson },
      { json: { a: [1] }, text: "one\n" },
      (text) => printed.push(text),
    );
  }
  assertEquals(printed, ["one\n", '{"a":[1]}\n']);
});
