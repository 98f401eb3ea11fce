/**
 * A migration from its start to its proof.
 *
 * @module
 */

import type { JobProgress } from "../store/maintenance.ts";
import {
  COPY_START,
  copyEvents,
  type CopyReport,
  type CopyState,
} from "./copy_events.ts";
import type { Destination } from "./destination.ts";
import { compareDigests, type ProofReport, StreamDigests } from "./proof.ts";
import {
  copySettings,
  type ServerSettings,
  type SettingsReport,
} from "./settings.ts";
import { ALL_START, type EventSource, type SourceLosses } from "./source.ts";
import { type MigrationSides, readState, writeState } from "./state_file.ts";
import { Numbering } from "./numbering.ts";

/** What a migration works with. */
export interface MigrationOptions {
  /** How the state names the source. */
  readonly from: string;
  readonly statePath: string;
  readonly source: EventSource;
  readonly destination: Destination;
  /** Whether JSON may have other blanks at the destination. */
  readonly isLoose: boolean;
  readonly report: (progress: JobProgress) => void;
  /** Whether it goes on at the end of the source. */
  readonly goesOn: () => boolean;
}

/** Copies events, from where an earlier run was. */
export async function migrateEvents(
  options: MigrationOptions,
): Promise<CopyReport> {
  const { from, statePath, destination } = options;
  let sides: MigrationSides = {
    from,
    storeId: await destination.readStoreId(),
  };
  const state = await readState(statePath, sides) ?? COPY_START;
  const remember = async (state: CopyState) => {
    if (sides.storeId === "") {
      sides = { ...sides, storeId: await destination.readStoreId() };
    }
    // A store that has nothing yet could be taken for another one.
    if (sides.storeId === "") return;
    await writeState(statePath, sides, state);
  };
  return await copyEvents({ ...options, from: state, remember });
}

/** Reads both sides anew and compares them. */
export async function proveEvents(
  { source, destination, isLoose, report }: Pick<
    MigrationOptions,
    "source" | "destination" | "isLoose" | "report"
  >,
): Promise<ProofReport> {
  const wanted = new StreamDigests({ isLoose });
  const numbering = new Numbering();
  let done = 0;
  for await (const { events, entryCount } of source.read(ALL_START)) {
    for (const event of numbering.fill(events)) wanted.add(event);
    done += entryCount;
    report({ phase: "reading the source", done, total: 0, unit: "events" });
  }
  const got = new StreamDigests({ isLoose });
  const total = wanted.eventCount;
  for await (const event of destination.read()) {
    got.add(event);
    report({
      phase: "reading the destination",
      done: got.eventCount,
      total,
      unit: "events",
    });
  }
  return compareDigests(wanted, got);
}

/** What a whole migration came to. */
export interface MigrationReport {
  readonly copied: CopyReport | undefined;
  readonly settings: SettingsReport | undefined;
  readonly proof: ProofReport | undefined;
  readonly losses: SourceLosses;
}

/** Does all that is asked for, one after the other. */
export async function migrate(
  options: MigrationOptions & {
    readonly does: {
      readonly events: boolean;
      readonly settings: boolean;
      readonly proof: boolean;
    };
    /** Opens the interfaces of both sides; the second may need the events. */
    readonly openSettings: () => Promise<
      AsyncDisposable & {
        readonly source: ServerSettings;
        readonly destination: ServerSettings;
      }
    >;
    readonly newPassword: () => string;
  },
): Promise<MigrationReport> {
  const { does, source, openSettings, newPassword } = options;
  const copied = does.events ? await migrateEvents(options) : undefined;
  // Counted by the last reading alone: the proof reads everything.
  if (does.proof) source.forgetLosses();
  const proof = does.proof ? await proveEvents(options) : undefined;
  let settings: SettingsReport | undefined;
  if (does.settings) {
    await using both = await openSettings();
    settings = await copySettings(both.source, both.destination, newPassword);
  }
  return { copied, settings, proof, losses: source.losses };
}
