/**
 * Checks the store in a directory that no process has open.
 *
 * @module
 */

import { LIMITS } from "../../lib/model/limits.ts";
import type {
  JobControl,
  VerifyReport,
  VerifyRequest,
} from "../../lib/model/maintenance.ts";
import { createFileDisk } from "../disk/file_disk.ts";
import { openKvCatalog } from "../kv/kv_catalog.ts";
import { asOpenError, takeForReading } from "../open_directory.ts";
import type { StorePlatform } from "../platform.ts";
import { lossesOf } from "../recovery/losses.ts";
import { readCommit } from "./commit_check.ts";
import { Findings } from "./findings.ts";
import { planClosed } from "./plan_closed.ts";
import { verifyLog, type VerifyManner } from "./verify_log.ts";
import type { VerifyPlan } from "./verify_plan.ts";

/** Bytes of the log for each thread: starting one must be worth it. */
const BYTES_PER_THREAD_MIN = 256 * 1024 * 1024;

/**
 * Checks the store, by as many threads as the machine has cores, up to
 * `LIMITS.verifyThreadsMax`; its directory is locked meanwhile, and nothing in
 * it is changed.
 *
 * @throws {QuipuError} `directoryLocked` while another process has it,
 * `notWritable` when it holds no store.
 */
export function verifyDirectory(
  request: VerifyRequest & { readonly directory: string },
  control: JobControl,
  manner?: VerifyManner,
): Promise<VerifyReport> {
  const platform = { disk: createFileDisk(), openCatalog: openKvCatalog };
  return verifyDirectoryOn(platform, request, control, manner ?? ofMachine);
}

/** The manner that suits a log, on this machine. */
function ofMachine({ segments }: VerifyPlan): VerifyManner {
  const bytes = segments.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  const threadCount = Math.min(
    navigator.hardwareConcurrency,
    LIMITS.verifyThreadsMax,
    Math.floor(bytes / BYTES_PER_THREAD_MIN),
  );
  return { threadCount };
}

/** The same on a given disk and catalog, by this thread alone by default. */
export async function verifyDirectoryOn(
  platform: StorePlatform,
  request: VerifyRequest & { readonly directory: string },
  control: JobControl,
  manner: VerifyManner | ((plan: VerifyPlan) => VerifyManner) = {},
): Promise<VerifyReport> {
  const { disk } = platform;
  const { directory, isDeep } = request;
  let lock;
  try {
    lock = await takeForReading(disk, directory);
  } catch (error) {
    throw asOpenError(error, directory);
  }
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
    const chosen = typeof manner === "function" ? manner(plan) : manner;
    return await verifyLog(plan, findings, control, chosen);
  } finally {
    lock.release();
  }
}
