/**
 * Checks the KV: that its file is a whole database, and what its commit record
 * says of the log.
 *
 * @module
 */

import { join } from "@std/path";
import { writeRefusalOf } from "../../disk/write_refusal.ts";
import type { CommitRecord } from "../../commit/catalog.ts";
import { checkDatabase } from "../../commit/check_database.ts";
import { CATALOG_NAME } from "../../disk/store_directory.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import type { Findings } from "./findings.ts";
import type { Mark } from "./segment_check.ts";

/**
 * Reads the commit record.
 *
 * @returns Undefined when there is none that can be read, which is said.
 */
export async function readCommit(
  platform: StorePlatform,
  directory: string,
  findings: Findings,
): Promise<CommitRecord | undefined> {
  const names = await platform.disk.list(directory);
  if (!names.includes(CATALOG_NAME)) {
    findings.broken("commitMissing", "the KV is gone", PLACE);
    return undefined;
  }
  const path = join(directory, CATALOG_NAME);
  try {
    const catalog = await platform.openCatalog(path);
    try {
      const commit = await catalog.read();
      if (commit === undefined) reportNoCommit(findings);
      return commit;
    } finally {
      catalog.close();
    }
  } catch (error) {
    const refusal = await writeRefusalOf(platform.disk, path);
    if (refusal === undefined) reportDatabase(error, findings);
    else {
      // Opening it recovers its journal, which needs write access.
      findings.notice(
        "unreadable",
        `not checked, as it cannot be opened for writing: ` +
          refusal.split(";")[0],
        PLACE,
        "writable",
      );
    }
    return undefined;
  }
}

/** Checks the file of the KV of a store that is open. */
export function checkOpenDatabase(directory: string, findings: Findings): void {
  try {
    checkDatabase(join(directory, CATALOG_NAME));
  } catch (error) {
    reportDatabase(error, findings);
  }
}

/** Says that the KV has no commit record that is whole. */
export function reportNoCommit(findings: Findings): void {
  findings.broken(
    "commitMissing",
    "it has no commit record that is whole",
    PLACE,
  );
}

/** Says that the KV cannot be read. */
export function reportDatabase(error: unknown, findings: Findings): void {
  const reason = error instanceof Error ? error.message : String(error);
  findings.broken("database", reason, PLACE);
}

/** The state of the log that was found. */
interface LogEnd {
  readonly storeId: string | undefined;
  /** Position after the last whole batch. */
  readonly validEnd: number;
  /** The state of the log at the end that the record names. */
  readonly atCommit: Mark | undefined;
  /** Whether something is wrong with the log before that place. */
  readonly isDamaged: boolean;
  /** Whether the store is open: then it goes on behind the record. */
  readonly isOpen: boolean;
}

/** Holds the commit record against the log. */
export function checkCommit(
  commit: CommitRecord,
  log: LogEnd,
  findings: Findings,
): void {
  const place = { ...PLACE, position: commit.end };
  if (log.storeId === undefined) {
    if (commit.end > 0) {
      findings.damage("logShort", "the whole log is gone", place);
    }
    return;
  }
  if (commit.storeId !== log.storeId) {
    findings.broken(
      "commitRecord",
      `it belongs to another store: ${commit.storeId} instead of ${log.storeId}`,
      place,
    );
    return;
  }
  if (commit.end > log.validEnd) {
    if (log.isDamaged) return;
    findings.damage(
      "logShort",
      `the log ends at ${log.validEnd}, though more is committed`,
      place,
    );
    return;
  }
  const checksum = commit.end === 0 ? 0 : log.atCommit?.checksum;
  if (checksum !== commit.checksum && !log.isDamaged) {
    findings.damage(
      "commitRecord",
      log.atCommit === undefined
        ? "no record ends where it says that the log does"
        : "the record that ends there is another one",
      place,
    );
  }
  if (log.validEnd > commit.end && !log.isOpen) {
    findings.notice(
      "uncommitted",
      `${log.validEnd - commit.end} bytes of whole appends stand behind it: ` +
        "they are adopted",
      place,
    );
  }
}

const PLACE = { file: CATALOG_NAME };
