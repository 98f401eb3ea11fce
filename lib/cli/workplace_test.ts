import { assertEquals, assertRejects } from "@std/assert";
import { RunError } from "./run_error.ts";
import { printResult, workLong, type Workplace } from "./workplace.ts";

function workplaceOf(isTerminal: boolean) {
  const told: string[] = [];
  const stop = Promise.withResolvers<string>();
  let nowMs = 0;
  let listeners = 0;
  const workplace: Workplace = {
    print: (text) => told.push(`out ${text}`),
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
    workplace,
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
  const { workplace, told, pass, listeners } = workplaceOf(true);
  const result = await workLong(workplace, { isQuiet: false }, (control) => {
    control.report({ ...HALF, done: 0 });
    pass(1000);
    control.report(HALF);
    control.report(HALF);
    return Promise.resolve(7);
  });
  assertEquals(result, 7);
  assertEquals(told, [
    "\r\x1b[Kreading: 50 % of 1.0 KiB, 512 B/s, 1.0 s left",
    "\r\x1b[K",
  ]);
  assertEquals(listeners(), 0);
});

Deno.test("long work shows a line every few seconds elsewhere, and none when quiet", async () => {
  for (const isQuiet of [false, true]) {
    const { workplace, told, pass } = workplaceOf(false);
    await workLong(workplace, { isQuiet }, (control) => {
      control.report({ ...HALF, done: 0, unit: "events", total: 0 });
      for (let second = 1; second <= 11; second++) {
        pass(1000);
        control.report({ ...HALF, done: second, unit: "events", total: 0 });
      }
      return Promise.resolve();
    });
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
  const { workplace, stop, listeners } = workplaceOf(false);
  await assertRejects(
    () =>
      workLong(workplace, { isQuiet: true }, async ({ signal }) => {
        stop("SIGINT");
        await new Promise((resolve) => setTimeout(resolve, 0));
        signal.throwIfAborted();
      }),
    RunError,
    "Stopped by SIGINT",
  );
  assertEquals(listeners(), 0);
});

Deno.test("a result is printed in words or as one line of JSON", () => {
  const { workplace, told } = workplaceOf(false);
  for (const isJson of [false, true]) {
    printResult(workplace, { isJson }, { json: { a: [1] }, text: "one\n" });
  }
  assertEquals(told, ["out one\n", 'out {"a":[1]}\n']);
});
