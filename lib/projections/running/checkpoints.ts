/**
 * Checkpoints of a projection: how far it has read, and the state that it had
 * come to (spec: projections §6, §6.2).
 *
 *   $projections-<n>-checkpoint              position; state without partitions
 *   $projections-<n>-<partition>-checkpoint  state of a partition, and the
 *                                            position of its last event
 *
 * Partitions are written before the position that covers them. So after a crash
 * a partition may be ahead; it says how far, and events up to there are passed
 * over for it.
 *
 * @module
 */

import type { SourcePosition } from "../contract.ts";
import { madeMetadataOf } from "./emissions.ts";
import type { OwnEvent, OwnStreams } from "./own_streams.ts";
import { isCoveredBy } from "./positions.ts";

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

/** Checkpoints that a stream keeps. */
const KEPT_COUNT = 2;
/** Access list of streams that are for administrators alone. */
export const ADMINS_ACL =
  '"$acl":{"$r":"$admins","$w":"$admins","$d":"$admins",' +
  '"$mr":"$all","$mw":"$admins"}';
const ROOT_METADATA = `{"$maxCount":${KEPT_COUNT},${ADMINS_ACL}}`;

/** Reads and writes the checkpoints of one projection. */
export class Checkpoints {
  readonly #streams: OwnStreams;
  readonly #rootName: string;
  #isRootMade = false;

  constructor(streams: OwnStreams) {
    this.#streams = streams;
    this.#rootName = streams.nameOf("checkpoint");
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
    return this.#streams.peekIsMissing(this.#nameOf(partition));
  }

  /** @param texts Elements of its data, as JSON. */
  async writeRoot({ position, texts }: Checkpoint): Promise<void> {
    if (!this.#isRootMade) {
      await this.#streams.make(this.#rootName, ROOT_METADATA);
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
      await this.#streams.make(
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

  #nameOf(partition: string): string {
    return this.#streams.nameOf(`${partition}-checkpoint`);
  }

  async #write(
    streamName: string,
    eventType: string,
    checkpoints: readonly Checkpoint[],
  ): Promise<void> {
    await this.#streams.append(
      streamName,
      checkpoints.map(({ position, texts }) => ({
        eventType,
        position,
        data: `[${texts.join(",")}]`,
      })),
    );
  }

  /** Checkpoints of this epoch, the newest first. */
  async #read(streamName: string): Promise<readonly Checkpoint[]> {
    const found: Checkpoint[] = [];
    for await (
      const event of this.#streams.readNewest(streamName, KEPT_COUNT)
    ) {
      const texts = textsOf(event);
      if (texts === undefined) break;
      found.push({ position: event.position, texts });
      if (found.length >= KEPT_COUNT) break;
    }
    return found;
  }
}

/** Elements of a checkpoint's data, each as JSON. */
function textsOf({ data }: OwnEvent): readonly string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(data);
    if (!Array.isArray(parsed)) return undefined;
    return parsed.map((element) => JSON.stringify(element));
  } catch {
    return undefined;
  }
}
