/**
 * Which groups there are: the last event of `$persistentSubscriptionConfig`
 * names them all (spec: subscriptions §1). It is written by whoever changes
 * one, each change upon the one before.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import { formatIsoTime } from "../text/iso_time.ts";
import type { GroupSetup } from "./group_records.ts";
import {
  jsonOf,
  objectOf,
  ownEvent,
  type OwnStreams,
  readLastKept,
} from "../streams/own_streams.ts";
import { settingsOfStored, storedMembersOf } from "./settings.ts";

/** Name of the stream. */
export const CONFIG_STREAM = "$persistentSubscriptionConfig";

const CONFIG_TYPE = "PersistentConfig1";

/** The groups as of one event. */
export interface SubscriptionConfig {
  /** Number of that event; -1: there never was one. */
  readonly version: number;
  readonly groups: readonly GroupSetup[];
}

/** Reads and writes it. */
export class ConfigStream {
  readonly #own: OwnStreams & { readonly clock: Clock };

  constructor(own: OwnStreams & { readonly clock: Clock }) {
    this.#own = own;
  }

  /** Reads the groups. Throws as `EventStore.readEvent` does. */
  async read(): Promise<SubscriptionConfig> {
    const { head: version } = await this.#own.store.readState(CONFIG_STREAM);
    const event = await readLastKept(this.#own, CONFIG_STREAM);
    const entries = event && objectOf(jsonOf(event))?.entries;
    if (event === undefined || !Array.isArray(entries)) {
      return { version, groups: [] };
    }
    return { version: event.eventNumber, groups: entries.flatMap(decodeEntry) };
  }

  /**
   * Writes the groups, if nobody has since a version.
   *
   * @param updatedBy Login of who changed them.
   * @returns The new version; undefined: somebody has.
   * @throws {QuipuError} As `EventStore.append` does.
   */
  async write(
    { version, groups }: SubscriptionConfig,
    updatedBy: string,
  ): Promise<number | undefined> {
    const { store, clock, newId } = this.#own;
    const result = await store.append({
      streamName: CONFIG_STREAM,
      expectedVersion: version < 0 ? "noStream" : version,
      events: [ownEvent(newId, CONFIG_TYPE, {
        version: "2",
        updated: formatIsoTime(clock.nowUs()),
        updatedBy,
        entries: groups.map(encodeEntry),
      })],
    });
    if (result.kind === "conflict") return undefined;
    if ("firstEventNumber" in result) return result.firstEventNumber;
    throw new Error(`Cannot append to "${CONFIG_STREAM}": it is deleted`);
  }
}

function encodeEntry(
  { group, settings, startAfter }: GroupSetup,
): Record<string, unknown> {
  return {
    stream: group.streamName,
    group: group.groupName,
    ...Object.fromEntries(storedMembersOf(settings)),
    // An addition: where "from now on" was, so that a restart finds it again.
    ...(settings.startFrom < 0 ? { startAfter } : {}),
  };
}

/** None, if it does not name a group. */
function decodeEntry(value: unknown): readonly GroupSetup[] {
  const entry = objectOf(value);
  if (entry === undefined) return [];
  const { stream, group, startAfter } = entry;
  const isNamed = typeof stream === "string" && stream !== "" &&
    typeof group === "string" && group !== "";
  if (!isNamed) return [];
  return [{
    group: { streamName: stream, groupName: group },
    settings: settingsOfStored(entry),
    startAfter: Number.isSafeInteger(startAfter) ? Number(startAfter) : -1,
  }];
}
