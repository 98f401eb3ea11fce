/**
 * What keeps an open store well, over its parts: the port `StoreMaintenance`.
 *
 * @module
 */

import type { StoreMaintenance } from "../lib/model/maintenance.ts";
import { openBackup } from "./backup/open_backup.ts";
import type { StoreIndex } from "./index/store_index.ts";
import type { Catalog } from "./kv/catalog.ts";
import type { KnownDamage } from "./log/known_damage.ts";
import type { OpenFiles, Segment } from "./log/segment.ts";
import type { SegmentPins } from "./log/segment_pins.ts";
import type { ScavengeRunner } from "./scavenge/scavenge_runner.ts";
import type { StorePlatform } from "./platform.ts";
import { openExport } from "./transfer/export_events.ts";
import type { ExportedStore } from "./transfer/selection.ts";
import type { Publisher } from "./write/publisher.ts";

/** The parts of an open store that its maintenance works on. */
export interface MaintenanceParts {
  readonly platform: StorePlatform;
  /** Directory of the store. */
  readonly directory: string;
  /** Directory of its segments. */
  readonly logDirectory: string;
  readonly segments: readonly Segment[];
  readonly index: StoreIndex;
  readonly files: OpenFiles;
  readonly publisher: Publisher;
  /** Files that somebody reads from one end to the other. */
  readonly pins: SegmentPins;
  readonly scavenges: ScavengeRunner;
  readonly damage: KnownDamage;
  /** Undefined while the store has none. */
  readonly catalog: () => Catalog | undefined;
  /** Whether it was opened for reading alone. */
  readonly isReadOnly: boolean;
  /** Id of the store; empty for one that was never written. */
  readonly storeId: () => string;
  /** The store itself, once it is put together. */
  readonly store: () => ExportedStore;
}

/** Puts the maintenance of an open store together. */
export function createMaintenance(parts: MaintenanceParts): StoreMaintenance {
  return {
    isReadOnly: parts.isReadOnly,
    verify: (request, control) =>
      parts.damage.learn(async () => {
        // Loaded when it is needed: a tenth of the program, and seldom used.
        const { verifyOpenStore } = await import("./verify/verify_open.ts");
        return await verifyOpenStore(parts, request, control);
      }),
    openBackup: (request) =>
      openBackup({ ...parts, disk: parts.platform.disk }, request),
    openExport: (selection) => openExport(parts.store(), selection),
    scavenge: (request, control) => parts.scavenges.run(request, control),
  };
}
