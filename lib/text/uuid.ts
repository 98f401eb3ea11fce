/**
 * UUIDs as text.
 *
 * @module
 */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID of 36 characters, in lower case with hyphens. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
