/**
 * What is durable of a group's progress: checkpoints, written as the original
 * does, and beside them what is done above the last one.
 *
 * `…-checkpoint` holds the original's events: place up to which everything is
 * done, as a JSON number; of `$all` the text `"C:<position>/P:<position>"`.
 *
 * `…-acked` keeps its last event only:
 *
 * ```json
 * {"version":1, "startFrom":0, "filter":"…", "done":7, "ranges":[2,1],
 *  "replay":{"done":3,"ranges":[],"end":9}}
 * ```
 *
 * Everything up to `done` is done, and in `ranges`, pairs: places that are
 * skipped, then one less than the places that are done. `replay` says the same
 * of parked messages that are replayed, up to but without `end`.
 *
 * @module
 */

import { formatEventNumber, parseInt64 } from "../model/event_number.ts";
import { ALL_STREAM } from "../streams/access.ts";
import { decodeUtf8IfValid } from "../text/utf8.ts";
import {
  ackedStreamOf,
  checkpointStreamOf,
  parkedStreamOf,
} from "./contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import {
  ADMINS_ACL,
  appendOwn,
  describeOwn,
  firstKeptNumber,
  jsonOf,
  objectOf,
  ownEvent,
  type OwnStreams,
  readLastKept,
} from "../streams/own_streams.ts";
import type { Done, DoneRange } from "./progress.ts";
import type { GroupSettings } from "./settings.ts";

/** Types of the events that hold it. */
export const CHECKPOINT_TYPE = "SubscriptionCheckpoint";
export const ACKED_TYPE = "SubscriptionAcked";

/** Parked messages that are replayed. */
export interface ReplayState extends Done {
  /** Number in the parked stream that ends the replay. */
  readonly end: number;
}

/** What is done above the checkpoint. */
export interface AckedState extends Done {
  readonly replay: ReplayState | undefined;
}

/** Where a group goes on. */
export interface LoadedState extends AckedState {
  /** The last checkpoint; undefined: there is none. */
  readonly checkpoint: number | undefined;
}

/** A group and how it was set up. */
export interface GroupSetup {
  readonly group: GroupId;
  readonly settings: GroupSettings;
  /** Place to begin after, where `startFrom` is -1 and there is no checkpoint. */
  readonly startAfter: number;
}

/** Reads and writes the progress of one group. */
export class GroupRecords {
  readonly #own: OwnStreams;
  readonly #setup: GroupSetup;
  readonly #isAll: boolean;
  #isDescribed = false;

  constructor(own: OwnStreams, setup: GroupSetup) {
    this.#own = own;
    this.#setup = setup;
    this.#isAll = setup.group.streamName === ALL_STREAM;
  }

