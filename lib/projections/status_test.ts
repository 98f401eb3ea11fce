import { assertEquals } from "@std/assert";
import { statusOf } from "./status.ts";

type Facts = Parameters<typeof statusOf>[0];

const ENABLED = {
  isEnabled: true,
  isAborted: false,
  fault: undefined,
} as const;
const DISABLED = { ...ENABLED, isEnabled: false } as const;
const ABORTED = { ...DISABLED, isAborted: true } as const;
const UNPREPARED = { fault: "unprepared" } as const;

const CASES: readonly [string, Facts, string, string][] = [
  ["running", { ...ENABLED, core: "running" }, "Running", "Running"],
  ["elsewhere", { ...ENABLED, core: "none" }, "Running", "Running"],
  [
    "on the way",
    { ...ENABLED, core: "starting" },
    "Running",
    "Running/Starting",
  ],
  ["created disabled", { ...DISABLED, core: "stopped" }, "Stopped", "Stopped"],
  ["never ran", { ...DISABLED, core: "none" }, "Stopped", "Stopped"],
  [
    "being disabled",
    { ...DISABLED, core: "stopping" },
    "Stopping",
    "Stopped/Stopping",
  ],
  [
    "fault while running",
    { ...ENABLED, core: "faulted" },
    "Faulted",
    "Faulted (Enabled)",
  ],
  [
    "a fault, then disabled",
    { ...DISABLED, core: "faulted" },
    "Stopped",
    "Stopped/Faulted",
  ],
  ["aborted", { ...ABORTED, core: "aborted" }, "Aborted", "Aborted/Faulted"],
  [
    "aborted, then disabled",
    { ...DISABLED, core: "aborted" },
    "Stopped",
    "Stopped/Faulted",
  ],
  [
    "not preparable from the start",
    { ...ENABLED, ...UNPREPARED, core: "none" },
    "Faulted",
    "Faulted",
  ],
  [
    "not preparable, then disabled",
    { ...DISABLED, ...UNPREPARED, core: "none" },
    "Faulted",
    "Faulted",
  ],
  [
    "a query that cannot be prepared",
    { ...ENABLED, ...UNPREPARED, core: "stopped" },
    "Faulted",
    "Faulted/Stopped (Enabled)",
  ],
  [
    "nobody's rights are left",
    { ...ENABLED, fault: "notStarted", core: "none" },
    "Faulted",
    "Faulted (Enabled)",
  ],
  [
    "finished",
    { ...ENABLED, core: "completed" },
    "Completed",
    "Completed/Stopped/Writing results",
  ],
  [
    "finished, then aborted",
    { ...ABORTED, core: "completed" },
    "Completed",
    "Completed/Stopped/Writing results",
  ],
  [
    "finished, then disabled",
    { ...DISABLED, core: "completed" },
    "Stopped",
    "Stopped/Writing results",
  ],
];

for (const [situation, facts, managed, text] of CASES) {
  Deno.test(`the status of a projection: ${situation}`, () => {
    assertEquals(statusOf(facts), { managed, text } as never);
  });
}
