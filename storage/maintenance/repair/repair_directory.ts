/**
 * Mends the store in a directory that no process has open: finds out what is
 * wrong, says what it would do, and does it if it is told to. What it takes out
 * is kept in `lost/`, with a note of what is gone.
 *
 * New files are written whole before anything is moved, and each step leaves a
 * directory that a repair can take up again.
 *
 * @module
 */

import { basename, join } from "@std/path";
import type { Clock } from "../../../lib/model/clock.ts";
import { QuipuError } from "../../../lib/model/errors.ts";
import type { Logger } from "../../../lib/model/logger.ts";
import type {
  Finding,
  JobControl,
  RepairAction,
  RepairReport,
} from "../../../lib/store/maintenance.ts";
import { encodeUtf8 } from "../../../lib/text/utf8.ts";
import { openKvCatalog } from "../../commit/kv_catalog.ts";
import type { StorePlatform } from "../../commit/platform.ts";
import type { Disk } from "../../disk/disk.ts";
import { createFileDisk } from "../../disk/file_disk.ts";
import {
  asOpenError,
  CATALOG_NAME,
  SEGMENTS_NAME,
  takeForReading,
} from "../../disk/store_directory.ts";
import type { ListEnd } from "../../log/scavenged_segment.ts";
import { ScavengedWriter } from "../../log/scavenged_writer.ts";
import { SegmentFile } from "../../log/segment_file.ts";
import {
  parseSegmentFileName,
  segmentFileName,
} from "../../log/segment_header.ts";
import { LOSSES_PREFIX, REPAIR_PREFIX } from "../../open/losses.ts";
import { openFileStore } from "../../open/open_store.ts";
import { readCommit } from "../verify/commit_check.ts";
import { Findings } from "../verify/findings.ts";
import { HEADS_NAME } from "../verify/heads_check.ts";
import { planClosed } from "../verify/plan_closed.ts";
import { verifyDirectoryOn } from "../verify/verify_directory.ts";
import { verifyLog } from "../verify/verify_log.ts";
import { mended } from "./mend_record.ts";
import { type SteadyPlatform, steadyPlatform } from "./steady_platform.ts";
import { type Replacement, type Survey, surveyLog } from "./survey.ts";
import { wholeRecords } from "./whole_records.ts";

interface RepairRequest {
  readonly directory: string;
  /** Whether to do it, and not only to say what would be done. */
  readonly isConfirmed: boolean;
  readonly clock: Clock;
  readonly newEventId: () => string;
  readonly logger: Logger;
}

/** Mends the store of a directory, or says how it would. */
export function repairDirectory(
  request: RepairRequest,
  control: JobControl,
): Promise<RepairReport> {
  const platform = { disk: createFileDisk(), openCatalog: openKvCatalog };
  return repairDirectoryOn(platform, request, control);
}

/** The same on a given disk and catalog. */
export async function repairDirectoryOn(
  platform: StorePlatform,
  request: RepairRequest,
  control: JobControl,
): Promise<RepairReport> {
  const steady = steadyPlatform(platform);
  const { disk } = steady;
  const { directory, isConfirmed } = request;
  const lock = await takeForReading(disk, directory).catch((error) => {
    throw asOpenError(error, directory);
  });
  let repair: Repair;
  try {
    repair = await planRepair(steady, request, control);
    steady.check();
    if (!repair.report.isNeeded || !isConfirmed) return repair.report;
    await carryOut(repair, request, steady, control);
  } finally {
    lock.release();
  }
  return await reconcileAndVerify(repair, platform, request, control);
}

/** The planned actions. */
interface Repair {
  readonly report: RepairReport;
  readonly survey: Survey | undefined;
  /** Names in the store's directory of files that go to `lost/`. */
  readonly moved: readonly string[];
}

const OF_LOG: ReadonlySet<Finding["kind"]> = new Set<Finding["kind"]>([
  "missingSegment",
  "segmentHeader",
  "segmentChain",
  "record",
  "run",
  "position",
  "logShort",
  "unreadable",
  // Whole records that contradict each other.
  "eventNumber",
  "ordinal",
]);

