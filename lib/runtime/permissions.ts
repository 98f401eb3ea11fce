/**
 * Permissions that the program gives up once it needs them no longer: what it
 * cannot do, nobody can make it do.
 *
 * Only whole kinds can be given up. A path or an address that was granted
 * cannot be narrowed from inside: that is the part of the flags at the start.
 *
 * @module
 */

import type { Logger } from "../model/logger.ts";

type RevocableName = "run" | "ffi" | "env" | "net";

/** Gives permissions up for good, in workers, too. */
export function revokePermissions(
  names: readonly RevocableName[],
  logger: Logger,
): void {
  for (const name of names) Deno.permissions.revokeSync({ name });
  logger.debug("permissions.revoked", { names: names.join(",") });
}

/**
 * Whether the process can open so many further files: it opens them, and closes
 * them again. The limit itself cannot be asked for without every permission.
 */
export function canOpenFiles(count: number): boolean {
  // Windows has no limit that connections would meet.
  if (Deno.build.os === "windows") return true;
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < count) files.push(Deno.openSync("/dev/null"));
    return true;
  } catch {
    return false;
  } finally {
    for (const file of files) file.close();
  }
}
