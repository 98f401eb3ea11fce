/**
 * What the log says of the program itself.
 *
 * @module
 */

import { changedOptions } from "./options/resolve_options.ts";
import type { ResolvedOptions } from "./options/resolve_options.ts";
import type { Logger } from "../model/logger.ts";

/** Logs what runs, and each option that does not have its default. */
export function logStart(
  logger: Logger,
  start: { readonly version: string; readonly options: ResolvedOptions },
): void {
  logger.info("program.started", {
    version: start.version,
    deno: Deno.version.deno,
    system: `${Deno.build.os}-${Deno.build.arch}`,
    processId: Deno.pid,
  });
  for (const { flag, value, origin } of changedOptions(start.options)) {
    logger.info("option.set", { option: flag, value, origin });
  }
}

/** Logs an error that nobody handled: a bug. */
export function logBug(logger: Logger, error: unknown): void {
  logger.error("program.bugMet", {
    error: error instanceof Error
      ? error.stack ?? error.message
      : String(error),
  });
}

/** How a host and a port are written together: `[::1]:2113`. */
export function addressOf(
  place: { readonly host: string; readonly port: number },
): string {
  const host = place.host.includes(":") ? `[${place.host}]` : place.host;
  return `${host}:${place.port}`;
}