async function planRepair(
  platform: StorePlatform,
  { directory, clock }: RepairRequest,
  control: JobControl,
): Promise<Repair> {
  const { disk } = platform;
  const findings = new Findings();
  const commit = await readCommit(platform, directory, findings);
  const plan = await planClosed({
    disk,
    directory,
    isDeep: true,
    commit,
    findings,
  });
  const found = await verifyLog(plan, findings, control);
  const names = await disk.list(join(directory, SEGMENTS_NAME));
  const isLogDamaged = found.findings.some(({ kind, severity }) =>
    severity === "damage" && OF_LOG.has(kind)
  );
  const survey = isLogDamaged
    ? await surveyLog({
      disk,
      plan,
      nowUs: clock.nowUs(),
      // One of another store says nothing of this one.
      commit: commit?.storeId === plan.storeId || plan.storeId === undefined
        ? commit
        : undefined,
      generationOf: (number) => generationOf(names, number),
      indexPathOf(number) {
        const name = names.findLast((name) =>
          name.endsWith(".idx") && parseSegmentFileName(name)?.number === number
        );
        return name && join(directory, SEGMENTS_NAME, name);
      },
      control,
    })
    : undefined;
  const actions: RepairAction[] = [];
  const moved = new Set<string>();
  for (const { segment, source, isMended } of survey?.replacements ?? []) {
    const file = source?.fileName ??
      `${SEGMENTS_NAME}/${segmentFileName(segment, "seg")}`;
    actions.push(
      source === undefined
        ? {
          kind: "replace",
          file,
          what: "a file that marks the gap takes its place",
        }
        : isMended
        ? {
          kind: "renumber",
          file,
          what: "records that contradict those before them get the next " +
            "numbers; the file as it was is kept in lost/",
        }
        : {
          kind: "isolate",
          file,
          what: "intact records are rewritten, the rest is kept in lost/",
        },
    );
    for (const name of names) {
      const parsed = parseSegmentFileName(name);
      if (parsed?.number === segment.number) {
        moved.add(`${SEGMENTS_NAME}/${name}`);
      }
    }
  }
  for (const { fileName } of survey?.strangers ?? []) moveAway(fileName);
  for (const finding of found.findings) planFor(finding);
  if (survey !== undefined && plan.hasHeads) moved.add(HEADS_NAME);
  const isTorn = found.findings.some(({ kind }) => kind === "tornTail");
  const report = {
    isNeeded: !found.isClean || isTorn,
    isDone: false,
    actions,
    lostPositions: survey?.lostPositions ?? [],
    lostEvents: survey?.losses.lostEvents ?? [],
    lostEventCount: survey?.losses.lostEventCount ?? 0,
    renumberedEvents: survey?.renumbered ?? [],
    unrepaired: [],
    note: undefined,
  };
  return { report, survey, moved: [...moved] };

  function moveAway(file: string): void {
    if (moved.has(file)) return;
    moved.add(file);
    actions.push({ kind: "moveAway", file, what: "it is kept in lost/" });
  }

  function rebuild(file: string, what: string): void {
    if (moved.has(file)) return;
    moved.add(file);
    actions.push({ kind: "rebuild", file, what });
  }

  function planFor({ kind, severity, file, what }: Finding): void {
    if (file === undefined) return;
    if (kind === "tornTail" && survey === undefined) {
      actions.push({
        kind: "cutTail",
        file,
        what: `${what}; they are kept in lost/ and cut`,
      });
    } else if (kind === "segmentHeader" && severity === "broken") {
      moveAway(file);
    } else if (severity === "notice") return;
    else if (kind === "indexFile" || kind === "indexContent") {
      rebuild(file, "the index file is rebuilt from the log");
    } else if (kind === "unreadable" && file.endsWith(".idx")) {
      rebuild(file, "the index file is rebuilt from the log");
    } else if (kind === "headsFile" || kind === "headsContent") {
      rebuild(file, "it is rebuilt when a segment is sealed");
    } else if (
      kind === "database" || kind === "commitMissing" ||
      (kind === "commitRecord" && !isLogDamaged)
    ) rebuild(file, "the KV is rebuilt from the log");
  }
}

