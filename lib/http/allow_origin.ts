/**
 * `--cors-origin`: pages of which sites a browser lets read the answers. Answers
 * are made as the original's, which allow every site, and narrowed on their way
 * out.
 *
 * @module
 */

const ALLOW_ORIGIN = "Access-Control-Allow-Origin";

/** Narrows an answer to those that may read it. */
export type AllowOrigin = (
  origin: string | null,
  response: Response,
) => Response;

/**
 * Makes the function.
 *
 * @param origins `scheme://host[:port]`, lower case.
 */
export function createAllowOrigin(origins: readonly string[]): AllowOrigin {
  const allowed = new Set(origins);
  return (origin, response) => {
    const { headers } = response;
    if (!headers.has(ALLOW_ORIGIN)) return response;
    // Caches must not give one site's answer to another.
    headers.append("Vary", "Origin");
    if (origin !== null && allowed.has(origin.toLowerCase())) {
      headers.set(ALLOW_ORIGIN, origin);
    } else headers.delete(ALLOW_ORIGIN);
    return response;
  };
}
