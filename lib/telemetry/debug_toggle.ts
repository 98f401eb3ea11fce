/**
 * A switch for a server that no longer answers: everything is logged, and then
 * what was before.
 *
 * @module
 */

import type { LeveledLogger, LogLevel } from "../model/logger.ts";

/**
 * Makes what logs everything, and the next time as before.
 *
 * @param usual Level to go to when everything is logged from the beginning;
 * `debug` counts as `info`.
 */
export function debugToggle(
  logger: LeveledLogger,
  usual: LogLevel,
): () => void {
  let before = usual === "debug" ? "info" : usual;
  return () => {
    const { level } = logger;
    const next = level === "debug" ? before : "debug";
    if (level !== "debug") before = level;
    // In the more talkative of the two, or nobody would read it.
    logger.level = "debug";
    logger.audit("log.level_changed", { by: "signal", level: next });
    logger.level = next;
  };
}
