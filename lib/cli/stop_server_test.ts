import { assertEquals, assertRejects } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import { SILENT_LOGGER } from "../model/logger.ts";
import { RunError } from "./failures.ts";
import { closeInTime, drainInTime, settlesWithin } from "./stop_server.ts";

const NEVER = new Promise<void>(() => {});

async function drained(draining: Promise<void>, timeoutMs: number) {
  const steps: string[] = [];
  const server = {
    endLongPolls: () => steps.push("endLongPolls"),
    drain() {
      steps.push("drain");
      return draining;
    },
  };
  const logger = {
    ...SILENT_LOGGER,
    warn: (event: string) => steps.push(event),
  };
  const leftMs = await drainInTime(server, logger, timeoutMs);
  return { steps, leftMs };
}

Deno.test("drainInTime() ends long polls, then drains", async () => {
  const { steps } = await drained(Promise.resolve(), 10_000);
  assertEquals(steps, ["endLongPolls", "drain"]);
});

Deno.test("drainInTime() gives up on clients that hold on", async () => {
  const { steps, leftMs } = await drained(NEVER, 10);
  assertEquals(steps, ["endLongPolls", "drain", "server.drainTimedOut"]);
  assertEquals(leftMs, LIMITS.shutdownMs - 10);
});

Deno.test("closeInTime() waits for the store, but not for ever", async () => {
  await closeInTime({ close: () => Promise.resolve() }, 10_000);
  await assertRejects(
    () => closeInTime({ close: () => NEVER }, 10),
    RunError,
    "did not close within 10 ms",
  );
});

Deno.test("settlesWithin() tells whether it settled in time", async () => {
  assertEquals(await settlesWithin(Promise.resolve(1), 10_000), true);
  assertEquals(await settlesWithin(new Promise(() => {}), 1), false);
  await assertRejects(
    () => settlesWithin(Promise.reject(new RangeError("x")), 10_000),
    RangeError,
  );
});
