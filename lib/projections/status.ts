/**
 * The status of a projection in the original's words (spec: projections §4.1).
 *
 * @module
 */

import type { RunPhase } from "./run.ts";

/** What the status depends on. */
export interface StatusFacts {
  /** Whether it is to run here. */
  readonly isEnabled: boolean;
  /** Whether the last command was an abort while it was enabled. */
  readonly isAborted: boolean;
  /** Whether it cannot run: its query is at fault, or nobody's rights are left. */
  readonly fault: "unprepared" | "notStarted" | undefined;
  /** Of its last run; none: it never ran here; aborted: it was cut off. */
  readonly core: RunPhase | "aborted" | "none";
}

/** What commands depend on. */
export type ManagedState =
  | "Running"
  | "Stopping"
  | "Stopped"
  | "Aborted"
  | "Completed"
  | "Faulted";

/** A status, and the part of it that commands depend on. */
export interface ProjectionStatus {
  readonly managed: ManagedState;
  readonly text: string;
}

const RESULTS = "Stopped/Writing results";

/** Works out the status. */
export function statusOf(facts: StatusFacts): ProjectionStatus {
  const { isEnabled, isAborted, fault, core } = facts;
  if (fault === "unprepared") {
    const text = core === "none"
      ? "Faulted"
      : `Faulted/Stopped${isEnabled ? " (Enabled)" : ""}`;
    return { managed: "Faulted", text };
  }
  if (isEnabled) {
    if (fault === "notStarted") return FAULTED;
    return ENABLED[core];
  }
  if (isAborted) {
    return core === "completed" ? ENABLED.completed : ABORTED;
  }
  return DISABLED[core];
}

const FAULTED: ProjectionStatus = {
  managed: "Faulted",
  text: "Faulted (Enabled)",
};
const ABORTED: ProjectionStatus = {
  managed: "Aborted",
  text: "Aborted/Faulted",
};

const ENABLED: Readonly<Record<StatusFacts["core"], ProjectionStatus>> = {
  // Another server runs it, or this one is about to.
  none: { managed: "Running", text: "Running" },
  starting: { managed: "Running", text: "Running/Starting" },
  running: { managed: "Running", text: "Running" },
  stopping: { managed: "Running", text: "Running/Stopping" },
  stopped: { managed: "Running", text: "Running/Stopped" },
  // Its lease was lost to another server.
  aborted: { managed: "Running", text: "Running" },
  completed: { managed: "Completed", text: `Completed/${RESULTS}` },
  faulted: FAULTED,
};

const STOPPED: ProjectionStatus = { managed: "Stopped", text: "Stopped" };
const STOPPED_FAULTED: ProjectionStatus = {
  managed: "Stopped",
  text: "Stopped/Faulted",
};
const STOPPING: ProjectionStatus = {
  managed: "Stopping",
  text: "Stopped/Stopping",
};

const DISABLED: Readonly<Record<StatusFacts["core"], ProjectionStatus>> = {
  none: STOPPED,
  // Its checkpoint is being read.
  starting: STOPPED,
  running: STOPPING,
  stopping: STOPPING,
  stopped: STOPPED,
  aborted: STOPPED_FAULTED,
  completed: { managed: "Stopped", text: RESULTS },
  faulted: STOPPED_FAULTED,
};