  /** Reads where the group goes on. Throws as `EventStore.readEvent` does. */
  async load(): Promise<LoadedState> {
    const { group, settings, startAfter } = this.#setup;
    const last = await readLastKept(this.#own, checkpointStreamOf(group));
    const checkpoint = last &&
      parseCheckpoint(decodeUtf8IfValid(last.data) ?? "");
    const acked = await this.#loadAcked(checkpoint !== undefined);
    const start = settings.startFrom >= 0 ? settings.startFrom - 1 : startAfter;
    const donePlace = Math.max(checkpoint ?? start, acked?.donePlace ?? -1);
    return {
      checkpoint,
      donePlace,
      doneRanges: (acked?.doneRanges ?? []).filter(([, end]) =>
        end > donePlace
      ),
      replay: acked?.replay,
    };
  }

  /** Writes a checkpoint. Throws as `appendOwn` does. */
  async writeCheckpoint(place: number): Promise<void> {
    const text = this.#isAll
      ? JSON.stringify(`C:${place}/P:${place}`)
      : formatEventNumber(place);
    await appendOwn(this.#own, checkpointStreamOf(this.#setup.group), [
      ownEvent(this.#own.newId, CHECKPOINT_TYPE, text),
    ]);
  }

  /** Text of what is done, as it would be written. */
  encodeAcked({ donePlace, doneRanges, replay }: AckedState): string {
    return JSON.stringify({
      version: 1,
      startFrom: this.#setup.settings.startFrom,
      filter: this.#filterText,
      done: donePlace,
      ranges: encodeRanges(donePlace, doneRanges),
      replay: replay && {
        done: replay.donePlace,
        ranges: encodeRanges(replay.donePlace, replay.doneRanges),
        end: replay.end,
      },
    });
  }

  /** Writes what is done. Throws as `appendOwn` does. */
  async writeAcked(text: string): Promise<void> {
    const streamName = ackedStreamOf(this.#setup.group);
    if (!this.#isDescribed) {
      const { metadata } = await this.#own.store.readState(streamName);
      if (metadata.maxCount === undefined) {
        const described = { $maxCount: 1, $acl: ADMINS_ACL };
        await describeOwn(this.#own, streamName, described);
      }
      this.#isDescribed = true;
    }
    await appendOwn(this.#own, streamName, [
      ownEvent(this.#own.newId, ACKED_TYPE, text),
    ]);
  }

  /** Gives up what is kept of a group that was deleted. */
  async delete(): Promise<void> {
    const { group } = this.#setup;
    const names = [checkpointStreamOf, parkedStreamOf, ackedStreamOf];
    for (const nameOf of names) {
      const streamName = nameOf(group);
      const state = await this.#own.store.readState(streamName);
      const isKept = !state.isTombstoned &&
        firstKeptNumber(state) <= state.head;
      if (!isKept) continue;
      await this.#own.store.deleteStream({
        streamName,
        expectedVersion: "any",
        mode: "soft",
      });
    }
  }

  get #filterText(): string | undefined {
    const { filter } = this.#setup.settings;
    return filter && JSON.stringify(filter);
  }

  /**
   * What is done beyond the checkpoint. It was found out under a filter, and
   * without a checkpoint under a start, and holds only for those.
   */
  async #loadAcked(hasCheckpoint: boolean): Promise<AckedState | undefined> {
    const event = await readLastKept(
      this.#own,
      ackedStreamOf(this.#setup.group),
    );
    const document = event && objectOf(jsonOf(event));
    if (document === undefined || document.version !== 1) return undefined;
    const { filter, startFrom, done, ranges } = document;
    const replay = decodeReplay(document.replay);
    const isOfStart = hasCheckpoint ||
      startFrom === this.#setup.settings.startFrom;
    return filter === this.#filterText && isOfStart && isPlace(done)
      ? { donePlace: done, doneRanges: decodeRanges(done, ranges), replay }
      : { donePlace: -1, doneRanges: [], replay };
  }
}

const ALL_CHECKPOINT = /^"C:(\d{1,16})\/P:\d{1,16}"$/;

/** Undefined: it is no checkpoint. */
function parseCheckpoint(text: string): number | undefined {
  const position = ALL_CHECKPOINT.exec(text)?.[1];
  const number = position === undefined ? parseInt64(text) : Number(position);
  return typeof number === "number" ? number : undefined;
}

function encodeRanges(after: number, ranges: readonly DoneRange[]): number[] {
  let end = after;
  return ranges.flatMap(([first, last]) => {
    const pair = [first - end - 1, last - first];
    end = last;
    return pair;
  });
}

function decodeRanges(after: number, numbers: unknown): DoneRange[] {
  if (!Array.isArray(numbers) || !numbers.every(isPlace)) return [];
  const ranges: DoneRange[] = [];
  let end = after;
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    const first = end + 1 + (numbers[index] ?? 0);
    end = first + (numbers[index + 1] ?? 0);
    ranges.push([first, end]);
  }
  return ranges;
}

function decodeReplay(value: unknown): ReplayState | undefined {
  const replay = objectOf(value);
  if (replay === undefined) return undefined;
  const { done, ranges, end } = replay;
  if (!isPlace(done) || !isPlace(end) || end <= done) return undefined;
  return { donePlace: done, doneRanges: decodeRanges(done, ranges), end };
}

/** -1 stands for the place before the first. */
function isPlace(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= -1;
}
