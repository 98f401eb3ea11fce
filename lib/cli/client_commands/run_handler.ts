/**
 * Commands of the user that are run for events.
 *
 * @module
 */

import type { RecordedEvent } from "../../client/mod.ts";
import { systemReasonOf } from "../../text/system_errors.ts";
import { encodeUtf8 } from "../../text/utf8.ts";
import { RunError } from "../failures.ts";

/**
 * Runs a command line of the shell for an event: the event's line of JSON is
 * its standard input, and `EVENT_ID`, `EVENT_TYPE`, `EVENT_NUMBER` and
 * `EVENT_STREAM` are variables. Nothing of the event becomes part of the line.
 *
 * @returns Its exit code; one ended by a signal has 128 and more.
 * @throws {RunError} If it cannot be run.
 */
export async function runForEvent(
  commandLine: string,
  event: RecordedEvent,
  json: string,
): Promise<number> {
  const isWindows = Deno.build.os === "windows";
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(isWindows ? "cmd" : "sh", {
      args: isWindows ? ["/d", "/s", "/c", commandLine] : ["-c", commandLine],
      stdin: "piped",
      stdout: "inherit",
      stderr: "inherit",
      env: {
        EVENT_ID: event.eventId,
        EVENT_TYPE: event.eventType.replaceAll("\0", ""),
        EVENT_NUMBER: String(event.eventNumber),
        EVENT_STREAM: event.streamName.replaceAll("\0", ""),
      },
    }).spawn();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotCapable
      ? "this program was started without the permission to run others"
      : systemReasonOf(error);
    throw new RunError(`Cannot run the command: ${reason}`, { cause: error });
  }
  const writer = child.stdin.getWriter();
  // A command need not read what it is given.
  await writer.write(encodeUtf8(json + "\n")).catch(() => {});
  await writer.close().catch(() => {});
  return (await child.status).code;
}
