/**
 * Checks a store while it is open: what is committed when the check begins,
 * as it stands on disk, whatever the store has in memory.
 *
 * @module
 */

import { join } from "@std/path";
import type {
  JobControl,
  VerifyReport,
  VerifyRequest,
} from "../../../lib/store/maintenance.ts";
import { readExactly } from "../../disk/disk.ts";
import type { StoreIndex } from "../../index/store_index.ts";
import type { Catalog, CommitRecord } from "../../commit/catalog.ts";
import { SCAVENGED_HEADER_BYTES } from "../../log/scavenged_segment.ts";
import { offsetOf, type Segment } from "../../log/segment.ts";
import type { SegmentPins } from "../../log/segment_pins.ts";
import {
  decodeSegmentHeader,
  segmentFileName,
} from "../../log/segment_header.ts";
import { SEGMENTS_NAME } from "../../disk/store_directory.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import {
  checkOpenDatabase,
  readCommit,
  reportDatabase,
  reportNoCommit,
} from "./commit_check.ts";
import { Findings } from "./findings.ts";
import { HEADS_NAME } from "./heads_check.ts";
import { planClosed, sizeOf } from "./plan_closed.ts";
import { verifyLog } from "./verify_log.ts";
import type { PlannedSegment } from "./verify_plan.ts";

/** The parts of an open store that are looked at. */
interface OpenStoreParts {
  readonly platform: StorePlatform;
  readonly directory: string;
  readonly segments: readonly Segment[];
  readonly index: StoreIndex;
  readonly pins: SegmentPins;
  readonly publisher: { readonly end: number };
  readonly storeId: () => string;
  /** Undefined while the store has none. */
  readonly catalog: () => Catalog | undefined;
  /** Whether it was opened for reading alone: then nothing is written. */
  readonly isReadOnly: boolean;
}

/** Checks the store. */
export async function verifyOpenStore(
  parts: OpenStoreParts,
  { isDeep }: VerifyRequest,
  control: JobControl,
): Promise<VerifyReport> {
  const { platform, directory, isReadOnly, publisher } = parts;
  const { disk } = platform;
  const findings = new Findings();
  if (isReadOnly) {
    const commit = await readCommit(platform, directory, findings);
    const plan = await planClosed({
      disk,
      directory,
      isDeep,
      commit,
      findings,
    });
    return await verifyLog(plan, findings, control);
  }
  const commit = await lookAtCommit(parts, findings);
  const expected = indexNamesOf(parts);
  const names = new Set(await disk.list(join(directory, SEGMENTS_NAME)));
  const missing = new Set(expected.filter((name) => !names.has(name)));
  const hasHeads = (await disk.list(directory)).includes(HEADS_NAME);
  await visible(commit, publisher);
  // From here on without a pause: what is pinned is what is checked.
  const segments = planSegments(parts, missing, findings);
  const unpin = parts.pins.pin(segments.map(({ segment }) => segment.path));
  try {
    const plan = {
      disk,
      directory,
      isDeep,
      storeId: parts.storeId(),
      segments,
      hasHeads,
      commit,
      isOpen: true,
    };
    return await verifyLog(plan, findings, control);
  } finally {
    unpin();
  }
}

/**
 * The commit record, through the store's own handle: a second one would lock the
 * writer out.
 */
async function lookAtCommit(
  { platform, directory, catalog }: OpenStoreParts,
  findings: Findings,
): Promise<CommitRecord | undefined> {
  if (!platform.isVolatile) checkOpenDatabase(directory, findings);
  const open = catalog();
  if (open?.peek === undefined) return undefined;
  try {
    const commit = await open.peek();
    if (commit === undefined) reportNoCommit(findings);
    return commit;
  } catch (error) {
    reportDatabase(error, findings);
    return undefined;
  }
}

const VISIBLE_MS_MAX = 2_000;
const LOOK_MS = 5;

/** A commit becomes visible a moment later. */
async function visible(
  commit: CommitRecord | undefined,
  publisher: { readonly end: number },
): Promise<void> {
  for (let waitedMs = 0; waitedMs < VISIBLE_MS_MAX; waitedMs += LOOK_MS) {
    if (commit === undefined || publisher.end >= commit.end) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Index files of the segments that are sealed now. */
function indexNamesOf({ segments, index }: OpenStoreParts): string[] {
  return segments.filter(({ number }) =>
    index.sealed.segmentOf(number) !== undefined
  ).map((segment) => segmentFileName(segment, "idx"));
}

/**
 * @param missing Index files that should have been in the directory when it
 * was listed. A segment may have been sealed since, and then has one.
 */
function planSegments(
  { platform: { disk }, directory, segments, index }: OpenStoreParts,
  missing: ReadonlySet<string>,
  findings: Findings,
): PlannedSegment[] {
  return segments.map((open): PlannedSegment => {
    // The active one goes on growing, and one that is scavenged is replaced.
    const segment = { ...open };
    const fileName = `${SEGMENTS_NAME}/${segmentFileName(segment, "seg")}`;
    const indexName = segmentFileName(segment, "idx");
    const isSealed = index.sealed.segmentOf(segment.number) !== undefined;
    const hasIndex = !missing.has(indexName);
    if (isSealed && !hasIndex) {
      findings.broken("indexMissing", "its index file is gone", {
        file: fileName,
      });
    }
    return {
      segment,
      fileName,
      header: readHeader(),
      fileBytes: segment.scavenged?.header.fileBytes ??
        offsetOf(segment, segment.endPosition),
      index: isSealed && hasIndex
        ? {
          name: `${SEGMENTS_NAME}/${indexName}`,
          bytes: sizeOf(disk, join(directory, SEGMENTS_NAME, indexName)),
        }
        : undefined,
    };

    function readHeader(): PlannedSegment["header"] {
      try {
        const file = disk.open(segment.path, "read");
        try {
          const length = Math.min(file.size(), SCAVENGED_HEADER_BYTES);
          const header = decodeSegmentHeader(readExactly(file, 0, length));
          const isIt = typeof header !== "string" &&
            header.number === segment.number &&
            header.generation === segment.generation;
          if (isIt) return header;
          findings.damage("segmentHeader", "the header is damaged", {
            file: fileName,
            offset: 0,
          });
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          findings.unreadable(reason, { file: fileName });
        } finally {
          file.close();
        }
      } catch {
        findings.damage("missingSegment", "the file is gone", {
          file: fileName,
        });
      }
      return undefined;
    }
  });
}
