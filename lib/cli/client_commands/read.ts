/**
 * `quipu read`: events of a stream, a list or `$all`.
 *
 * @module
 */

import { defineClientCommand } from "./client_command.ts";
import { eventLine } from "./event_lines.ts";
import { FILTER_OPTIONS, filterOf } from "./feed_options.ts";
import { LinePrinter, NobodyReads } from "./output.ts";

export const READ = defineClientCommand({
  name: "read",
  summary: "Show events of a stream, a list such as $ce-order, or $all",
  details:
    "On a terminal as a table, else as lines with tabs between number, " +
    "time, stream, type and data. With --json each event is a line that " +
    "quipu append takes.",
  own: {
    from: {
      flag: "from",
      kind: "text",
      valueName: "PLACE",
      help:
        "Number of the first event, in $all a position; or a time such as " +
        "2026-01-31",
    },
    count: {
      flag: "count",
      kind: "integer",
      default: 0,
      least: 0,
      most: Number.MAX_SAFE_INTEGER,
      help: "Events at most; 0: all",
    },
    isBackward: {
      flag: "backward",
      kind: "boolean",
      help: "Show the newest event first",
    },
    asOf: {
      flag: "as-of",
      kind: "text",
      valueName: "TIME",
      help: "Show the feed as it was at that time",
    },
    ...FILTER_OPTIONS,
  },
  operands: { stream: { label: "STREAM", help: "The stream to read" } },
}, async ({ client, values, operands, signal }) => {
  const { isJson, count, isBackward, from, asOf } = values;
  const events = client.read(operands.stream, {
    from,
    asOf,
    count: count === 0 ? undefined : count,
    direction: isBackward ? "backward" : "forward",
    filter: filterOf(values),
    signal,
  });
  const printer = new LinePrinter();
  try {
    for await (const event of events) {
      printer.line(await eventLine(event, { client, isJson }));
    }
    printer.flush();
  } catch (error) {
    if (!(error instanceof NobodyReads)) throw error;
  }
});
