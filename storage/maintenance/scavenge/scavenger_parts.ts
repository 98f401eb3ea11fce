/**
 * The parts of an open store that scavenging needs.
 *
 * @module
 */

import type { Clock } from "../../../lib/model/clock.ts";
import type { QuipuError } from "../../../lib/model/errors.ts";
import type { Logger } from "../../../lib/model/logger.ts";
import type { Disk } from "../../disk/disk.ts";
import type { Sealer } from "../../index/sealer.ts";
import type { StoreIndex } from "../../index/store_index.ts";
import type { RecordReader } from "../../log/record_reader.ts";
import type { OpenFiles, Segment } from "../../log/segment.ts";
import type { SegmentPins } from "../../log/segment_pins.ts";
import type { Publisher } from "../../write/publisher.ts";
import type { StreamStates } from "../../write/stream_states.ts";

export interface ScavengerParts {
  readonly disk: Disk;
  readonly directory: string;
  readonly logDirectory: string;
  /** Oldest first; a scavenged one takes its old one's place. */
  readonly segments: Segment[];
  readonly index: StoreIndex;
  readonly reader: RecordReader;
  readonly files: OpenFiles;
  readonly states: StreamStates;
  readonly publisher: Publisher;
  readonly pins: SegmentPins;
  readonly sealer: Pick<Sealer, "start" | "finished" | "snapshot">;
  readonly storeId: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Begins the next segment. */
  readonly endSegment: () => Promise<void>;
  /** Why nothing can be written at the moment. */
  readonly failure: () => QuipuError | undefined;
  /** Whether the store was opened for reading alone. */
  readonly isReadOnly: boolean;
  /** Bytes on the device that are left to appends. */
  readonly reserveBytes: number;
}
