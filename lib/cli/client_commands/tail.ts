/**
 * `quipu tail`: new events, as they are written.
 *
 * @module
 */

import { RunError } from "../failures.ts";
import { defineClientCommand, isAborted } from "./client_command.ts";
import { eventLine } from "./event_lines.ts";
import { FILTER_OPTIONS, filterOf } from "./feed_options.ts";
import { type LineFile, openLineFile } from "./line_file.ts";
import { LinePrinter, NobodyReads } from "./output.ts";

export const TAIL = defineClientCommand({
  name: "tail",
  triesMax: Infinity,
  summary: "Show new events of a stream, a list or $all, as they are written",
  details: "Goes on after broken connections and restarts of the server, " +
    "without a gap and without repeats, until it is stopped (Ctrl-C). With " +
    "--output it goes on after the last whole line of the file, so that even " +
    "a killed tail neither loses nor repeats an event.",
  own: {
    from: {
      flag: "from",
      kind: "text",
      valueName: "PLACE",
      default: "head",
      help: "Where to begin: an event number, in $all a position, a time, or " +
        "head for new events alone",
    },
    output: {
      flag: "output",
      kind: "text",
      valueName: "FILE",
      help: "Add lines of JSON to this file, and go on after its last line",
    },
    ...FILTER_OPTIONS,
  },
  operands: { stream: { label: "STREAM", help: "The stream to follow" } },
}, async ({ client, values, operands, signal }) => {
  const { output, from, isJson } = values;
  using file = output === undefined ? undefined : openLineFile(output);
  const feed = client.follow(operands.stream, {
    ...placeOf(file, from),
    filter: filterOf(values),
    signal,
  });
  const printer = new LinePrinter();
  let flushing: ReturnType<typeof setTimeout> | undefined;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  // What came together is printed together, and at once.
  const flush = () => {
    flushing = undefined;
    try {
      if (file === undefined) printer.flush();
      else file.flush();
    } catch (error) {
      failed.reject(error);
    }
  };
  const take = async () => {
    for await (const event of feed) {
      const line = await eventLine(event, {
        client,
        isJson: isJson || file !== undefined,
      });
      if (file === undefined) printer.line(line);
      else file.line(line);
      flushing ??= setTimeout(flush, 0);
    }
  };
  try {
    await Promise.race([take(), failed.promise]);
  } catch (error) {
    clearTimeout(flushing);
    if (error instanceof NobodyReads) return;
    if (!isAborted(error, signal)) throw error;
    flush();
  }
});

/** What each line that tail writes begins with. */
const LINE_START = '{"streamName":';

/** Where to begin: after the last event of the file, or where options say. */
function placeOf(
  file: LineFile | undefined,
  from: string,
): { readonly from?: string; readonly after?: string } {
  if (file === undefined) return { from };
  const { lastLine, rest, path } = file;
  const isOurs = rest.startsWith(LINE_START) || LINE_START.startsWith(rest);
  const place = lastLine === undefined ? undefined : placeIn(lastLine);
  if (!isOurs || lastLine !== undefined && place === undefined) {
    throw new RunError(
      `The end of "${path}" is no event: name a file that tail wrote`,
    );
  }
  return place === undefined ? { from } : { after: place };
}

function placeIn(line: string): string | undefined {
  try {
    const { place } = JSON.parse(line);
    return typeof place === "string" ? place : undefined;
  } catch {
    return undefined;
  }
}
