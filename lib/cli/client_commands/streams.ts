/**
 * `quipu streams`: the streams of a store.
 *
 * @module
 */

import type { ListedStream } from "../../client/mod.ts";
import { defineClientCommand } from "./client_command.ts";
import { type Column, printList } from "./output.ts";

/** Streams that are printed at a time. */
const PAGE_STREAMS = 1_000;

const COLUMNS: readonly Column<ListedStream>[] = [
  { head: "STREAM", of: ({ streamName }) => streamName },
  { head: "LAST", of: ({ lastEventNumber }) => lastEventNumber },
  { head: "WRITTEN", of: ({ lastCreatedAt }) => lastCreatedAt },
];

export const STREAMS = defineClientCommand({
  name: "streams",
  summary: "List the streams that you may read, by name",
  operands: {
    prefix: {
      label: "PREFIX",
      help:
        "What the names begin with; streams of the system are listed only " +
        "if it begins with $",
      isOptional: true,
    },
  },
}, async ({ client, values, operands: { prefix }, signal }) => {
  let page: ListedStream[] = [];
  for await (const stream of client.listStreams(prefix, signal)) {
    page.push(stream);
    if (page.length < PAGE_STREAMS) continue;
    printList(page, COLUMNS, values);
    page = [];
  }
  if (page.length > 0) printList(page, COLUMNS, values);
});
