/**
 * Every login that the store may hold a user of: the streams `$user-<login>`,
 * however they were written. The streams are looked for once, when somebody
 * first asks, and watched from then on.
 *
 * @module
 */

import { USER_STREAM_PREFIX } from "./user_streams.ts";
import type { EventStore } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import { isSystemStream } from "../model/stream_names.ts";

/** Knows the logins of a store. */
export class KnownLogins {
  readonly #store: Pick<EventStore, "listNames" | "watch">;
  #logins: Promise<Set<string>> | undefined;
  #stopWatching = () => {};

  constructor(store: Pick<EventStore, "listNames" | "watch">) {
    this.#store = store;
  }

  /**
   * All of them, in UTF-16 order; deleted users are among them.
   *
   * @throws {QuipuError} As `EventStore.listNames` does.
   */
  async sorted(): Promise<readonly string[]> {
    try {
      return [...await (this.#logins ??= this.#find())].sort();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Ends the watching. */
  close(): void {
    this.#stopWatching();
    this.#logins = undefined;
  }

  async #find(): Promise<Set<string>> {
    const logins = new Set<string>();
    const add = (streamName: string) => {
      if (!streamName.startsWith(USER_STREAM_PREFIX)) return;
      logins.add(streamName.slice(USER_STREAM_PREFIX.length));
    };
    this.#stopWatching = this.#store.watch(
      (hints) => hints.forEach(({ streamName }) => add(streamName)),
      isSystemStream,
    );
    const limit = LIMITS.listedNamesMax;
    const request = { prefix: USER_STREAM_PREFIX, limit };
    let names = await this.#store.listNames("streams", request);
    while (names.length > 0) {
      names.forEach(add);
      if (names.length < limit) break;
      const after = names.at(-1) ?? "";
      names = await this.#store.listNames("streams", { ...request, after });
    }
    return logins;
  }
}
