/**
 * Where `quipu project` takes events from: an export, a store that no server
 * has open, or a running server. Each can be read as often as needed, and
 * brings the same events each time.
 *
 * @module
 */

import type { EngineFault } from "../projections/engine/messages.ts";
import type { LocatedEvent } from "../projections/fold_survey.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";
import { RunError } from "./failures.ts";
import { kindOfInput, openInput } from "./named_files.ts";
import { storePartsOf } from "./offline_work.ts";
import type { OptionValues } from "./options/options.ts";
import { piecesOf, saidIn, type ServerClient } from "./server_client.ts";

/** Events to run a projection over. */
export interface ProjectEvents {
  read(signal: AbortSignal): AsyncIterable<LocatedEvent>;
  /** Where an event stands, to be added to a message; may be empty. */
  placeOf(event: LocatedEvent): string;
}

/**
 * Events of an export.
 *
 * @throws {RunError} If it is no file.
 */
export function eventsOfFile(path: string): ProjectEvents {
  if (kindOfInput(path) !== "file") {
    throw new RunError(
      `Cannot read "${path}": it is read more than once, so it must be a file`,
    );
  }
  return {
    async *read(signal) {
      const { bytes } = await openInput(path, signal);
      yield* eventsIn(bytes, `"${path}"`, () => {});
    },
    placeOf: ({ line }) => `, line ${line} of ${path}`,
  };
}

/** Events of a store that no server has open. */
export function eventsOfDirectory(
  values: OptionValues & { readonly directory: string },
): ProjectEvents {
  const { directory, segmentSizeBytes } = values;
  return {
    async *read(signal) {
      const { readDirectory } = await import(
        "../../storage/maintenance/transfer/directories.ts"
      );
      const parts = storePartsOf(values);
      const options = { directory, segmentSizeBytes, ...parts };
      for await (const event of readDirectory(options)) {
        signal.throwIfAborted();
        yield { line: 0, event };
      }
    },
    placeOf: () => "",
  };
}

/** Events of a running server: what its first answer has, each time. */
export function eventsOfServer(client: ServerClient): ProjectEvents {
  let end: number | undefined;
  return {
    async *read(signal) {
      const path = "/admin/export?with-system=true" +
        (end === undefined ? "" : `&to=${end}`);
      const body = await exportOf(client, path, signal);
      let isWhole = false;
      const bytes = piecesOf(body, { signal, advice: "run the command again" });
      yield* eventsIn(bytes, client.addressAt(path), (last) => {
        isWhole = true;
        end ??= last;
      });
      if (!isWhole) {
        throw new RunError(
          `The server broke off: the export of ${client.addressAt(path)} is ` +
            "not whole; run the command again",
        );
      }
    },
    placeOf: () => "",
  };
}

async function exportOf(
  client: ServerClient,
  path: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const response = await client.ask({ method: "GET", path, signal });
  const { status, body } = response;
  if (status === 200 && body !== null) return body;
  const said = saidIn(decodeUtf8Leniently(await response.bytes()));
  throw new RunError(
    `${client.addressAt(path)} answers ${status}` +
      (status === 401
        ? ": an administrator's login is needed"
        : said === ""
        ? ""
        : `: ${said}`),
  );
}

/** @param takeEnd Is told the log position up to which an export goes. */
async function* eventsIn(
  bytes: AsyncIterable<Uint8Array>,
  named: string,
  takeEnd: (end: number | undefined) => void,
): AsyncGenerator<LocatedEvent> {
  const { LineFault, linesOf } = await import("../store/transfer_lines.ts");
  const { LineError, parseLine } = await import("../store/transfer_line.ts");
  let line = 0;
  try {
    for await (const text of linesOf(bytes)) {
      line++;
      if (text.trim() === "") continue;
      const parsed = parseLine(text);
      if (parsed.kind === "event") {
        const { event, ...place } = parsed.event;
        yield { line, event: { ...event, ...place } };
      }
      if (parsed.kind === "last") takeEnd(parsed.end);
    }
  } catch (error) {
    if (!(error instanceof LineError || error instanceof LineFault)) {
      throw error;
    }
    const at = error instanceof LineFault ? error.line : line;
    throw new RunError(`Cannot read line ${at} of ${named}: ${error.message}`);
  }
}

/** A failure that names the line of the query, and the event if there is one. */
export function failureOf(
  file: string,
  { text, line }: EngineFault,
  at?: LocatedEvent & { readonly place: string },
): RunError {
  const place = line > 0 ? `${file}:${line}` : file;
  if (at === undefined) return new RunError(`${place}: ${text}`);
  const { eventNumber, streamName, eventType } = at.event;
  return new RunError(
    `${place}: ${text}; at event ${eventNumber}@${streamName} ` +
      `(${eventType})${at.place}`,
  );
}
