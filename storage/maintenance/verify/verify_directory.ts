/**
 * Checks the store in a directory that no process has open.
 *
 * @module
 */

import type {
  JobControl,
  VerifyReport,
  VerifyRequest,
} from "../../../lib/store/maintenance.ts";
import { createFileDisk } from "../../disk/file_disk.ts";
import { openKvCatalog } from "../../commit/kv_catalog.ts";
import { takeForReading } from "../../disk/store_directory.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import { lossesOf } from "../../open/losses.ts";
import { readCommit } from "./commit_check.ts";
import { Findings } from "./findings.ts";
import { planClosed } from "./plan_closed.ts";
import { verifyLog } from "./verify_log.ts";

/**
 * Checks the store; its directory is locked meanwhile, and nothing in it is
 * changed.
 *
 * @throws {QuipuError} `directoryLocked` while another process has it,
 * `notWritable` when it holds no store.
 */
export function verifyDirectory(
  request: VerifyRequest & { readonly directory: string },
  control: JobControl,
): Promise<VerifyReport> {
  const platform = { disk: createFileDisk(), openCatalog: openKvCatalog };
  return verifyDirectoryOn(platform, request, control);
}

/** The same on a given disk and catalog. */
export async function verifyDirectoryOn(
  platform: StorePlatform,
  request: VerifyRequest & { readonly directory: string },
  control: JobControl,
): Promise<VerifyReport> {
  const { disk } = platform;
  const { directory, isDeep } = request;
  const lock = await takeForReading(disk, directory);
  try {
    const findings = new Findings();
    const commit = await readCommit(platform, directory, findings);
    for (const file of await lossesOf(disk, directory)) {
      findings.notice(
        "lostRange",
        "an earlier repair could not save everything",
        { file },
        "known",
      );
    }
    const plan = await planClosed({
      disk,
      directory,
      isDeep,
      commit,
      findings,
    });
    return await verifyLog(plan, findings, control);
  } finally {
    lock.release();
  }
}
