/**
 * Shapes of JSON bodies, as rows of routes say them. They name what clients rely
 * on and allow more.
 *
 * @module
 */

type Shape = Readonly<Record<string, unknown>>;

export const TEXT: Shape = { type: "string" };
export const FLAG: Shape = { type: "boolean" };
export const WHOLE: Shape = { type: "integer" };

/** An object with these members. */
export function objectOf(
  properties: Readonly<Record<string, unknown>>,
  required?: readonly string[],
): Shape {
  return { type: "object", properties, ...(required && { required }) };
}

/** A list of these. */
export function listOf(items: unknown): Shape {
  return { type: "array", items };
}

/** One of these words. */
export function oneOf(...words: readonly string[]): Shape {
  return { type: "string", enum: words };
}
