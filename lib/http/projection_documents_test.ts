import { assertEquals } from "@std/assert";
import type {
  ProjectionStatistics,
  SourcePosition,
} from "../projections/contract.ts";
import {
  configDocument,
  logDocument,
  positionHeader,
  positionText,
  queryDocument,
  sourceDocument,
  statisticsDocument,
  statisticsListDocument,
  statisticsMembers,
} from "./projection_documents.ts";

const STATISTICS: ProjectionStatistics = {
  name: "a b/$x",
  mode: "Continuous",
  version: 3,
  epoch: -1,
  status: "Running",
  stateReason: "",
  position: { streams: [["s", 4]] },
  lastCheckpoint: { streams: [["s", -1]] },
  progress: 100,
  checkpointStatus: "",
  coreProcessingTimeMs: 1,
  eventsProcessedAfterRestart: 5,
  bufferedEvents: 0,
  partitionsCached: 1,
  readsInProgress: 0,
  writesInProgress: 0,
  writePendingEventsBeforeCheckpoint: 0,
  writePendingEventsAfterCheckpoint: 0,
  resultStreamName: undefined,
  eventsPerSecond: 2,
  lagEvents: undefined,
  lagMs: 0,
  runAs: "anna",
};

function shown(changes: Partial<ProjectionStatistics>) {
  return JSON.parse(
    statisticsDocument({ ...STATISTICS, ...changes }, "http://h"),
  );
}

Deno.test("the place of a source is written as the original does", () => {
  const table: [ProjectionStatistics["position"], string][] = [
    [undefined, ""],
    ["completed", "Phase: 1 (completed)"],
    [{ streams: [["s", 4]] }, "s: 4"],
    [{ streams: [["b", 4], ["a", -1]] }, "b: 4; a: -1; "],
    [{ log: { commit: 9, prepare: 8 } }, "C:9/P:8"],
    [
      { log: { commit: 9, prepare: 8 }, streams: [["t", 2]] },
      "C:9/P:8; t: 2; ",
    ],
  ];
  for (const [position, text] of table) {
    assertEquals(shown({ position }).position, text);
  }
});

Deno.test("a projection that was never prepared has no checkpoint", () => {
  const document = shown({ position: undefined, lastCheckpoint: undefined });
  assertEquals("lastCheckpoint" in document, false);
  assertEquals("checkpointStatus" in document, false);
  assertEquals(shown({}).lastCheckpoint, "s: -1");
});

Deno.test("rates and shares have a decimal, and addresses escape what they must", () => {
  const text = statisticsDocument(STATISTICS, "http://h");
  assertEquals(text.includes('"progress": 100.0,'), true, text);
  assertEquals(text.includes('"eventsPerSecond": 2.0,'), true, text);
  assertEquals(
    JSON.parse(text).queryUrl,
    "http://h/projection/a%20b%252F$x/query%3Fconfig=yes",
  );
  const { resultStreamUrl } = shown({ resultStreamName: "$r s" });
  assertEquals(resultStreamUrl, "http://h/streams/$r%20s");
});

Deno.test("lists hold what the single documents hold", () => {
  assertEquals(JSON.parse(statisticsListDocument([])), {
    projections: [],
  });
  assertEquals(
    JSON.parse(
      statisticsListDocument(
        [STATISTICS, STATISTICS].map((statistics) =>
          statisticsMembers(statistics, "http://h")
        ),
      ),
    ),
    { projections: [shown({}), shown({})] },
  );
});

Deno.test("positions keep the order of streams, whatever their names", () => {
  const position: SourcePosition = {
    log: { commit: 2, prepare: 1 },
    streams: [["b", 1], ["1", 2], ["__proto__", 3], ['"', 4]],
  };
  assertEquals(
    positionText(position),
    '{"$c":2,"$p":1,"$s":{"b":1,"1":2,"__proto__":3,"\\"":4}}',
  );
});

Deno.test("a position in a header is ASCII, and reads as the same JSON", () => {
  const name = "ü 型 \u007f\u{1f600}\r\nX: y";
  const header = positionHeader({ streams: [[name, 0]] });
  assertEquals(/^[\x20-\x7e]*$/.test(header), true, header);
  assertEquals(JSON.parse(header), { $s: { [name]: 0 } });
});

Deno.test("what is false or 0 is left out of configurations and queries", () => {
  const config = {
    emitEnabled: false,
    trackEmittedStreams: false,
    checkpointAfterMs: 0,
    checkpointHandledThreshold: 4000,
    checkpointUnhandledBytesThreshold: 0,
    pendingEventsThreshold: 5000,
    maxWriteBatchLength: 500,
    maxAllowedWritesInFlight: 0,
  };
  assertEquals(Object.keys(JSON.parse(configDocument(config))), [
    "msgTypeId",
    "checkpointHandledThreshold",
    "pendingEventsThreshold",
    "maxWriteBatchLength",
  ]);
  const query = queryDocument({
    name: "n",
    query: "x",
    emitEnabled: false,
    definition: undefined,
    resultStreamName: "",
  });
  assertEquals(JSON.parse(query), {
    msgTypeId: 293,
    name: "n",
    query: "x",
    outputConfig: { resultStreamName: "" },
  });
});

Deno.test("data is an object where it is one, else a text", () => {
  const event = {
    streamName: "s",
    eventNumber: 0,
    eventType: "t",
    isJson: true,
    metadata: "",
    position: { streams: [["s", 0]] },
  } as const;
  const of = (changes: object) =>
    JSON.parse(sourceDocument({
      position: event.position,
      events: [{ ...event, data: "", ...changes }],
    }, "id")).events[0];
  assertEquals(of({ data: ' {"n":1e400}' }).data, { n: Infinity });
  assertEquals(of({ data: "[1]" }).data, "[1]");
  assertEquals(of({ data: "{broken" }).data, "{broken");
  assertEquals(of({ data: "{}", isJson: false }).data, "{}");
  assertEquals("metadata" in of({ data: "{}" }), false);
  assertEquals(of({ data: "x", isJson: false }).metadata, "");
  assertEquals(of({ metadata: '{"m":1}' }).metadata, { m: 1 });
  assertEquals("eventNumber" in of({}), false);
  assertEquals(of({ eventNumber: 3 }).eventNumber, 3);
});

Deno.test("lines of the log have their time, and their event if there is one", () => {
  const document = logDocument([
    { atMs: 0, event: "", text: "a" },
    { atMs: 1, event: "0@s", text: "b" },
  ]);
  assertEquals(JSON.parse(document), {
    lines: [
      { time: "1970-01-01T00:00:00.000Z", text: "a" },
      { time: "1970-01-01T00:00:00.001Z", event: "0@s", text: "b" },
    ],
  });
});
