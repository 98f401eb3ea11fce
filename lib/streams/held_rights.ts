/**
 * Rights while a read is held: one that is taken away ends it.
 *
 * @module
 */

import type { StreamState } from "../store/event_store.ts";
import type { StreamContext } from "./context.ts";
import type { Caller } from "./outcomes.ts";

/**
 * Whether the caller may read a stream no longer, or is itself no longer who it
 * was.
 *
 * @param state What the store says of that very stream.
 */
export async function hasLostRights(
  context: StreamContext,
  caller: Caller,
  read: { readonly streamName: string; readonly state: StreamState },
): Promise<boolean> {
  if (!isStillCurrent(context, caller)) return true;
  const { streamName, state } = read;
  const access = await context.access.readAccess(caller, streamName, state);
  return access === "denied";
}

/** Whether the caller's login still holds; an anonymous one has none to lose. */
export function isStillCurrent(
  { isCurrent }: StreamContext,
  caller: Caller,
): boolean {
  return caller === undefined || isCurrent(caller);
}
