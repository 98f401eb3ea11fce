/**
 * The editor of queries as it was built for browsers (`deno task editor`). A
 * checkout need not have it: then queries are edited in plain fields.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** A script as it is sent. */
export interface EditorScript {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Value of `ETag`. */
  readonly etag: string;
}

let known: Promise<EditorScript | undefined> | undefined;

/** The script; undefined: it was not built. It is read once. */
export function readEditor(): Promise<EditorScript | undefined> {
  return known ??= readFile();
}

async function readFile(): Promise<EditorScript | undefined> {
  // Written like this, bundlers can follow it.
  const url = new URL("./editor/built/editor.js", import.meta.url);
  try {
    const bytes = await Deno.readFile(url);
    const digest = createHash("sha256").update(bytes).digest("hex");
    return { bytes, etag: `"${digest.slice(0, 12)}"` };
  } catch {
    return undefined;
  }
}
