/**
 * Checkpoints of a projection: how far it has read, and the state that it had
 * come to (spec: projections §6, §6.2).
 *
 *   $projections-<n>-checkpoint              position; state without partitions
 *   $projections-<n>-<partition>-checkpoint  state of a partition, and the
 *                                            position of its last event
 *
 *   $projections-<n>-emitted                 position up to which everything is
 *                                            emitted, after a stop without a
 *                                            checkpoint
 *
 * Partitions are written before the position that covers them. So after a crash
 * a partition may be ahead; it says how far, and events up to there are passed
 * over for it.
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import { METADATA_EVENT_TYPE } from "../../model/stream_metadata.ts";
import { metastreamOf } from "../../model/stream_names.ts";
import { decodeJsonText } from "../../text/utf8.ts";
import type { SourcePosition } from "../contract.ts";
import { madeMetadataOf, metadataOf } from "./emissions.ts";
import { isCoveredBy, readMark, type WriterMark } from "./positions.ts";
import { RunFault } from "./run_fault.ts";
import type { RunStore } from "./run_store.ts";

/** State and result of a partition, as JSON. */
export interface PartitionTexts {
  readonly state: string;
  readonly result: string;
}

/** What a checkpoint says. */
export interface Checkpoint {
  readonly position: SourcePosition;
  /** Elements of its data, as JSON. */
  readonly texts: readonly string[];
}

/** A partition's checkpoint that a run goes on from. */
export interface PartitionCheckpoint extends PartitionTexts {
  readonly position: SourcePosition;
  /** Whether the stream has one beyond the root's position. */
  readonly isAheadHidden: boolean;
}

/** What keeps checkpoints of one projection. */
export interface CheckpointsParts {
  readonly store: RunStore;
  readonly projection: string;
  readonly mark: WriterMark;
  readonly newId: () => string;
}

/** Checkpoints that a stream keeps. */
const KEPT_COUNT = 2;
const ADMINS_ACL = '"$acl":{"$r":"$admins","$w":"$admins","$d":"$admins",' +
  '"$mr":"$all","$mw":"$admins"}';
const ROOT_METADATA = `{"$maxCount":2,${ADMINS_ACL}}`;
const EMITTED_METADATA = `{"$maxCount":1,${ADMINS_ACL}}`;

/** Name of the stream of a projection's checkpoints. */
export function checkpointStreamOf(projection: string): string {
  return `$projections-${projection}-checkpoint`;
}

