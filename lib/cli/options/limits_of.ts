/**
 * The limits that options ask for.
 *
 * @module
 */

import { LIMITS, type Limits } from "../../model/limits.ts";
import type { OptionValues } from "./options.ts";

/** `LIMITS`, with those changed that have an option of the same name. */
export function limitsOf(values: OptionValues): Limits {
  const limits: { -readonly [Name in keyof Limits]: Limits[Name] } = {
    ...LIMITS,
  };
  const changed: Readonly<Record<string, unknown>> = values;
  for (const name of Object.keys(LIMITS) as (keyof Limits)[]) {
    const value = changed[name];
    if (typeof value === "number") limits[name] = value;
  }
  return limits;
}
