/**
 * Log records: encoding one, checking and reading one.
 *
 * @module
 */

import { GrowingBytes } from "../../storage/log/bytes.ts";
import { LogRecord } from "../../storage/log/log_record.ts";
import {
  checkRecord,
  encodeRecord,
  FLAG_BATCH_END,
  FLAG_JSON,
  NO_ORDINAL,
  type RecordFields,
} from "../../storage/log/record.ts";
import {
  LARGE_DATA_BYTES,
  nextEventId,
  orderJson,
  SMALL_DATA_BYTES,
} from "./samples.ts";

const SHAPES = [
  { title: "small, a string", data: orderJson(SMALL_DATA_BYTES) },
  { title: "10 KB, a string", data: orderJson(LARGE_DATA_BYTES) },
  {
    title: "small, not all ASCII",
    data: orderJson(SMALL_DATA_BYTES).replace("Ada", "Ådä"),
  },
  {
    title: "small, bytes",
    data: new TextEncoder().encode(orderJson(SMALL_DATA_BYTES)),
  },
];

for (const { title, data } of SHAPES) {
  const fields: RecordFields = {
    logPosition: 1_000_000,
    createdAtUs: 1_700_000_000_000_000,
    eventNumber: 17,
    eventId: nextEventId(),
    streamName: "load-0017",
    eventType: "order-placed",
    data,
    metadata: "",
    flags: FLAG_JSON | FLAG_BATCH_END,
    indexInBatch: 0,
    previousCrc: 7,
    categoryOrdinal: 100,
    typeOrdinal: 2000,
    streamsOrdinal: NO_ORDINAL,
    categoryStreamsOrdinal: NO_ORDINAL,
  };
  const group = `record ${title}`;
  const out = new GrowingBytes(64 * 1024);
  Deno.bench(`encode, ${title}`, { group, baseline: true }, () => {
    out.length = 0;
    encodeRecord(out, fields);
  });

  const bytes = new GrowingBytes(64 * 1024);
  encodeRecord(bytes, fields);
  const check = {
    available: bytes.length,
    position: fields.logPosition,
    withBody: true,
  };
  Deno.bench(`check, ${title}`, { group }, () => {
    if (checkRecord(bytes, 0, check) !== undefined) throw new Error("damaged");
  });
  Deno.bench(`read all fields, ${title}`, { group }, () => {
    const record = new LogRecord(bytes, 0, { withBodies: true });
    // Adding them up keeps the compiler from leaving a read out.
    const sum = record.eventId.length + record.eventType.length +
      record.streamName.length + record.eventNumber + record.createdAtUs +
      record.data.length + record.metadata.length + (record.isJson ? 1 : 0);
    if (sum === 0) throw new Error("empty");
  });
}
