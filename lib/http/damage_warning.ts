/**
 * How the node tells that its store is damaged. It goes on all the same: what
 * is whole is served and written, so damage is a warning, not a reason to send
 * requests elsewhere.
 *
 * @module
 */

import type { StoreStatus } from "../store/event_store.ts";

/** What an operator should look after, while the node does its work. */
export interface Warning {
  readonly code: "damage";
  readonly reason: string;
}

/** What there is to warn of. Open to everybody, so it names no places. */
export function warningsOf({ damage }: StoreStatus): Warning[] {
  if (damage === undefined) return [];
  const { damageCount, brokenCount, unreadableCount } = damage;
  const parts: string[] = [];
  if (damageCount > 0) parts.push(`damaged in ${places(damageCount)}`);
  if (brokenCount > 0) parts.push(`broken in ${places(brokenCount)}`);
  if (unreadableCount > 0) {
    parts.push(`unreadable in ${places(unreadableCount)}`);
  }
  return [{
    code: "damage",
    reason: `The store is ${parts.join(", ")}: POST /admin/verify says what ` +
      `and where`,
  }];
}

function places(count: number): string {
  return count === 1 ? "1 place" : `${count} places`;
}
