/**
 * Files that may be read and not written.
 *
 * @module
 */

import {
  explainSystemError,
  systemCodeOf,
} from "../../lib/text/system_errors.ts";
import type { Disk } from "./disk.ts";

const UNWRITABLE_CODES = ["EROFS", "EACCES", "EPERM"];

/**
 * Why a file that is there, or one beside it, may not be written, and what
 * helps; undefined when both may, or when something else is wrong. SQLite needs
 * both: it keeps its journal beside the database.
 */
export async function writeRefusalOf(
  disk: Disk,
  path: string,
): Promise<string | undefined> {
  try {
    disk.open(path, "write").close();
    const probe = `${path}.probe`;
    // Left by a process that was killed right here.
    await disk.remove(probe).catch(() => {});
    (await disk.create(probe)).close();
    await disk.remove(probe);
    return undefined;
  } catch (error) {
    return UNWRITABLE_CODES.includes(systemCodeOf(error) ?? "")
      ? explainSystemError(error)
      : undefined;
  }
}
