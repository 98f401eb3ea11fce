/**
 * HTML as a value: what components return, and how it becomes text. Text in it
 * is escaped by the renderer wherever it stands; nothing here or above it says
 * that a text is HTML already.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";

/** An element, or several. */
export type Html = JSX.Element;

/** Whatever may stand between the tags of an element. */
export type Content =
  | Html
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Content[];

/**
 * Writes a page.
 *
 * @throws {Error} If a component waits for something: pages are made of what
 * is known.
 */
export function htmlDocument(page: Html): string {
  const text = page.toString();
  if (typeof text !== "string") throw new Error("A page waits for a component");
  return "<!DOCTYPE html>\n" + text;
}
