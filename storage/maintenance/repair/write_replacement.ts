/**
 * Writes a segment anew with what is whole of it, in the format of scavenged
 * segments: records keep their positions, and what is gone is seen to be gone.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import type { JobControl } from "../../../lib/store/maintenance.ts";
import type { Disk } from "../../disk/disk.ts";
import type { ListEnd } from "../../log/remains.ts";
import { SegmentFile } from "../../log/segment_file.ts";
import { RemainsWriter } from "../../log/remains_writer.ts";
import type { Replacement } from "./survey.ts";
import { wholeRecords } from "./whole_records.ts";
import { mended } from "./mend_record.ts";

const RECORDS_PER_PAUSE = 500;
const NOBODY = { lost() {}, lostRecord() {} };

/**
 * Writes the file, synced, under the given path.
 *
 * @throws {QuipuError} `corruptRecord` when less can be read than the survey
 * could: then nobody has been told what is gone.
 */
export async function writeReplacement(
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
    const writer = new RemainsWriter(target, segment, {
      pause: () => control.pause?.() ?? Promise.resolve(),
    });
    let lastPosition = segment.startPosition - 1;
    let { lastCreatedAtUs } = replacement;
    let count = 0;
    let isAllThere = replacement.lastPosition < 0;
    for (const record of recordsOf(source)) {
      const end = record.logPosition + record.lengthBytes;
      // What follows the segment's end is not to stay.
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
