/**
 * What events do besides changing states: emitted events, results, the order
 * in which several streams were merged (spec: projections §6, §8).
 *
 * @module
 */

import { LINK_TYPE } from "../../model/links.ts";
import { formatEventNumber } from "../../model/event_number.ts";
import type { EmittedEvent, ProjectionDefinition } from "../engine/messages.ts";
import type { EmitWriter } from "./emit_writer.ts";
import { type Cause, metadataOf, nameId } from "./emissions.ts";
import type { WriterMark } from "./positions.ts";

/** Everything needed to write effects. */
export interface EffectsParts {
  readonly projection: string;
  readonly definition: ProjectionDefinition;
  readonly mark: WriterMark;
  readonly writer: EmitWriter;
  /** Whether the order of events is written down. */
  readonly writesOrder: boolean;
  /** Whether results are written as they change. */
  readonly writesResults: boolean;
  /** Whether partitions are written down that have no results yet. */
  readonly writesPartitions: boolean;
}

/** Streams that results are written to. */
export interface ResultStreams {
  readonly common: string;
  of(partition: string): string;
  /** Whether the query names the stream: then its login must have the right. */
  readonly isNamed: boolean;
}

/** A result that is none. */
const NO_RESULT = "null";

/** Name of the stream of a projection's partitions. */
export function partitionsStreamOf(projection: string): string {
  return `$projections-${projection}-partitions`;
}

/** Names the streams of a projection's results. */
export function resultStreamsOf(
  projection: string,
  { options }: Pick<ProjectionDefinition, "options">,
): ResultStreams {
  const { resultStreamName, partitionResultStreamNamePattern } = options;
  return {
    common: resultStreamName ?? `$projections-${projection}-result`,
    of: (partition) =>
      partitionResultStreamNamePattern?.replaceAll("{0}", () => partition) ??
        `$projections-${projection}-${partition}-result`,
    isNamed: resultStreamName !== undefined ||
      partitionResultStreamNamePattern !== undefined,
  };
}

/** Hands effects to the writer, in order. */
export class Effects {
  readonly #parts: EffectsParts;
  readonly #streams: ResultStreams;
  /** Links to results whose numbers are not known yet, in order. */
  readonly #links: { send: (() => void) | undefined }[] = [];

  constructor(parts: EffectsParts) {
    this.#parts = parts;
    this.#streams = resultStreamsOf(parts.projection, parts.definition);
  }

  /** Whether every event has an effect. */
  get writesOrder(): boolean {
    return this.#parts.writesOrder;
  }

  /** Whether every partition that is seen for the first time has an effect. */
  get writesPartitions(): boolean {
    return this.#parts.writesPartitions;
  }

  /** An event was processed. */
  tookEvent(
    cause: Cause,
    event: { readonly streamName: string; readonly eventNumber: number },
  ): void {
    const { projection, mark, writer, writesOrder } = this.#parts;
    if (!writesOrder) return;
    writer.add({
      streamName: `$projections-${projection}-order`,
      eventId: this.#idOf(cause, "order"),
      eventType: LINK_TYPE,
      isJson: false,
      data: `${formatEventNumber(event.eventNumber)}@${event.streamName}`,
      metadata: metadataOf(mark, cause.position),
      cause,
      isOwn: true,
    });
  }

  /** An event emitted events. */
  emitted(cause: Cause, events: readonly EmittedEvent[]): void {
    const { mark, writer } = this.#parts;
    for (const [ordinal, event] of events.entries()) {
      const { streamName, eventType, isJson, data = "", metadata } = event;
      writer.add({
        streamName,
        eventId: this.#idOf(cause, ordinal),
        eventType,
        isJson,
        data,
        metadata: metadataOf(mark, cause.position, cause, metadata),
        cause,
      });
    }
  }

  /** A partition was seen for the first time. */
  sawPartition(cause: Cause, partition: string): void {
    const { projection, mark, writer } = this.#parts;
    writer.add({
      streamName: partitionsStreamOf(projection),
      eventId: this.#idOf(cause, "partition"),
      eventType: "$partition",
      isJson: false,
      data: partition,
      metadata: metadataOf(mark, cause.position),
      cause,
      isOwn: true,
    });
  }

  /**
   * A partition has a result.
   *
   * @param former Undefined: the partition is seen for the first time.
   */
  hadResult(
    cause: Cause,
    partition: string,
    { result, former }: {
      readonly result: string;
      readonly former: string | undefined;
    },
  ): void {
    const { definition: { byStream, byCustomPartitions }, writesResults } =
      this.#parts;
    if (!writesResults) return;
    const isPartitioned = byStream === true || byCustomPartitions === true;
    if (former === undefined && isPartitioned) {
      this.sawPartition(cause, partition);
    }
    // Without partitions there is no result at first.
    const known = former ?? (isPartitioned ? undefined : NO_RESULT);
    if (result === known) return;
    this.#changedResult(cause, { partition, result, isPartitioned });
  }

  #changedResult(
    cause: Cause,
    { partition, result, isPartitioned }: {
      readonly partition: string;
      readonly result: string;
      readonly isPartitioned: boolean;
    },
  ): void {
    const { mark, writer } = this.#parts;
    const { common, of, isNamed } = this.#streams;
    const streamName = isPartitioned ? of(partition) : common;
    const metadata = metadataOf(mark, cause.position, cause);
    const own = isNamed ? {} : { isOwn: true as const };
    const link = { send: undefined };
    if (isPartitioned) {
      writer.reserve();
      this.#links.push(link);
    }
    const isRemoved = result === NO_RESULT;
    writer.add({
      streamName,
      eventId: this.#idOf(cause, "result"),
      eventType: isRemoved ? "ResultRemoved" : "Result",
      isJson: true,
      data: isRemoved ? "" : result,
      metadata,
      cause,
      ...own,
      ...(isPartitioned && {
        onWritten: (eventNumber: number) =>
          this.#sendLink(link, () =>
            writer.addReserved({
              streamName: common,
              eventId: this.#idOf(cause, "link"),
              eventType: LINK_TYPE,
              isJson: false,
              data: `${eventNumber}@${streamName}`,
              metadata,
              cause,
              ...own,
            })),
      }),
    });
  }

  /** Links stand in the order of the results, whichever is written first. */
  #sendLink(link: { send: (() => void) | undefined }, send: () => void): void {
    link.send = send;
    while (this.#links[0]?.send !== undefined) this.#links.shift()?.send?.();
  }

  #idOf({ key }: Cause, ordinal: number | string): string {
    const { projection, mark: { number, epoch } } = this.#parts;
    return nameId(projection, number, epoch, key, ordinal);
  }
}