/** Largest generation of a segment's files; 0 for none. */
function generationOf(names: readonly string[], number: number): number {
  let largest = 0;
  for (const name of names) {
    const parsed = parseSegmentFileName(name);
    if (parsed?.number === number) {
      largest = Math.max(largest, parsed.generation);
    }
  }
  return largest;
}

/** Makes what is new, then moves what is not to stay. */
async function carryOut(
  repair: Repair,
  request: RepairRequest,
  platform: SteadyPlatform,
  control: JobControl,
): Promise<void> {
  const { disk } = platform;
  const { directory, clock } = request;
  const logDirectory = join(directory, SEGMENTS_NAME);
  const lost = join(directory, "lost");
  await disk.makeDirectory(lost);
  await disk.syncDirectory(directory);
  const made: { from: string; to: string }[] = [];
  for (const replacement of repair.survey?.replacements ?? []) {
    const name = segmentFileName(replacement.segment, "seg");
    const to = join(logDirectory, name);
    const from = `${to}.tmp`;
    await writeReplacement(replacement, {
      disk,
      path: from,
      ends: repair.survey?.losses.endsOf(replacement.segment.number) ?? [],
      nowUs: clock.nowUs(),
      control,
    });
    made.push({ from, to });
  }
  platform.check();
  // From here on it is not to be stopped.
  control.signal.throwIfAborted();
  await writeNote(repair, request, disk);
  for (const { from, to } of made) await disk.rename(from, to);
  await disk.syncDirectory(logDirectory);
  for (const name of repair.moved) {
    for (const path of await filesOf(disk, directory, name)) {
      const kept = await freeName(disk, lost, {
        before: `${basename(path)}-`,
        number: clock.nowUs(),
        after: "",
      });
      await disk.rename(path, join(lost, kept));
    }
  }
  await disk.syncDirectory(lost);
  await disk.syncDirectory(logDirectory);
  await disk.syncDirectory(directory);
}

/** A file, and those that belong to it; none if it is gone already. */
async function filesOf(
  disk: Disk,
  directory: string,
  name: string,
): Promise<string[]> {
  const folder = name.startsWith(`${SEGMENTS_NAME}/`)
    ? join(directory, SEGMENTS_NAME)
    : directory;
  const own = basename(name);
  const names = await disk.list(folder);
  // The KV has its journal beside it.
  return names.filter((one) =>
    one === own || (own === CATALOG_NAME && one.startsWith(`${own}-`))
  ).map((one) => join(folder, one));
}

/** A name that no file in the directory has; the number counts up if it must. */
async function freeName(
  disk: Disk,
  directory: string,
  { before, number, after }: { before: string; number: number; after: string },
): Promise<string> {
  const names = await disk.list(directory);
  for (let free = number;; free++) {
    const name = `${before}${free}${after}`;
    if (!names.includes(name)) return name;
  }
}

async function writeNote(
  { report, moved }: Repair,
  request: RepairRequest,
  disk: Disk,
): Promise<void> {
  const { actions, lostPositions, lostEvents, lostEventCount } = report;
  const { renumberedEvents } = report;
  const text = JSON.stringify(
    {
      repairedAt: new Date(request.clock.nowUs() / 1000).toISOString(),
      actions,
      lostPositions,
      lostEvents,
      lostEventCount,
      renumberedEvents,
      // Should it be interrupted: these are to be kept (`open/losses.ts`).
      moved,
    },
    null,
    2,
  );
  const lost = join(request.directory, "lost");
  const name = await freeName(disk, lost, {
    before: lostPositions.length > 0 ? LOSSES_PREFIX : REPAIR_PREFIX,
    number: request.clock.nowUs(),
    after: ".json",
  });
  const file = await disk.create(join(lost, name));
  try {
    await file.writeAt(encodeUtf8(text + "\n"), 0);
    await file.sync();
  } finally {
    file.close();
  }
  await disk.syncDirectory(lost);
}

