import { assert, assertEquals, assertMatch } from "@std/assert";
import parseMetrics from "parse-prometheus-text-format";
import { gauge } from "../../lib/telemetry/metric.ts";
import { processFamilies } from "../../lib/telemetry/process_metrics.ts";
import {
  storeFamilies,
  StoreMetrics,
} from "../../lib/telemetry/store_metrics.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import {
  type LogFields,
  type LogLevel,
  SILENT_LOGGER,
} from "../../lib/model/logger.ts";
import {
  readDeviceSpace,
  readProcessUsage,
} from "../../lib/runtime/process.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import {
  openTestApp,
  TEST_LOGINS,
  type TestAnswer,
  type TestAppOptions,
} from "../support/test_app.ts";

const OPERATOR = { Authorization: TEST_LOGINS.ops };
const EVENT = {
  eventId: "11111111-1111-4111-8111-111111111111",
  eventType: "happened",
};

Deno.test("/metrics is what Prometheus' own linter takes", async () => {
  await using place = await openObserved();
  const { test } = place;
  await test.append("orders-1", [EVENT]);
  await test.get("/streams/orders-1", "application/atom+xml");
  await test.get("/streams/no-such-stream");
  await test.get("/no/such/route");
  const { status, headers, body } = await test.get("/metrics", "*/*", OPERATOR);
  assertEquals(status, 200);
  assertEquals(
    headers.get("Content-Type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
  const families = parseMetrics(body);
  for (const { name, help, type, metrics } of families) {
    assertMatch(name, /^(quipu|process)_[a-z0-9_]+$/);
    assert(help !== undefined && help.endsWith("."), name);
    assertEquals(type === "COUNTER", name.endsWith("_total"), name);
    assert(metrics.length > 0, name);
  }
  assertEquals(
    body.split("\n").filter((line) =>
      line.startsWith("quipu_cache_misses_total{")
    ).map((line) => line.split(" ")[0]),
    ["answers", "records", "index_blocks"].map((cache) =>
      `quipu_cache_misses_total{cache="${cache}"}`
    ),
  );
  const names = families.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  for (const wanted of WANTED) assert(names.includes(wanted), wanted);
  await lint(body);
});

Deno.test("requests are counted by route and status, never by path", async () => {
  await using place = await openObserved();
  const { test } = place;
  await test.append("a-secret-name", [EVENT]);
  // Answers that are known are counted like others.
  for (let count = 0; count < 4; count++) {
    await test.get("/streams/a-secret-name/0");
  }
  await test.get("/streams/another-name/7");
  await test.get("/no/such/route");
  await test.send("/streams/a-secret-name", { method: "OPTIONS" });
  const { body } = await test.get("/metrics", undefined, OPERATOR);
  assert(!/a-secret|another|such/.test(body));
  const counted = body.split("\n").filter((line) =>
    line.startsWith("quipu_http_requests_total{")
  );
  assertEquals(counted, [
    'quipu_http_requests_total{method="POST",route="/streams/{stream}",status="201"} 1',
    'quipu_http_requests_total{method="GET",route="/streams/{stream}/{event}",status="200"} 4',
    'quipu_http_requests_total{method="GET",route="/streams/{stream}/{event}",status="404"} 1',
    'quipu_http_requests_total{method="",route="none",status="200"} 1',
    'quipu_http_requests_total{method="",route="none",status="404"} 1',
  ]);
});

Deno.test("what is written is counted by batches, syncs and commits", async () => {
  await using place = await openObserved();
  const { test } = place;
  await test.append("orders-1", [EVENT]);
  const { body } = await test.get("/metrics", undefined, OPERATOR);
  const valueOf = (name: string) =>
    Number(new RegExp(`^${name} (.*)$`, "m").exec(body)?.[1]);
  assertEquals(valueOf("quipu_events_written_total"), 1);
  assertEquals(valueOf("quipu_commit_group_events_count"), 1);
  assertEquals(valueOf("quipu_sync_duration_seconds_count"), 1);
  assertEquals(valueOf("quipu_commit_duration_seconds_count"), 1);
  assertEquals(valueOf("quipu_streams"), 1);
  assert(valueOf("quipu_log_written_bytes_total") > 100);
});

Deno.test("/metrics is for operators, unless it is made public", async () => {
  await using closed = openTestApp();
  const login = { Authorization: TEST_LOGINS.user };
  assertEquals((await closed.get("/metrics")).status, 401);
  assertEquals((await closed.get("/metrics", undefined, login)).status, 401);
  assertEquals((await closed.get("/metrics", undefined, OPERATOR)).status, 200);
  await using open = openTestApp({
    app: { observation: { areMetricsPublic: true } },
  });
  assertEquals((await open.get("/metrics")).status, 200);
});

Deno.test("a node is ready unless it is read-only, stopping or too full", async () => {
  const state = { isStopping: false, reason: "", events: 0 };
  await using test = openTestApp({
    app: { observation: { isStopping: () => state.isStopping } },
    status: () => ({
      readOnlyReason: state.reason === "" ? undefined : state.reason,
      queue: {
        requests: 1,
        events: state.events,
        eventsMax: 100,
        bytes: 0,
        bytesMax: 100,
      },
    }),
  });
  const ready = await test.get("/health/ready");
  assertEquals([ready.status, JSON.parse(ready.body)], [200, { status: "ok" }]);
  state.isStopping = true;
  state.reason = "Cannot append: the disk is full";
  state.events = 90;
  const json = await test.get("/health/ready", "application/json");
  assertEquals(json.status, 503);
  assertEquals(JSON.parse(json.body), {
    status: "notReady",
    reasons: [
      { code: "stopping", reason: "The server is stopping" },
      { code: "readOnly", reason: "Cannot append: the disk is full" },
      { code: "queueFull", reason: "90 events wait to be written" },
    ],
  });
  const text = await test.get("/health/ready", "text/plain");
  assertEquals([text.status, text.body], [
    503,
    "not ready\nstopping: The server is stopping\n" +
    "readOnly: Cannot append: the disk is full\n" +
    "queueFull: 90 events wait to be written\n",
  ]);
  const alive = await test.get("/health/live", "text/plain");
  assertEquals([alive.status, alive.body], [200, "ok\n"]);
  assertEquals(alive.headers.get("Cache-Control"), "no-store");
});

Deno.test("operators read and change the level of the log", async () => {
  const log: { level: LogLevel } = { level: "info" };
  await using test = openTestApp({ app: { observation: { log } } });
  const change = (body: string, headers: Record<string, string> = OPERATOR) =>
    test.send("/admin/log-level", {
      headers: { "Content-Type": "application/json", ...headers },
      body,
    });
  assertEquals((await test.get("/admin/log-level")).status, 401);
  assertEquals((await change('{"level":"debug"}', {})).status, 401);
  assertEquals(log.level, "info");
  const changed = await change('{"level":"debug"}');
  assertEquals(JSON.parse(changed.body), { level: "debug" });
  assertEquals(log.level, "debug");
  for (const body of ['{"level":"loud"}', "{}", "[]", "no"]) {
    assertEquals((await change(body)).status, 400, body);
  }
  const read = await test.get("/admin/log-level", undefined, OPERATOR);
  assertEquals(JSON.parse(read.body), { level: "debug" });
});

Deno.test("an answer has the request's id where one came, or something failed", async () => {
  const id = (answer: TestAnswer) => answer.headers.get("X-Request-Id");
  const send = (path: string, sent?: string) =>
    test.get(
      path,
      undefined,
      sent === undefined ? {} : { "X-Request-Id": sent },
    );
  await using test = openTestApp();
  assertEquals(id(await send("/ping")), null);
  assertEquals(id(await send("/nowhere")), null);
  assertEquals(id(await send("/ping", "a-1.b:c/d=@+")), "a-1.b:c/d=@+");
  assertEquals(id(await send("/nowhere", "x")), "x");
  for (const bad of ["", "a b", "a\u00e9", '"', "x".repeat(129)]) {
    assertEquals(id(await send("/ping", bad)), null, bad);
  }
  await using naming = openTestApp({
    app: { observation: { namesRequests: true } },
  });
  assertMatch(id(await naming.get("/ping")) ?? "", /^[\da-f-]{36}$/);
});

Deno.test("what failed has the same id in answer, body and log", async () => {
  const lines: LogFields[] = [];
  await using test = openFailing(lines);
  const own = await test.get("/streams/s");
  assertEquals(own.status, 500);
  const id = own.headers.get("X-Request-Id") ?? "";
  assertMatch(id, /^[\da-f-]{36}$/);
  assert(own.body.includes(id));
  const sent = await test.get("/streams/s", undefined, {
    "X-Request-Id": "mine",
  });
  assert(sent.body.includes("mine"));
  assertEquals(sent.headers.get("X-Request-Id"), "mine");
  assertEquals(lines.map(({ requestId }) => requestId), [id, "mine"]);
});

Deno.test("slow requests are logged, at most one in five seconds", async () => {
  const lines: LogFields[] = [];
  await using test = openTestApp({
    logger: {
      ...SILENT_LOGGER,
      warn: (event, fields) => lines.push({ event, ...fields }),
    },
    app: { observation: { slowRequestMs: 0.000_001 } },
  });
  for (let count = 0; count < 3; count++) {
    await test.get("/ping?access_token=secret", undefined, {
      "X-Request-Id": "one",
    });
  }
  assertEquals(lines.map(({ durationMs: _, ...rest }) => rest), [{
    event: "request.slow",
    method: "GET",
    route: "/ping",
    path: "/ping",
    status: 200,
    requestId: "one",
    leftOut: undefined,
  }]);
});

/** Families that alerts and dashboards are made of. */
const WANTED = [
  "quipu_http_requests_total",
  "quipu_http_request_duration_seconds",
  "quipu_http_requests_in_flight",
  "quipu_long_polls",
  "quipu_live_feeds",
  "quipu_events_written_total",
  "quipu_log_written_bytes_total",
  "quipu_commit_group_requests",
  "quipu_commit_group_events",
  "quipu_commit_group_size_bytes",
  "quipu_sync_duration_seconds",
  "quipu_commit_duration_seconds",
  "quipu_read_only",
  "quipu_segments",
  "quipu_streams",
  "quipu_names_bytes",
  "quipu_names_limit_bytes",
  "quipu_append_queue_requests",
  "quipu_append_queue_events",
  "quipu_cache_hits_total",
  "quipu_cache_misses_total",
  "quipu_disk_free_bytes",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "quipu_build_info",
];

/** An app over a store in memory, with everything that the program shows. */
async function openObserved() {
  const clock = createTestClock();
  const newId = createTestIds();
  const storeMetrics = new StoreMetrics();
  const store = await openStore({
    directory: undefined,
    segmentSizeBytes: 1024 * 1024,
    clock,
    newEventId: newId,
    logger: SILENT_LOGGER,
    observer: storeMetrics,
  });
  const test = openTestApp({
    store,
    clock,
    app: {
      observation: {
        clock,
        storeMetrics,
        processUsage: readProcessUsage,
        metricSources: [
          () => storeMetrics.families(),
          () => storeFamilies(store),
          () =>
            processFamilies(readProcessUsage(), {
              device: readDeviceSpace("."),
              version: '0.0.0 "quoted"\\',
            }),
          () => [gauge("quipu_test", "One\\ of\ntwo.", 1 / 3)],
        ],
      },
    },
  });
  return {
    test,
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

/** An app whose streams cannot be read. */
function openFailing(lines: LogFields[]) {
  const options: TestAppOptions = {
    logger: {
      ...SILENT_LOGGER,
      error: (_event, fields) => lines.push(fields ?? {}),
    },
  };
  const test = openTestApp(options);
  const damaged = () =>
    Promise.reject(new QuipuError("corruptRecord", "Cannot read a record"));
  Object.assign(test.store, { readState: damaged, readStream: damaged });
  return test;
}

/** Asks `promtool`, where there is one; CI has none. */
async function lint(metrics: string): Promise<void> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const output = child.output();
  await new Response(metrics).body?.pipeTo(child.stdin);
  const { success, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stdout) + decoder.decode(stderr));
  assertEquals(decoder.decode(stderr), "");
}
