/**
 * How long a page may be kept, and by whom (spec: http-api §5.4).
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { Int64 } from "../model/event_number.ts";
import type { CachePolicy } from "../model/feed.ts";
import { LIMITS } from "../model/limits.ts";
import type { ReadAccess } from "./access.ts";

/** What decides about a page. */
export interface CachedPage {
  /** The time that it shows, microseconds since 1970; undefined: the present. */
  readonly asOfUs: number | undefined;
  /** Whether later events change nothing of what it shows. */
  readonly isSettled: boolean;
  /** The stream's `$cacheControl`. */
  readonly maxAgeSeconds: Int64 | undefined;
  /** What the reader may see of the stream itself. */
  readonly access: ReadAccess;
  /** Whether everybody may read the stream and all that the page is about. */
  readonly isPublic: boolean;
  /** Whether nothing was left out because this reader may not read it. */
  readonly showsAll: boolean;
}

/**
 * Decides how a page is kept. One that leaves something out is asked for again
 * each time: it may show that tomorrow, however long past its events are.
 */
export function cacheOfPage(clock: Clock, page: CachedPage): CachePolicy {
  const { asOfUs, access, isPublic, showsAll } = page;
  // An event gets its time a little before it becomes visible.
  const isSettled = asOfUs === undefined
    ? page.isSettled
    : asOfUs < clock.nowUs() - LIMITS.asOfSettleMs * 1000;
  return {
    kind: isSettled && showsAll ? "immutable" : "head",
    maxAgeSeconds: asOfUs === undefined ? page.maxAgeSeconds : undefined,
    isPublic,
    isMixed: !showsAll || access === "public" && !isPublic,
  };
}
