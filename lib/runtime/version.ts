/**
 * The version of the program. `deno.json` alone says what it is.
 *
 * @module
 */

import project from "../../deno.json" with { type: "json" };

/** Version by semver, such as `0.1.0`. */
export const VERSION: string = project.version;
