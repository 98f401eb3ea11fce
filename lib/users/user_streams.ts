/**
 * Names of the streams that hold users (spec: users §1, "Storage facts").
 *
 * @module
 */

/** What the names of users' streams begin with. */
export const USER_STREAM_PREFIX = "$user-";

/** Name of the stream of the user `login`. */
export function streamOfUser(login: string): string {
  return USER_STREAM_PREFIX + login;
}
