/**
 * Which events readers can never see: hidden by deletes, `$tb`, `$maxCount` or
 * `$maxAge`, as of one moment (spec: streams §9.3).
 *
 * @module
 */

import { firstVisibleNumber } from "../../lib/model/stream_metadata.ts";
import {
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";
import type { ListDirectory } from "../index/list_directory.ts";
import type { StreamStates } from "../write/stream_states.ts";

/** What of a stream is hidden. */
export interface StreamRetention {
  /** Lower numbers are hidden, but for tombstones. */
  readonly first: number;
  /** Older events are hidden, but for `kept`; microseconds since 1970. */
  readonly sinceUs: number;
  /** A number that stays, whatever its age; -1 for none. */
  readonly kept: number;
  /** Whether a delete is what hides events. */
  readonly isDeleted: boolean;
}

/** Of a stream without metadata: one object, where there may be millions. */
const NOTHING_HIDDEN: StreamRetention = {
  first: 0,
  sinceUs: -Infinity,
  kept: -1,
  isDeleted: false,
};

/** Most streams of which the answer is kept. */
const KNOWN_MAX = 20_000;

export class Retention {
  readonly #lists: ListDirectory;
  readonly #states: StreamStates;
  readonly #nowUs: number;
  #known = new Map<number, StreamRetention>();

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

  /** What is hidden of a stream, by its list. */
  of(streamId: number): StreamRetention {
    const known = this.#known.get(streamId);
    if (known !== undefined) return known;
    if (this.#known.size >= KNOWN_MAX) this.#known = new Map();
    const found = this.#find(this.#lists.nameOf(streamId));
    this.#known.set(streamId, found);
    return found;
  }

  /** Forgets a stream of which the metadata changed. */
  forget(streamId: number): void {
    this.#known.delete(streamId);
  }

  /** Whether an event is hidden; not to be asked of tombstones. */
  hides(streamId: number, eventNumber: number, createdAtUs: number): boolean {
    const { first, sinceUs, kept } = this.of(streamId);
    return eventNumber < first ||
      (createdAtUs < sinceUs && eventNumber !== kept);
  }

  #find(streamName: string): StreamRetention {
    const { head, isTombstoned, metadata } = this.#states.visible(streamName);
    if (isTombstoned) {
      return {
        // Who may see that it was deleted stays as it was.
        first: this.#saysWhoMaySee(streamName) ? head : Infinity,
        sinceUs: -Infinity,
        kept: -1,
        isDeleted: true,
      };
    }
    const { maxAgeSeconds, truncateBefore } = metadata;
    const first = firstVisibleNumber(metadata, head);
    // The newest event of a metastream speaks for its stream, seen or not; so
    // does that of other streams of the system for what they are about.
    const isSpeaking = isSystemStream(streamName);
    const isAllSeen = first === 0 && maxAgeSeconds === undefined &&
      truncateBefore === undefined;
    if (isAllSeen && !isSpeaking) return NOTHING_HIDDEN;
    return {
      first: isSpeaking ? Math.min(first, head) : first,
      sinceUs: maxAgeSeconds === undefined
        ? -Infinity
        : this.#nowUs - maxAgeSeconds * 1_000_000,
      kept: isSpeaking ? head : -1,
      isDeleted: truncateBefore !== undefined && truncateBefore > head,
    };
  }

  /** Whether a stream is a metastream whose newest event has access rules. */
  #saysWhoMaySee(streamName: string): boolean {
    if (!isMetastream(streamName)) return false;
    const described = originalOfMetastream(streamName);
    return this.#states.visible(described).metadata.acl !== undefined;
  }
}
