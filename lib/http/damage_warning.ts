/**
 * How the node tells that its store is damaged. It goes on all the same: what
 * is whole is served and written, so damage is a warning, not a reason to send
 * requests elsewhere.
 *
 * @module
 */

import type { StoreStatus } from "../model/event_store.ts";

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
  if (damageCount > 0) parts.push(`${damageCount} times something is damaged`);
  if (brokenCount > 0) parts.push(`${brokenCount} times something is broken`);
  if (unreadableCount > 0) {
    parts.push(`${unreadableCount} records could not be read`);
  }
  return [{
    code: "damage",
    reason: `${parts.join(", ")}: POST /admin/verify says what and where`,
  }];
}
