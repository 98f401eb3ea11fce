import { assertEquals, assertRejects } from "@std/assert";
import { SILENT_LOGGER } from "../model/logger.ts";
import { RunError } from "./run_error.ts";
import { stopServer } from "./stop_server.ts";

function partsThat(
  behave: { drains: boolean; closes: boolean },
): { steps: string[]; parts: Parameters<typeof stopServer>[0] } {
  const steps: string[] = [];
  const never = new Promise<void>(() => {});
  return {
    steps,
    parts: {
      endLongPolls: () => steps.push("endLongPolls"),
      drain() {
        steps.push("drain");
        return behave.drains ? Promise.resolve() : never;
      },
      closeStore() {
        steps.push("closeStore");
        return behave.closes ? Promise.resolve() : never;
      },
    },
  };
}

const IN_ORDER = ["endLongPolls", "drain", "closeStore"];

Deno.test("stopServer() ends long polls, drains, then closes the store", async () => {
  const { steps, parts } = partsThat({ drains: true, closes: true });
  await stopServer(parts, { timeoutMs: 10_000, logger: SILENT_LOGGER });
  assertEquals(steps, IN_ORDER);
});

Deno.test("stopServer() closes the store though clients hold on", async () => {
  const { steps, parts } = partsThat({ drains: false, closes: true });
  const warnings: string[] = [];
  const logger = {
    ...SILENT_LOGGER,
    warn: (event: string) => warnings.push(event),
  };
  await stopServer(parts, { timeoutMs: 20, logger });
  assertEquals(steps, IN_ORDER);
  assertEquals(warnings, ["server.drainTimedOut"]);
});

Deno.test("stopServer() throws when the store does not close in time", async () => {
  const { parts } = partsThat({ drains: true, closes: false });
  await assertRejects(
    () => stopServer(parts, { timeoutMs: 20, logger: SILENT_LOGGER }),
    RunError,
    "did not close within 20 ms",
  );
});
