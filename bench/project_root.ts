/**
 * Where the project lies.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

/** The directory of `deno.json`, with a slash at its end. */
export const PROJECT_ROOT = fromFileUrl(new URL("../", import.meta.url));
