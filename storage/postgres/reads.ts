/**
 * Reads: one call each, of one moment.
 *
 * @module
 */

import type { RecordedEvent } from "../../lib/model/event.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import { TOMBSTONE_EVENT_NUMBER } from "../../lib/model/event_number.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import { metastreamOf } from "../../lib/model/stream_names.ts";
import type {
  ListEntry,
  LogEnd,
  NamesRequest,
  ReadAllRequest,
  ReadAllResult,
  ReadRequest,
  ReadResult,
  StreamState,
} from "../../lib/store/event_store.ts";
import { decodeUtf8, encodeUtf8 } from "../../lib/text/utf8.ts";
import type { Database } from "./database.ts";
import { bytesArgument, type Row } from "./driver.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import type { StateCache } from "./state_cache.ts";
import {
  listArguments,
  listsArguments,
  NAME_KINDS,
  stateOfColumns,
} from "./names.ts";

const NO_BYTES = new Uint8Array(0);
const FLAG_JSON = 1;

interface GatheredStates {
  readonly names: string[];
  readonly states: Promise<StreamState[]>;
}

/** States that are asked for in one turn of the event loop, read together. */
export class StateReader {
  readonly #database: Database;
  readonly #cache: StateCache;
  #gathered: GatheredStates | undefined;

  constructor(database: Database, cache: StateCache) {
    this.#database = database;
    this.#cache = cache;
  }

  /** State of a stream, or of a system list. */
  async read(streamName: string): Promise<StreamState> {
    const gathered = this.#gathered ?? this.#gather();
    this.#gathered = gathered;
    let index = gathered.names.indexOf(streamName);
    if (index < 0) index = gathered.names.push(streamName) - 1;
    const state = (await gathered.states)[index];
    if (state === undefined) throw new Error("A state is missing");
    return state;
  }

  #gather(): GatheredStates {
    const names: string[] = [];
    const states = Promise.resolve().then(async () => {
      this.#gathered = undefined;
      const read = this.#cache.beginRead();
      try {
        const rows = await this.#database.read(
          "states_v1",
          listsArguments(names),
        );
        const states = rows.map(
          ([, head, isTombstoned, number, flags, data], index) =>
            stateOfColumns(names[index] ?? "", [
              head,
              number,
              isTombstoned,
              flags,
              data,
            ]),
        );
        read.keep(names, states);
        return states;
      } finally {
        read.end();
      }
    });
    return { names, states };
  }
}

/** Events of a stream or a list; see `EventStore.readStream`. */
export async function readStream(
  database: Pick<Database, "read">,
  request: ReadRequest,
): Promise<ReadResult> {
  const { streamName, from, count, direction, withBodies } = request;
  const isForward = direction === "forward";
  if (!Number.isSafeInteger(from)) return NOTHING;
  const low = isForward ? from : Math.max(0, from - count + 1);
  const high = isForward
    ? Math.min(from + count - 1, Number.MAX_SAFE_INTEGER)
    : from;
  if (low > high) return NOTHING;
  const [kind, name, isMeta] = listArguments(streamName);
  const rows = await database.read("page_v1", [
    kind,
    bytesArgument(name),
    isMeta,
    low,
    high,
    isForward ? 1 : -1,
    withBodies,
    LIMITS.pageBytesMax,
  ]);
  return entriesOf(rows);
}

const NOTHING: ReadResult = { entries: [], continueFrom: undefined };

function entriesOf(rows: readonly Row[]): ReadResult {
  const entries: ListEntry[] = [];
  for (const row of rows) {
    const ordinal = Number(row[0]);
    if (row[9] !== true) return { entries, continueFrom: ordinal };
    entries.push({ ordinal, event: eventOf(row) });
  }
  return { entries, continueFrom: undefined };
}

/** An event from a row of `page_v1` or `all_v1`. */
function eventOf(row: Row): RecordedEvent {
  const [, position, number, id, createdUs, flags, name, isMeta, type] = row;
  const stream = textOf(name);
  return {
    streamName: isMeta === true ? metastreamOf(stream) : stream,
    eventNumber: Math.min(Number(number), TOMBSTONE_EVENT_NUMBER),
    eventId: String(id),
    eventType: textOf(type),
    isJson: (Number(flags) & FLAG_JSON) !== 0,
    data: row[10] instanceof Uint8Array ? row[10] : NO_BYTES,
    metadata: row[11] instanceof Uint8Array ? row[11] : NO_BYTES,
    createdAtUs: Number(createdUs),
    logPosition: Number(position),
  };
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? decodeUtf8(value) : "";
}

/** See `EventStore.findNearest`. */
export async function findNearest(
  database: Database,
  streamName: string,
  { from, direction }: {
    readonly from: number;
    readonly direction: "forward" | "backward";
  },
): Promise<number | undefined> {
  const [kind, name, isMeta] = listArguments(streamName);
  const start = Math.min(Math.max(from, -1), Number.MAX_SAFE_INTEGER);
  const [row] = await database.read("nearest_v1", [
    kind,
    bytesArgument(name),
    isMeta,
    start,
    direction === "forward",
  ]);
  const nearest = row?.[0];
  return typeof nearest === "number" ? nearest : undefined;
}

