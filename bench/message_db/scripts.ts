/**
 * The scripts with which PostgreSQL does the work of rows over HTTP.
 *
 * message-db takes a lock for the category of a stream, the part of its name
 * before the first hyphen, and holds it until the transaction is synced: two
 * writers of one category never sync together. Both cases are measured: all
 * streams in one category, and a category for each stream, its best one.
 *
 * @module
 */

import { orderJson } from "../load/request_source.ts";
import { DATA_BYTES } from "../load/run_driver.ts";
import { PAGE_EVENTS, READ_STREAMS } from "../stores/seed_reads.ts";

/** Streams that are written to; each has events before it is measured. */
export const APPEND_STREAMS = 1000;
/** Events of a POST, and of the transaction that does the same. */
const BATCH_EVENTS = 100;

const DATA = orderJson(DATA_BYTES);
/** Names of streams; `:n` is drawn at random for each transaction. */
const IN_ONE_CATEGORY = "('load-' || :n)::varchar";
const IN_CATEGORIES = "('load' || :n || '-1')::varchar";
const PICK_STREAM = `\\set n random(0, ${APPEND_STREAMS - 1})\n`;
const PICK_READ_STREAM = `\\set n random(0, ${READ_STREAMS - 1})\n`;

/** One way to do the work with message-db. */
export interface Script {
  readonly title: string;
  /** For pgbench. */
  readonly text: string;
  /** Values of its variables; each is sent with every statement that has it. */
  readonly variables: Readonly<Record<string, string>>;
  /** Messages that a transaction writes; 0 for one that reads. */
  readonly messages: number;
}

/** The scripts of the rows that are compared, by the names of the rows. */
export const SCRIPTS: Readonly<Record<string, readonly Script[]>> = {
  "append-c64": appendScripts(),
  "append-c256": appendScripts(),
  "append-100": batchScripts(),
  "event": [readScript(1)],
  "feed-body": [readScript(PAGE_EVENTS)],
};

function appendScripts(): Script[] {
  const script = (title: string, streamName: string) => ({
    title,
    text: PICK_STREAM + writeMessage(streamName),
    variables: { data: DATA },
    messages: 1,
  });
  return [
    script("one category", IN_ONE_CATEGORY),
    script("1,000 categories", IN_CATEGORIES),
  ];
}

function batchScripts(): Script[] {
  const calls = Array.from(
    { length: BATCH_EVENTS },
    () => writeMessage(IN_CATEGORIES),
  );
  const events = `[${Array.from({ length: BATCH_EVENTS }, () => DATA).join()}]`;
  return [
    {
      title: "100 calls in a row",
      // All calls are sent before the first answer is read. Statements are
      // prepared at the first one, which must not be inside of the pipeline.
      text: PICK_STREAM + "BEGIN;\n\\startpipeline\n" + calls.join("") +
        "COMMIT;\n\\endpipeline\n",
      variables: { data: DATA },
      messages: BATCH_EVENTS,
    },
    {
      title: "one statement",
      text: PICK_STREAM +
        "SELECT count(write_message(gen_random_uuid()::varchar, " +
        `${IN_CATEGORIES}, 'order-placed', event)) ` +
        "FROM jsonb_array_elements(:events::jsonb) AS event;\n",
      variables: { events },
      messages: BATCH_EVENTS,
    },
  ];
}

function writeMessage(streamName: string): string {
  return `SELECT write_message(gen_random_uuid()::varchar, ${streamName}, ` +
    "'order-placed', :data::jsonb);\n";
}

function readScript(count: number): Script {
  const pickPosition = `\\set p random(0, ${PAGE_EVENTS - count})\n`;
  return {
    title: "get_stream_messages",
    text: PICK_READ_STREAM + pickPosition +
      `SELECT * FROM get_stream_messages(('read-' || :n)::varchar, :p, ${count});\n`,
    variables: {},
    messages: 0,
  };
}

/** Statement that gives every stream some events, so that nothing is empty. */
export function fillStatement(): string {
  const write = (streamName: string) =>
    "SELECT count(write_message(gen_random_uuid()::varchar, " +
    `${streamName}, 'order-placed', '${DATA.replaceAll("'", "''")}'))`;
  const numbers = (column: string, count: number) =>
    `generate_series(0, ${count - 1}) AS ${column}`;
  const events = numbers("e", PAGE_EVENTS);
  const streams = numbers("n", APPEND_STREAMS);
  return [
    `${write("('load-' || n)::varchar")} FROM ${events}, ${streams}`,
    `${write("('load' || n || '-1')::varchar")} FROM ${events}, ${streams}`,
    `${write("('read-' || n)::varchar")} FROM ${events}, ${
      numbers("n", READ_STREAMS)
    }`,
  ].join(";\n") + ";\n";
}
