/**
 * A store on a machine, with a witness beside it.
 *
 * @module
 */

import type { EventStore } from "../../lib/store/event_store.ts";
import type { Logger } from "../../lib/model/logger.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { StorePlatform } from "../../storage/commit/platform.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import type { Machine } from "./machine.ts";
import type { Witness } from "./witness.ts";
import { SEGMENT_BYTES, type StepGroups } from "./workload.ts";

/** Opens a store: the real one, or one with a planted bug. */
export type OpenStoreOn = (
  platform: StorePlatform,
  options: {
    readonly directory: string;
    readonly segmentSizeBytes: number;
    readonly clock: ReturnType<typeof createTestClock>;
    readonly newEventId: () => string;
    readonly logger: Logger;
    readonly retryMs?: number;
    readonly ballastBytes?: number;
    readonly activeBytesMin?: number;
    readonly isReadOnly?: boolean;
  },
) => Promise<EventStore>;

/** What all lives of a store share. */
export class World {
  readonly openStoreOn: OpenStoreOn;
  readonly #clock = createTestClock();
  readonly #newEventId = createTestIds();

  constructor(openStoreOn: OpenStoreOn) {
    this.openStoreOn = openStoreOn;
  }

  /** Lets the next store have another id than those of other worlds. */
  skipId(): void {
    this.#newEventId();
  }

  /** Opens what is whole of a store, to read alone. */
  openReadOnly(machine: Machine): Promise<EventStore> {
    return this.openStoreOn(machine, {
      directory: "store",
      segmentSizeBytes: SEGMENT_BYTES,
      clock: this.#clock,
      newEventId: this.#newEventId,
      logger: SILENT_LOGGER,
      isReadOnly: true,
    });
  }

  open(
    machine: Machine,
    segmentSizeBytes = SEGMENT_BYTES,
  ): Promise<EventStore> {
    this.#clock.advanceMs(1);
    return this.openStoreOn(machine, {
      directory: "store",
      segmentSizeBytes,
      clock: this.#clock,
      newEventId: this.#newEventId,
      logger: SILENT_LOGGER,
      retryMs: 0,
      ballastBytes: 64,
      // Every clean stop writes down what the active segment holds.
      activeBytesMin: 1,
    });
  }
}

/** Asks for groups of steps; what comes of them the witness remembers. */
export async function live(
  store: EventStore,
  groups: StepGroups,
  { machine, witness }: { machine: Machine; witness: Witness },
): Promise<void> {
  const mayCount = () => !machine.isOff;
  for (const group of groups) {
    if (machine.isOff) return;
    await Promise.all(
      group.map((step) => witness.ask(store, step, mayCount)),
    );
  }
}
