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
 * Why a file that is there may not be opened for writing, and what helps;
 * undefined when it may, or when something else is wrong with it.
 */
export function writeRefusalOf(disk: Disk, path: string): string | undefined {
  try {
    disk.open(path, "write").close();
    return undefined;
  } catch (error) {
    return UNWRITABLE_CODES.includes(systemCodeOf(error) ?? "")
      ? explainSystemError(error)
      : undefined;
  }
}
