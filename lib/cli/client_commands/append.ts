/**
 * `quipu append`: events from a file or standard input.
 *
 * @module
 */

import type { AppendResult, ExpectedVersion } from "../../client/mod.ts";
import { showCount } from "../../text/quantities.ts";
import { RunError, UsageError } from "../failures.ts";
import { workLong } from "../offline_work.ts";
import { printNote } from "../terminal.ts";
import { defineClientCommand } from "./client_command.ts";
import { readInputEvents } from "./input_events.ts";
import { print } from "./output.ts";

/** Pause of the input after which what was read is sent. */
const FLUSH_MS = 200;

export const APPEND = defineClientCommand({
  name: "append",
  // A server that is started again takes its time: most of a minute.
  triesMax: 15,
  summary: "Append events from a file or standard input",
  details: "Input is lines of JSON, one JSON document, or an array. Each is " +
    "an event with eventType, data, and, if you like, eventId and metadata; " +
    "with --type it is the data of one. A batch is written whole or not at " +
    "all, and sent again with the same ids until it is answered. If a run is " +
    "killed, start it again: with --id-seed, or ids in the input, events that " +
    "were written are not written twice, as long as the input and --batch are " +
    "the same. Ctrl-C appends what was read and says how much that is.",
  own: {
    type: {
      flag: "type",
      kind: "text",
      valueName: "TYPE",
      help: "Type of all events, whose input is data alone",
    },
    expected: {
      flag: "expect",
      kind: "text",
      valueName: "VERSION",
      default: "any",
      help:
        "Version that the stream must have: the number of its last event, " +
        "noStream, streamExists or any",
    },
    batchEvents: {
      flag: "batch",
      kind: "integer",
      default: 500,
      least: 1,
      most: 10_000,
      help: "Events of one request",
    },
    idSeed: {
      flag: "id-seed",
      kind: "text",
      valueName: "TEXT",
      help: "Make ids from this text, the stream, and the place and text of " +
        "each event in the input",
    },
    isQuiet: { flag: "quiet", kind: "boolean", help: "Show no progress" },
  },
  operands: {
    stream: { label: "STREAM", help: "The stream to append to" },
    file: {
      label: "FILE",
      help: "File with the events; standard input by default",
      isOptional: true,
    },
  },
}, async ({ client, values, operands: { stream, file = "-" } }) => {
  const { type, idSeed, batchEvents, isJson } = values;
  const expectedVersion = expectedVersionOf(values.expected);
  let appended = 0;
  let last: AppendResult | undefined;
  const { report: stoppedBy } = await workLong(values, async (control) => {
    const events = readInputEvents({
      path: file,
      eventType: type,
      idSeed: idSeed === undefined ? undefined : `${idSeed}\n${stream}`,
      signal: control.signal,
    });
    await client.appendAll(stream, events, {
      expectedVersion,
      batchEvents,
      // Batches must be the same when the same input is sent again.
      flushMs: idSeed === undefined && type !== undefined
        ? FLUSH_MS
        : undefined,
      onBatch: (count, result) => {
        appended = count;
        last = result;
        const done = count;
        control.report({ phase: "appending", done, total: 0, unit: "events" });
      },
    });
    return control.signal.aborted ? control.signal.reason : undefined;
  }).catch((error) => {
    if (appended === 0 || !(error instanceof Error)) throw error;
    printNote(`Appended ${showCount(appended, "event")} before it failed\n`);
    throw error;
  });
  const lastEventNumber = last?.lastEventNumber;
  print(
    isJson
      ? JSON.stringify({ streamName: stream, appended, lastEventNumber }) + "\n"
      : `Appended ${showCount(appended, "event")}` +
        (last === undefined
          ? "\n"
          : `; the last is number ${lastEventNumber}\n`),
  );
  if (stoppedBy !== undefined) {
    throw new RunError(`${stoppedBy.message}: later input was not read`);
  }
});

/** @throws {UsageError} If it is no version. */
export function expectedVersionOf(text: string): ExpectedVersion {
  switch (text) {
    case "any":
    case "noStream":
    case "streamExists":
      return text;
  }
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(
    `Bad value "${text}" for --expect: expected a number, noStream, ` +
      "streamExists or any",
  );
}
