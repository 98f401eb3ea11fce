/**
 * Types of bodies that routes take, for tests of every route.
 *
 * @module
 */

import {
  APPLICATION_JSON,
  type MediaType,
} from "../../lib/http/negotiation.ts";
import type { Route } from "../../lib/http/route.ts";

/** Types that the `request` of a row means; of any type one. */
export function requestTypesOf(
  request: Route["request"] | undefined,
): readonly MediaType[] {
  return request === "any" ? [APPLICATION_JSON] : request ?? [];
}
