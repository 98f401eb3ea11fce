/**
 * Every login that the store may hold a user of: the streams `$user-<login>`,
 * however they were written. The streams are looked for once, when somebody
 * first asks, and watched from then on.
 *
 * @module
 */

import { USER_STREAM_PREFIX } from "./user_streams.ts";
import type { EventStore } from "../store/event_store.ts";
import { isSystemStream } from "../model/stream_names.ts";

/** Knows the logins of a store. */
export class KnownLogins {
  readonly #store: Pick<EventStore, "streamsStartingWith" | "onCommit">;
  #logins: Set<string> | undefined;
  #stopWatching = () => {};

  constructor(store: Pick<EventStore, "streamsStartingWith" | "onCommit">) {
    this.#store = store;
  }

  /** All of them, in UTF-16 order; deleted users are among them. */
  sorted(): readonly string[] {
    return [...this.#logins ??= this.#find()].sort();
  }

  /** Ends the watching. */
  close(): void {
    this.#stopWatching();
    this.#logins = undefined;
  }

  #find(): Set<string> {
    const logins = new Set<string>();
    const add = (streamName: string) => {
      if (!streamName.startsWith(USER_STREAM_PREFIX)) return;
      logins.add(streamName.slice(USER_STREAM_PREFIX.length));
    };
    this.#stopWatching = this.#store.onCommit(
      (events) => events.forEach(({ streamName }) => add(streamName)),
      isSystemStream,
    );
    this.#store.streamsStartingWith(USER_STREAM_PREFIX).forEach(add);
    return logins;
  }
}
