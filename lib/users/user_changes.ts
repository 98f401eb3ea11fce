/**
 * Which users have changed since when, by watching the store's commits: what
 * was found out about a user before a change holds no longer.
 *
 * @module
 */

import { TOKEN_CREATED_TYPE, TOKEN_STREAM_PREFIX } from "./token_repository.ts";
import { USER_STREAM_PREFIX } from "./user_record.ts";
import type { CommitHint, EventStore } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal } from "../model/principal.ts";
import { describedStream, isSystemStream } from "../model/stream_names.ts";

/** Counts the changes of users from the moment it is made. */
export class UserChanges {
  /** Counts changes; a fact is as old as the epoch that it was found out in. */
  #epoch = 0;
  /** Epoch of the last change of each login that changed. */
  readonly #changedIn = new Map<string, number>();
  /** Older facts count as changed: their login may have been forgotten. */
  #forgottenUpTo = 0;
  readonly #epochOf = new WeakMap<Principal, number>();
  readonly #listeners = new Set<(login: string) => void>();
  readonly #stopWatching: () => void;

  constructor(store: Pick<EventStore, "watch">) {
    // Most commits are of ordinary streams alone.
    this.#stopWatching = store.watch(
      (events) => this.#look(events),
      isSystemStream,
    );
  }

  /** The epoch of what is read from now on. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Facts of this epoch and older no longer hold, for any login. */
  get forgottenUpTo(): number {
    return this.#forgottenUpTo;
  }

  /** Whether a fact of that login and epoch holds no longer. */
  hasChanged(login: string, epoch: number): boolean {
    const changedIn = this.#changedIn.get(login) ?? this.#forgottenUpTo;
    return changedIn > epoch;
  }

  /** Notes what a principal was made from. */
  mark(principal: Principal, epoch: number): void {
    this.#epochOf.set(principal, epoch);
  }

  /** The epoch that `mark` noted; for unmarked principals the current one. */
  epochOf(principal: Principal): number {
    return this.#epochOf.get(principal) ?? this.#epoch;
  }

  /** Whether the principal's user is as it was; true for unmarked ones. */
  isUnchanged(principal: Principal): boolean {
    const epoch = this.#epochOf.get(principal);
    return epoch === undefined || !this.hasChanged(principal.login, epoch);
  }

  /**
   * Calls the listener with each login that changes.
   *
   * @returns A function that ends it.
   */
  onChange(listener: (login: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the watching. */
  close(): void {
    this.#stopWatching();
    this.#listeners.clear();
  }

  #look(events: readonly CommitHint[]): void {
    for (const { streamName, eventType } of events) {
      // One more token takes nothing away that was known before.
      if (eventType === TOKEN_CREATED_TYPE) continue;
      const login = loginOfStream(streamName);
      if (login !== undefined) this.#change(login);
    }
  }

  #change(login: string): void {
    this.#epoch++;
    if (this.#changedIn.size >= LIMITS.verifiedLoginsMax) {
      this.#changedIn.clear();
      this.#forgottenUpTo = this.#epoch;
    }
    this.#changedIn.set(login, this.#epoch);
    for (const listener of [...this.#listeners]) listener(login);
  }
}

/** Login that a stream of a user or of tokens, or its metastream, belongs to. */
function loginOfStream(streamName: string): string | undefined {
  const described = describedStream(streamName);
  if (described.startsWith(USER_STREAM_PREFIX)) {
    return described.slice(USER_STREAM_PREFIX.length);
  }
  if (described.startsWith(TOKEN_STREAM_PREFIX)) {
    return described.slice(TOKEN_STREAM_PREFIX.length);
  }
  return undefined;
}
