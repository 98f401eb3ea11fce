/**
 * Options of commands that show events of a feed.
 *
 * @module
 */

import type { EventFilter } from "../../client/mod.ts";
import type { OptionRow, ValuesOf } from "../options/options.ts";

/** Which events are wanted. */
export const FILTER_OPTIONS = {
  filterType: {
    flag: "filter-type",
    kind: "text",
    valueName: "TYPE",
    help: "Only events of this type; a * at its end stands for any end",
  },
  filterStream: {
    flag: "filter-stream",
    kind: "text",
    valueName: "STREAM",
    help: "Only events of this stream; a * at its end stands for any end",
  },
  system: {
    flag: "system",
    kind: "choice",
    choices: ["default", "yes", "no"],
    default: "default",
    help: "Whether events of the system are shown",
  },
} as const satisfies Readonly<Record<string, OptionRow>>;

/** The filter that the options are; undefined: none. */
export function filterOf(
  { filterType, filterStream, system }: ValuesOf<typeof FILTER_OPTIONS>,
): EventFilter {
  return {
    eventType: filterType,
    streamName: filterStream,
    system: system === "default" ? undefined : system === "yes",
  };
}
