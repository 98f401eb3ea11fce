/**
 * The version that a client expects a stream to be at when it appends or
 * deletes. The wire's -2, -1 and -4 are decoded in `lib/http`.
 *
 * @module
 */

/**
 * `"any"`: no expectation. `"noStream"`: the stream has no event.
 * `"streamExists"`: the stream (or its metastream) has one. A number, 0 or
 * more: the number of the stream's last event (may exceed every real one).
 */
export type ExpectedVersion = number | "any" | "noStream" | "streamExists";
