/**
 * Where ids come from for events whose sender gave none.
 *
 * @module
 */

/** A new random event id: a version 4 UUID in lower case. */
export function newEventId(): string {
  return crypto.randomUUID();
}