/** Reads and writes the checkpoints of one projection. */
export class Checkpoints {
  readonly #parts: CheckpointsParts;
  readonly #rootName: string;
  #isRootMade = false;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
    this.#rootName = checkpointStreamOf(parts.projection);
  }

  /** The last checkpoint since the last reset; undefined: there is none. */
  async readRoot(): Promise<Checkpoint | undefined> {
    const [newest] = await this.#read(this.#rootName);
    return newest;
  }

  /**
   * A partition's checkpoint; undefined: there is none.
   *
   * @param atMost Later ones are left out.
   */
  async readPartition(
    partition: string,
    atMost?: SourcePosition,
  ): Promise<PartitionCheckpoint | undefined> {
    const all = await this.#read(this.#nameOf(partition));
    const fitting = all.find(({ position }) =>
      atMost === undefined || isCoveredBy(position, atMost)
    );
    if (fitting === undefined) return undefined;
    const { position, texts: [state, result] } = fitting;
    if (state === undefined) return undefined;
    const isAheadHidden = fitting !== all[0];
    return { position, state, result: result ?? state, isAheadHidden };
  }

  /** Whether a partition has no checkpoint; undefined: that must be read. */
  peekIsMissing(partition: string): boolean | undefined {
    return this.#parts.store.peekIsMissing(this.#nameOf(partition));
  }

  /** @param texts Elements of its data, as JSON. */
  async writeRoot({ position, texts }: Checkpoint): Promise<void> {
    if (!this.#isRootMade) {
      await this.#make(this.#rootName, ROOT_METADATA);
      this.#isRootMade = true;
    }
    await this.#write(this.#rootName, "$ProjectionCheckpoint", [
      { position, texts },
    ]);
  }

  /**
   * Writes a partition's checkpoint.
   *
   * @param isNew Whether the stream may have to be made.
   * @param before One that the stream is to keep besides.
   */
  async writePartition(
    partition: string,
    checkpoint: PartitionTexts & { readonly position: SourcePosition },
    { isNew, before }: {
      readonly isNew: boolean;
      readonly before?: PartitionCheckpoint | undefined;
    },
  ): Promise<void> {
    const streamName = this.#nameOf(partition);
    if (isNew) {
      await this.#make(
        streamName,
        madeMetadataOf(streamName, { maxCount: KEPT_COUNT }),
      );
    }
    const all = before === undefined ? [checkpoint] : [before, checkpoint];
    await this.#write(
      streamName,
      "$Checkpoint",
      all.map(({ position, state, result }) => ({
        position,
        texts: [state, result],
      })),
    );
  }

  /** Up to where all is emitted, beyond the root; undefined: not known. */
  async readEmitted(): Promise<SourcePosition | undefined> {
    const [newest] = await this.#read(this.#emittedName);
    return newest?.position;
  }

  /** Everything up to a position is emitted, which no checkpoint says. */
  async writeEmitted(position: SourcePosition): Promise<void> {
    await this.#make(this.#emittedName, EMITTED_METADATA);
    await this.#write(this.#emittedName, "$EmittedTo", [
      { position, texts: [] },
    ]);
  }

  get #emittedName(): string {
    return `$projections-${this.#parts.projection}-emitted`;
  }

  #nameOf(partition: string): string {
    return `$projections-${this.#parts.projection}-${partition}-checkpoint`;
  }

  async #make(streamName: string, data: string): Promise<void> {
    const { store, newId } = this.#parts;
    const { metadataNumber } = await store.readState(streamName);
    if (metadataNumber >= 0) return;
    await store.append({
      streamName: metastreamOf(streamName),
      expectedVersion: "any",
      events: [{
        eventId: newId(),
        eventType: METADATA_EVENT_TYPE,
        isJson: true,
        data,
        metadata: "",
      }],
    });
  }

  async #write(
    streamName: string,
    eventType: string,
    checkpoints: readonly Checkpoint[],
  ): Promise<void> {
    const { store, mark, newId } = this.#parts;
    const { kind } = await store.append({
      streamName,
      expectedVersion: "any",
      events: checkpoints.map(({ position, texts }) => ({
        eventId: newId(),
        eventType,
        isJson: true,
        data: `[${texts.join(",")}]`,
        metadata: metadataOf(mark, position),
      })),
    });
    if (kind === "appended" || kind === "duplicate") return;
    throw new RunFault(`Failed to write a checkpoint to "${streamName}"`);
  }

  /** Checkpoints of this epoch, the newest first. */
  async #read(streamName: string): Promise<readonly Checkpoint[]> {
    const { store, mark } = this.#parts;
    const { head, metadata } = await store.readState(streamName);
    if (head < 0) return [];
    const { truncateBefore = 0 } = metadata;
    const { entries } = await store.readBackward(streamName, head, KEPT_COUNT);
    const found: Checkpoint[] = [];
    for (const { event } of entries) {
      if (event.eventNumber < truncateBefore) break;
      const written = readMark(event.metadata);
      const isOurs = written?.number === mark.number &&
        written.epoch === mark.epoch;
      const texts = textsOf(event);
      if (!isOurs || texts === undefined) break;
      found.push({ position: written.position, texts });
    }
    return found;
  }
}

/** Elements of a checkpoint's data, each as JSON. */
function textsOf({ data }: RecordedEvent): readonly string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(decodeJsonText(data));
    if (!Array.isArray(parsed)) return undefined;
    return parsed.map((element) => JSON.stringify(element));
  } catch {
    return undefined;
  }
}
