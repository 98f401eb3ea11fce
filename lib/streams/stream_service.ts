/**
 * The stream service: everything that clients may do with streams, in one
 * object. Each operation has a file of its own.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { EventStore } from "../store/event_store.ts";
import type { Principal } from "../model/principal.ts";
import { StreamAccess } from "./access.ts";
import { append } from "./append.ts";
import type { StreamContext } from "./context.ts";
import { deleteStream } from "./delete.ts";
import { Followers } from "./follow.ts";
import { LIMITS } from "../model/limits.ts";
import { LiveFeeds } from "./live_feeds.ts";
import { locateTime } from "./live_start.ts";
import { appendMetadata, readMetadata } from "./metadata.ts";
import type { StreamService } from "./outcomes.ts";
import { holdsStill } from "./read_basis.ts";
import { readAll } from "./read_all.ts";
import { readEvent } from "./read_event.ts";
import { readFeed } from "./read_feed.ts";

/** What the stream service needs from outside. */
export interface StreamServiceOptions {
  readonly store: EventStore;
  readonly clock: Clock;
  /** Default: `LIMITS.liveFeedHeartbeatMs`. */
  readonly liveFeedHeartbeatMs?: number;
  /** Whether a caller's login still holds. Default: always. */
  readonly isCurrent?: (caller: Principal) => boolean;
  /** Has a function called with each login that changes. Default: none does. */
  readonly onLoginChange?: (listener: (login: string) => void) => unknown;
}

/** What services on one store share; each store has one. */
export function createStreamContext(
  { store, clock, isCurrent = () => true }: Pick<
    StreamServiceOptions,
    "store" | "clock" | "isCurrent"
  >,
): StreamContext {
  const followers = new Followers(store);
  const access = new StreamAccess(store);
  return { store, clock, access, followers, isCurrent };
}

/** Makes the service. It owns nothing: the store is closed by its opener. */
export function createStreamService(
  options: StreamServiceOptions,
): StreamService {
  const context = createStreamContext(options);
  const { followers } = context;
  const { liveFeedHeartbeatMs = LIMITS.liveFeedHeartbeatMs } = options;
  const liveFeeds = new LiveFeeds(context, liveFeedHeartbeatMs);
  options.onLoginChange?.((login) => followers.wakeLogin(login));
  return {
    append: (caller, command) => append(context, caller, command),
    appendMetadata: (caller, command) =>
      appendMetadata(context, caller, command),
    deleteStream: (caller, command) => deleteStream(context, caller, command),
    readFeed: (caller, command) => readFeed(context, caller, command),
    readEvent: (caller, command) => readEvent(context, caller, command),
    readMetadata: (caller, command) => readMetadata(context, caller, command),
    readAll: (caller, command) => readAll(context, caller, command),
    holdsStill: (caller, read) => holdsStill(context, caller, read),
    openLiveFeed: (caller, command) => liveFeeds.open(caller, command),
    locateTime: (caller, command) => locateTime(context, caller, command),
    endLongPolls: () => followers.end(),
  };
}
