/**
 * The stream service: everything that clients may do with streams, in one
 * object. Each operation has a file of its own.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { EventStore } from "../store/event_store.ts";
import type { Principal } from "../model/principal.ts";
import { readAnonymousRights } from "./access.ts";
import { append } from "./append.ts";
import { createStreamContext } from "./context.ts";
import { deleteStream } from "./delete.ts";
import { LIMITS } from "../model/limits.ts";
import { metastreamOf } from "../model/stream_names.ts";
import { listRecentStreams, listStreams } from "./list_streams.ts";
import { LiveFeeds } from "./live_feeds.ts";
import { locateTime } from "./live_start.ts";
import type { StreamService } from "./outcomes.ts";
import { isStillValid } from "./caching.ts";
import { readAll } from "./read_all.ts";
import { readEvent } from "./read_event.ts";
import { readFeed } from "./read_feed.ts";

/** The dependencies of the stream service. */
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
      append(context, caller, ofMetastream(command)),
    deleteStream: (caller, command) => deleteStream(context, caller, command),
    readFeed: (caller, command) => readFeed(context, caller, command),
    readEvent: (caller, command) => readEvent(context, caller, command),
    readMetadata: (caller, command) =>
      readEvent(context, caller, ofMetastream(command)),
    readAll: (caller, command) => readAll(context, caller, command),
    isStillValid: (caller, read) => isStillValid(context, caller, read),
    openLiveFeed: (caller, command) => liveFeeds.open(caller, command),
    locateTime: (caller, command) => locateTime(context, caller, command),
    listStreams: (caller, command) => listStreams(context, caller, command),
    listRecentStreams: (caller, limit) =>
      listRecentStreams(context, caller, limit),
    anonymousRights: (newStreamName) =>
      readAnonymousRights(context.store, newStreamName),
    endLongPolls: () => followers.end(),
  };
}

/** The command for the metastream of the stream that it names. */
function ofMetastream<T extends { readonly streamName: string }>(
  command: T,
): T {
  return { ...command, streamName: metastreamOf(command.streamName) };
}
