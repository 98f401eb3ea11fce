/**
 * What may be selected for an export: events are in the export of the stream
 * that they were written to, not in those of the lists that name them.
 *
 * @module
 */

import { QuipuError } from "../../../lib/model/errors.ts";
import { listOfStream } from "../../../lib/model/lists.ts";
import {
  isSystemStream,
  metastreamOf,
} from "../../../lib/model/stream_names.ts";
import type { ExportSelection } from "../../../lib/store/transfer.ts";
import type { FileStore } from "../../open/file_store.ts";

/** A store, as far as an export goes. */
export type ExportedStore = Pick<
  FileStore,
  "readAll" | "findPosition" | "local" | "storeId"
>;

/**
 * Refuses what would silently be an export of nothing.
 *
 * @throws {QuipuError} `invalidRequest` for a selection that makes no sense,
 * `nothingSelected` for a stream or category that never was.
 */
export function requireSelection(
  store: Pick<FileStore, "local">,
  { streamName, category, fromUs, to, withSystem }: ExportSelection,
): void {
  if (streamName !== undefined && category !== undefined) {
    throw refusal("either a stream or a category can be selected, not both");
  }
  const isBackwards = fromUs !== undefined && to !== undefined &&
    "timeUs" in to && to.timeUs <= fromUs;
  if (isBackwards) throw refusal("it would end before it begins");
  if (streamName !== undefined) {
    requireStream(store, streamName);
    if (withSystem !== true && isSystemStream(streamName)) {
      throw refusal(
        `${JSON.stringify(streamName)} is a stream of the system: it is ` +
          "exported only --with-system, or ?with-system=true",
      );
    }
  }
  if (category !== undefined) requireCategory(store, category);
}

function requireStream(
  store: Pick<FileStore, "local">,
  streamName: string,
): void {
  const quoted = JSON.stringify(streamName);
  if (streamName === "$all") {
    throw refusal(`${quoted} is everything: select no stream`);
  }
  const { kind, name } = listOfStream(streamName);
  if (kind === "category") {
    throw refusal(
      `${quoted} lists events of other streams: select the category ` +
        `${JSON.stringify(name)} instead (--category, or ?category=)`,
    );
  }
  if (kind !== "stream") {
    throw refusal(
      `${quoted} lists events of other streams: select one of these, a ` +
        `category, or everything`,
    );
  }
  const state = store.local.peekState(streamName);
  const isThere = state.head >= 0 || state.isTombstoned ||
    store.local.peekState(metastreamOf(streamName)).head >= 0;
  if (!isThere) throw nothing(`there is no stream ${quoted}`);
}

function requireCategory(
  store: Pick<FileStore, "local">,
  category: string,
): void {
  // Streams of the system are in no list of a category.
  if (isSystemStream(category)) return;
  if (store.local.peekState(`$ce-${category}`).head >= 0) return;
  throw nothing(
    `there is no stream of category ${JSON.stringify(category)}`,
  );
}

function refusal(why: string): QuipuError {
  return new QuipuError("invalidRequest", `Cannot export that: ${why}`);
}

function nothing(why: string): QuipuError {
  return new QuipuError("nothingSelected", `Cannot export that: ${why}`);
}