/** Where the log ends. */
export async function readEnd(database: Database): Promise<LogEnd> {
  const [row] = await database.read("end_v1", []);
  const [lastPosition, wasRewritten] = row ?? [];
  return {
    end: Number(lastPosition) + 1,
    lastPosition: Number(lastPosition),
    wasRewritten: wasRewritten === true,
  };
}

/** Events of the whole log; see `EventStore.readAll`. */
export async function readAll(
  database: Database,
  request: ReadAllRequest,
): Promise<ReadAllResult> {
  const { direction, count, accepts } = request;
  const isForward = direction === "forward";
  const { end } = await readEnd(database);
  const from = request.from === "end"
    ? end
    : Math.min(request.from, Number.MAX_SAFE_INTEGER);
  const events: RecordedEvent[] = [];
  let next = isForward ? from : Math.min(from, end);
  let left: number = LIMITS.filterScanMax;
  let bytes = 0;
  for (;;) {
    const wanted = accepts === undefined
      ? count - events.length
      : Math.min(left, POSTGRES_LIMITS.scanEventsMax);
    const rows = await database.read("all_v1", [
      next,
      // One more tells whether something is left.
      wanted + 1,
      isForward ? 1 : -1,
      request.withBodies,
      LIMITS.pageBytesMax - bytes,
    ]);
    let taken = 0;
    for (const row of rows) {
      if (taken === wanted || row[9] !== true || events.length === count) break;
      taken++;
      left--;
      const event = eventOf(row);
      next = isForward ? event.logPosition + 1 : event.logPosition;
      if (accepts !== undefined && !accepts(event)) continue;
      bytes += event.data.length + event.metadata.length;
      events.push(event);
    }
    const isAtEnd = taken === rows.length;
    const isDone = isAtEnd || events.length === count || left <= 0 ||
      bytes >= LIMITS.pageBytesMax;
    if (!isDone) continue;
    const reached = isForward && isAtEnd ? Math.max(next, end) : next;
    return {
      events,
      next: reached,
      isAtEnd,
      end: Math.max(end, endAfter(events)),
    };
  }
}

/** Position after the newest of some events. */
function endAfter(events: readonly RecordedEvent[]): number {
  return events.reduce((end, event) => Math.max(end, event.logPosition + 1), 0);
}

/** See `EventStore.findPosition`. */
export async function findPosition(
  database: Database,
  createdAtUs: number,
): Promise<number> {
  const [row] = await database.read("position_at_v1", [
    Math.trunc(Math.min(createdAtUs, Number.MAX_SAFE_INTEGER)),
  ]);
  const position = Number(row?.[0] ?? -1);
  return position >= 0 ? position : (await readEnd(database)).end;
}

const METASTREAM_START = metastreamOf("");

/** See `EventStore.listNames`. */
export async function listNames(
  database: Database,
  kind: "streams" | "categories" | "types",
  { prefix = "", after = "", limit }: NamesRequest,
): Promise<readonly string[]> {
  if (!(limit >= 1 && limit <= LIMITS.listedNamesMax)) {
    throw new QuipuError(
      "invalidRequest",
      `Cannot list ${limit} names at once: 1 to ${LIMITS.listedNamesMax} ` +
        "are possible",
    );
  }
  const read = async (
    code: number,
    { prefix, after }: { readonly prefix: string; readonly after: string },
  ) => {
    const rows = await database.read("names_v1", [
      code,
      bytesArgument(encodeUtf8(prefix)),
      bytesArgument(encodeUtf8(after)),
      limit,
    ]);
    return rows.map(([name]) => name instanceof Uint8Array ? name : NO_BYTES);
  };
  if (kind !== "streams") {
    const code = NAME_KINDS[kind === "categories" ? "category" : "eventType"];
    return (await read(code, { prefix, after })).map(decodeUtf8);
  }
  const [plain, metastreams] = await Promise.all([
    read(NAME_KINDS.stream, { prefix, after }),
    metastreamNames(read, prefix, after),
  ]);
  return [...plain, ...metastreams].sort(compareBytes).slice(0, limit)
    .map(decodeUtf8);
}

/** Names of metastreams, which are kept as those of the streams they describe. */
async function metastreamNames(
  read: (
    code: number,
    range: { readonly prefix: string; readonly after: string },
  ) => Promise<Uint8Array[]>,
  prefix: string,
  after: string,
): Promise<Uint8Array[]> {
  const isPossible = prefix.startsWith(METASTREAM_START) ||
    METASTREAM_START.startsWith(prefix);
  const isPassed = !after.startsWith(METASTREAM_START) &&
    compareBytes(encodeUtf8(after), encodeUtf8(METASTREAM_START)) > 0;
  if (!isPossible || isPassed) return [];
  const names = await read(NAME_KINDS.withMetastream, {
    prefix: prefix.slice(METASTREAM_START.length),
    after: after.startsWith(METASTREAM_START)
      ? after.slice(METASTREAM_START.length)
      : "",
  });
  const start = encodeUtf8(METASTREAM_START);
  return names.map((name) => {
    const whole = new Uint8Array(start.length + name.length);
    whole.set(start);
    whole.set(name, start.length);
    return whole;
  });
}

function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}
