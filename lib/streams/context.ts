/**
 * The context of operations on streams.
 *
 * @module
 */

import type { Clock } from "../model/clock.ts";
import type { EventStore } from "../store/event_store.ts";
import type { Principal } from "../model/principal.ts";
import { StreamAccess } from "./access.ts";
import { Followers } from "./follow.ts";

/** The parts that every operation shares; each store has one of them. */
export interface StreamContext {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly access: StreamAccess;
  readonly followers: Followers;
  /** Whether a caller's login still holds. */
  readonly isCurrent: (caller: Principal) => boolean;
}

/** The parts that a read needs. */
export type ReadContext = Pick<StreamContext, "store" | "clock" | "access">;

/** Puts the parts together. */
export function createStreamContext(
  { store, clock, isCurrent = () => true }: {
    readonly store: EventStore;
    readonly clock: Clock;
    /** Whether a caller's login still holds. Default: always. */
    readonly isCurrent?: ((caller: Principal) => boolean) | undefined;
  },
): StreamContext {
  const followers = new Followers(store);
  const access = new StreamAccess(store);
  return { store, clock, access, followers, isCurrent };
}