/** The store makes what is left to make; then all of it is looked at again. */
async function reconcileAndVerify(
  { report }: Repair,
  platform: StorePlatform,
  request: RepairRequest,
  control: JobControl,
): Promise<RepairReport> {
  const { directory, clock, newEventId, logger } = request;
  const store = await openFileStore(platform, {
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock,
    newEventId,
    logger,
  });
  await store.close();
  const after = await verifyDirectoryOn(
    platform,
    { directory, isDeep: true },
    control,
  );
  const notes = (await platform.disk.list(join(directory, "lost"))).filter((
    name,
  ) => name.startsWith(REPAIR_PREFIX) || name.startsWith(LOSSES_PREFIX));
  const last = notes.sort((one, other) => numberIn(one) - numberIn(other))
    .at(-1);
  return {
    ...report,
    isDone: true,
    unrepaired: after.findings.filter(({ severity }) => severity !== "notice"),
    note: last === undefined ? undefined : `lost/${last}`,
  };
}

/** The number in a note's name: when it was written. */
function numberIn(name: string): number {
  return Number(/\d+/.exec(name)?.[0] ?? 0);
}

/** Nothing is written to the store: any size will do. */
const SEGMENT_BYTES = 256 * 1024 * 1024;

const RECORDS_PER_PAUSE = 500;
const NOBODY = { lost() {}, lostRecord() {} };

/**
 * Writes the file, synced, under the given path.
 *
 * @throws {QuipuError} `corruptRecord` when less can be read than the survey
 * could: then nobody has been told what is gone.
 */
async function writeReplacement(
  replacement: Replacement,
  options: {
    readonly disk: Disk;
    readonly path: string;
    readonly ends: readonly ListEnd[];
    readonly nowUs: number;
    readonly control: JobControl;
  },
): Promise<void> {
  const { disk, path, ends, nowUs, control } = options;
  const { segment, header, source } = replacement;
  await disk.remove(path).catch(() => {});
  const target = await disk.create(path);
  try {
    const writer = new ScavengedWriter(target, segment, {
      pause: () => control.pause?.() ?? Promise.resolve(),
    });
    let lastPosition = segment.startPosition - 1;
    let { lastCreatedAtUs } = replacement;
    let count = 0;
    let isAllThere = replacement.lastPosition < 0;
    for (const record of recordsOf(source)) {
      const end = record.logPosition + record.lengthBytes;
      // Bytes after the segment's end must go.
      isAllThere ||= record.logPosition >= replacement.lastPosition ||
        end > segment.endPosition;
      if (end > segment.endPosition) break;
      const mend = replacement.mends.get(record.logPosition);
      writer.add(mend === undefined ? record : mended(record, mend));
      lastPosition = record.logPosition;
      lastCreatedAtUs = mend?.createdAtUs ?? record.createdAtUs;
      if (writer.isFull) await writer.flush();
      if (++count % RECORDS_PER_PAUSE !== 0) continue;
      control.signal.throwIfAborted();
      await control.pause?.();
    }
    if (!isAllThere) {
      throw new QuipuError(
        "corruptRecord",
        `Cannot repair segment ${segment.number}: it does not read twice ` +
          "alike; copy the store to another device first",
      );
    }
    await writer.finish(header, ends, {
      lastPosition,
      lastCreatedAtUs,
      scavengedAtUs: nowUs,
    });
  } finally {
    target.close();
  }

  function* recordsOf(from: Replacement["source"]) {
    if (from === undefined) return;
    const file = disk.open(from.segment.path, "read");
    try {
      yield* wholeRecords(new SegmentFile(file, from.segment), NOBODY);
    } catch {
      // A device that gives no more: the survey has seen as much.
    } finally {
      file.close();
    }
  }
}
