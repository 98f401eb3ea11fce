/**
 * What the operations on streams work with.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { EventStore } from "../store/event_store.ts";
import type { Principal } from "../model/principal.ts";
import type { StreamAccess } from "./access.ts";
import type { Followers } from "./follow.ts";

/** The parts that every operation shares. */
export interface StreamContext {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly access: StreamAccess;
  readonly followers: Followers;
  /** Whether a caller's login still holds. */
  readonly isCurrent: (caller: Principal) => boolean;
}

/** What reading for somebody takes. */
export type ReadContext = Pick<StreamContext, "store" | "clock" | "access">;
