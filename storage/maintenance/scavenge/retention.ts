/**
 * Which events readers can never see: hidden by deletes, `$tb`, `$maxCount` or
 * `$maxAge`, as of one moment (spec: streams §9.3).
 *
 * Every stream is asked for again in each segment that has events of it, and
 * its metadata lies anywhere in the log: so each is looked at once, and what
 * was found is kept in columns by list id, seven bytes a list.
 *
 * @module
 */

import { firstVisibleNumber } from "../../../lib/model/stream_metadata.ts";
import {
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "../../../lib/model/stream_names.ts";
import type { ListDirectory } from "../../index/list_directory.ts";
import type { StreamStates } from "../../write/stream_states.ts";

/** First visible numbers as they are kept: plus one; 0 for "not known". */
const UNKNOWN = 0;
/** All numbers are hidden. */
const ALL = 0xffff_ffff;
/** The number has more than 32 bits: it is kept elsewhere. */
const LARGE = 0xffff_fffe;

/** A delete is what hides events. */
const DELETED = 1;
/** Its newest event stays, whatever its age. */
const SPEAKING = 2;

/** Different ages of which one is kept; streams of others are asked again. */
const AGES_MAX = 65_535;

export class Retention {
  readonly #lists: ListDirectory;
  readonly #states: StreamStates;
  readonly #nowUs: number;
  /** By stream. */
  #firsts = new Uint32Array(0);
  #flags = new Uint8Array(0);
  /** Index in `#sinces`; 0 for streams without `$maxAge`. */
  #ages = new Uint16Array(0);
  readonly #large = new Map<number, number>();
  readonly #sinces = [-Infinity];
  readonly #ageBySince = new Map<number, number>();

  constructor(options: {
    readonly lists: ListDirectory;
    readonly states: StreamStates;
    /** The moment. */
    readonly nowUs: number;
  }) {
    this.#lists = options.lists;
    this.#states = options.states;
    this.#nowUs = options.nowUs;
  }

  /** Lower numbers of a stream are hidden, but for tombstones. */
  firstOf(streamId: number): number {
    this.#know(streamId);
    const first = this.#firsts[streamId] ?? UNKNOWN;
    if (first === ALL) return Infinity;
    return first === LARGE ? this.#large.get(streamId) ?? 0 : first - 1;
  }

  /** Older events are hidden, but for `keptOf()`; microseconds since 1970. */
  sinceOf(streamId: number): number {
    this.#know(streamId);
    return this.#sinces[this.#ages[streamId] ?? 0] ?? -Infinity;
  }

  /** A number that stays, whatever its age; -1 for none. */
  keptOf(streamId: number): number {
    this.#know(streamId);
    return ((this.#flags[streamId] ?? 0) & SPEAKING) === 0
      ? -1
      : this.#lists.headOf(streamId);
  }

  /** Whether a delete is what hides events of a stream. */
  isDeleted(streamId: number): boolean {
    this.#know(streamId);
    return ((this.#flags[streamId] ?? 0) & DELETED) !== 0;
  }

  /** Whether an event is hidden; not to be asked of tombstones. */
  hides(streamId: number, eventNumber: number, createdAtUs: number): boolean {
    return eventNumber < this.firstOf(streamId) ||
      (createdAtUs < this.sinceOf(streamId) &&
        eventNumber !== this.keptOf(streamId));
  }

  /** Forgets a stream of which the metadata changed. */
  forget(streamId: number): void {
    if (streamId < this.#firsts.length) this.#firsts[streamId] = UNKNOWN;
  }

  #know(streamId: number): void {
    if (streamId >= this.#firsts.length) this.#growTo(this.#lists.size);
    if (this.#firsts[streamId] === UNKNOWN) this.#find(streamId);
  }

  #find(streamId: number): void {
    const name = this.#lists.nameOf(streamId);
    const { head, isTombstoned, metadata } = this.#states.visible(name, {
      isKept: false,
    });
    if (isTombstoned) {
      // Who may see that it was deleted stays as it was.
      const first = this.#saysWhoMaySee(name) ? head : Infinity;
      this.#keep(streamId, { first, sinceUs: -Infinity, flags: DELETED });
      return;
    }
    const { maxAgeSeconds, truncateBefore } = metadata;
    const first = firstVisibleNumber(metadata, head);
    // The newest event of a metastream speaks for its stream, seen or not; so
    // does that of other streams of the system for what they are about.
    const isSpeaking = isSystemStream(name);
    const isDeleted = truncateBefore !== undefined && truncateBefore > head;
    this.#keep(streamId, {
      first: isSpeaking ? Math.min(first, head) : first,
      sinceUs: maxAgeSeconds === undefined
        ? -Infinity
        : this.#nowUs - Number(maxAgeSeconds) * 1_000_000,
      flags: (isSpeaking ? SPEAKING : 0) | (isDeleted ? DELETED : 0),
    });
  }

  #keep(
    streamId: number,
    found: {
      readonly first: number;
      readonly sinceUs: number;
      readonly flags: number;
    },
  ): void {
    const first = Math.max(0, found.first);
    if (first === Infinity) this.#firsts[streamId] = ALL;
    else if (first + 1 < LARGE) this.#firsts[streamId] = first + 1;
    else {
      this.#firsts[streamId] = LARGE;
      this.#large.set(streamId, first);
    }
    this.#flags[streamId] = found.flags;
    this.#ages[streamId] = this.#ageOf(found.sinceUs);
  }

  #ageOf(sinceUs: number): number {
    if (sinceUs === -Infinity) return 0;
    const known = this.#ageBySince.get(sinceUs);
    if (known !== undefined) return known;
    const age = this.#sinces.length;
    if (age > AGES_MAX) return this.#nearAge(sinceUs);
    this.#sinces.push(sinceUs);
    this.#ageBySince.set(sinceUs, age);
    return age;
  }

  /**
   * The age nearest to one for which there is no more room, of those that hide
   * no more: what should go stays until another scavenge.
   */
  #nearAge(sinceUs: number): number {
    let near = 0;
    for (let age = 1; age < this.#sinces.length; age++) {
      const since = this.#sinces[age] ?? -Infinity;
      const isNearer = since <= sinceUs &&
        since > (this.#sinces[near] ?? -Infinity);
      if (isNearer) near = age;
    }
    return near;
  }

  #growTo(listCount: number): void {
    const capacity = listCount + (listCount >>> 4) + 1;
    const firsts = new Uint32Array(capacity);
    firsts.set(this.#firsts);
    this.#firsts = firsts;
    const flags = new Uint8Array(capacity);
    flags.set(this.#flags);
    this.#flags = flags;
    const ages = new Uint16Array(capacity);
    ages.set(this.#ages);
    this.#ages = ages;
  }

  /** Whether a stream is a metastream whose newest event has access rules. */
  #saysWhoMaySee(streamName: string): boolean {
    if (!isMetastream(streamName)) return false;
    const described = originalOfMetastream(streamName);
    return this.#states.visible(described).metadata.acl !== undefined;
  }
}
