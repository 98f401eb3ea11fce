/**
 * The pages that the original came with, from another origin that is named by
 * `--cors-origin`: each request that they send, in the order in which somebody
 * who uses all of them sends it. What a browser would look at is looked at: the
 * answer to its question beforehand, who may read the answer, which headers.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { startServer } from "../support/program.ts";

const ORIGIN = "http://pages.example";
const LOGIN = { Authorization: "Basic " + btoa("admin:changeit") };
/** Their scripts send it with every GET. */
const WAITING = { "ES-LongPoll": "5" };
const JSON_ALONE = { Accept: "application/json" };
const JSON_BODY = {
  ...JSON_ALONE,
  "Content-Type": "application/json;charset=UTF-8",
};

/** A request, and how it is answered. */
interface Call {
  readonly method: string;
  readonly path: string;
  /** Default: as most of them have it. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Default: 200. */
  readonly status?: number;
  /** What the answer, as JSON, has. */
  readonly has?: Readonly<Record<string, unknown>>;
  /** Headers that the page reads. */
  readonly reads?: readonly string[];
}

function get(path: string, more: Partial<Call> = {}): Call {
  return { method: "GET", path, ...more };
}

function post(path: string, more: Partial<Call> = {}): Call {
  return { method: "POST", path, ...more };
}

const COUNTING = `fromStream('pages-1').when({
  $init: function () { return { n: 0 }; },
  $any: function (s, e) { s.n += 1; return s; }
})`;

const GROUP_SETTINGS = {
  resolveLinktos: false,
  startFrom: 0,
  messageTimeoutMilliseconds: 10000,
  extraStatistics: false,
  maxRetryCount: 10,
  liveBufferSize: 500,
  bufferSize: 500,
  readBatchSize: 20,
  checkPointAfterMilliseconds: 1000,
  minCheckPointCount: 10,
  maxCheckPointCount: 500,
  maxSubscriberCount: 10,
  namedConsumerStrategy: "RoundRobin",
};

const THRESHOLDS = {
  emitEnabled: false,
  trackEmittedStreams: false,
  checkpointAfterMs: 0,
  checkpointHandledThreshold: 4000,
  checkpointUnhandledBytesThreshold: 10000000,
  pendingEventsThreshold: 5000,
  maxWriteBatchLength: 500,
};

const CALLS: Readonly<Record<string, readonly Call[]>> = {
  "logging in, and the dashboard": [
    get("/info", {
      headers: { Accept: "*/*" },
      has: { esVersion: "4.0.2.0" },
    }),
    get("/users/admin", { has: { success: true } }),
    get("/info/options"),
    get("/stats"),
    get("/stats/tcp"),
    get("/sys/subsystems"),
    get("/gossip"),
    get("/streams/$scavenges/head/1?embed=tryharder", { status: 404 }),
  ],
  "streams": [
    post("/streams/pages-1", {
      headers: {
        ...JSON_ALONE,
        "Content-Type": "application/vnd.eventstore.events+json",
      },
      body: [{
        eventId: "13389052-9052-9052-9052-179613389052",
        eventType: "Placed",
        data: { a: 1 },
        metadata: { m: 2 },
      }],
      status: 201,
      reads: ["Location"],
    }),
    get("/streams/$all/head/100?embed=rich", { has: { title: "All events" } }),
    get("/streams/$streams/head/50?embed=rich"),
    get("/streams/pages-1", { has: { streamId: "pages-1" } }),
    get("/streams/pages-1?embed=tryharder"),
    get("/streams/pages-1/head/backward/20?embed=tryharder"),
    get("/streams/%24all?embed=tryharder"),
    get("/streams/pages-1/0?embed=tryharder", {
      headers: { Accept: "application/vnd.eventstore.atom+json" },
      has: { summary: "Placed" },
    }),
    get("/streams/%24%24pages-1/head"),
    post("/streams/$$pages-1", {
      headers: {
        ...JSON_ALONE,
        "Content-Type": "application/json",
        "ES-EventType": "$metadata",
      },
      body: { $acl: { $r: "$admins" } },
      status: 201,
    }),
    get("/streams/%24%24pages-1/head", { has: { $acl: { $r: "$admins" } } }),
  ],
  "subscriptions": [
    {
      method: "PUT",
      path: "/subscriptions/pages-1/group",
      headers: { ...JSON_ALONE, "Content-Type": "application/json" },
      body: { checkpoints: 1000, ...GROUP_SETTINGS },
      status: 201,
      has: { result: "Success" },
    },
    get("/subscriptions"),
    get("/subscriptions/pages-1/group/info", { headers: { Accept: "*/*" } }),
    post("/subscriptions/pages-1/group", {
      headers: { ...JSON_ALONE, "Content-Type": "application/json" },
      body: { ...GROUP_SETTINGS, maxRetryCount: "7" },
      has: { result: "Success" },
      reads: ["Location"],
    }),
    get("/subscriptions/pages-1/group/info", {
      has: { groupName: "group", eventStreamId: "pages-1" },
    }),
    post("/subscriptions/pages-1/group/replayParked", {
      headers: { ...JSON_ALONE, "Content-Type": "application/json" },
      body: {},
    }),
    {
      method: "DELETE",
      path: "/subscriptions/pages-1/group",
      has: { result: "Success" },
    },
    get("/subscriptions/pages-1/group/info", {
      headers: { Accept: "*/*" },
      status: 404,
    }),
  ],
  "projections": [
    post(
      "/projections/continuous?name=page&emit=no&checkpoints=yes" +
        "&enabled=yes&trackemittedstreams=no",
      {
        headers: JSON_BODY,
        body: COUNTING,
        status: 201,
        has: { name: "page" },
        reads: ["Location"],
      },
    ),
    get("/projections/all-non-transient"),
    get("/projections/any"),
    get("/projection/page", {
      headers: { Accept: "*/*" },
      has: { name: "page", mode: "Continuous" },
    }),
    get("/projection/page/statistics"),
    get("/projection/page/query?config=yes", { has: { name: "page" } }),
    get("/projection/page/result"),
    get("/projection/page/state", { reads: ["ES-Position"] }),
    post("/projection/page/command/disable", { has: { name: "page" } }),
    post("/projections/read-events", {
      headers: JSON_BODY,
      body: {
        query: {
          allEvents: true,
          categories: [],
          events: [],
          streams: ["pages-1"],
          options: { definesFold: true },
        },
        position: { $s: { "pages-1": -1 } },
        maxEvents: 10,
      },
    }),
    {
      method: "PUT",
      path: "/projection/page/query?emit=no",
      headers: JSON_BODY,
      body: COUNTING,
      has: { name: "page" },
    },
    get("/projection/page/config"),
    {
      method: "PUT",
      path: "/projection/page/config",
      headers: { ...JSON_ALONE, "Content-Type": "application/json" },
      body: THRESHOLDS,
    },
    post("/projection/page/command/reset", { has: { name: "page" } }),
    post("/projection/page/command/enable", { has: { name: "page" } }),
    post("/projection/page/command/disable", { has: { name: "page" } }),
    {
      method: "DELETE",
      path: "/projection/page?deleteCheckpointStream=no" +
        "&deleteStateStream=no&deleteEmittedStreams=no",
    },
    post("/projections/transient?emit=no&checkpoints=no&enabled=no", {
      headers: JSON_BODY,
      body: COUNTING,
      status: 201,
      reads: ["Location"],
    }),
  ],
  "users": [
    get("/users/"),
    post("/users/", {
      headers: JSON_BODY,
      body: {
        loginName: "bob",
        fullName: "Bob",
        password: "secret 1",
        groups: ["$ops"],
      },
      status: 201,
    }),
    get("/users/bob", { has: { success: true } }),
    {
      method: "PUT",
      path: "/users/bob",
      headers: JSON_BODY,
      body: { fullName: "Bob B", groups: ["$ops"] },
    },
    post("/users/bob/command/reset-password", {
      headers: JSON_BODY,
      body: { newPassword: "secret 2" },
    }),
    post("/users/bob/command/disable"),
    post("/users/bob/command/enable"),
    { method: "DELETE", path: "/users/bob" },
  ],
  "the end": [
    { method: "DELETE", path: "/streams/pages-1", status: 204 },
    post("/admin/scavenge", { reads: ["Location"] }),
    post("/admin/shutdown"),
  ],
};

Deno.test("the original's pages work from an origin that is named", async (t) => {
  await using server = await startServer([
    "--mem-db",
    "--cors-origin",
    ORIGIN,
  ]);
  for (const [name, calls] of Object.entries(CALLS)) {
    await t.step(name, async () => {
      for (const call of calls) await send(server, call);
    });
  }
});

async function send(
  { url }: { readonly url: string },
  { method, path, headers = JSON_ALONE, body, status = 200, ...wanted }: Call,
): Promise<void> {
  const what = `${method} ${path}`;
  const sent = { ...LOGIN, ...headers, ...(method === "GET" && WAITING) };
  await askBefore(url + path, method, Object.keys(sent));
  const response = await fetch(url + path, {
    method,
    headers: { ...sent, "Origin": ORIGIN, "Sec-Fetch-Site": "cross-site" },
    ...(body !== undefined && {
      body: typeof body === "string" ? body : JSON.stringify(body),
    }),
  });
  const text = await response.text();
  assertEquals(response.status, status, `${what}: ${text.slice(0, 300)}`);
  assertEquals(response.headers.get("Access-Control-Allow-Origin"), ORIGIN);
  for (const [name, value] of Object.entries(wanted.has ?? {})) {
    assertEquals(
      JSON.parse(text)[name],
      value,
      `${what}: ${text.slice(0, 300)}`,
    );
  }
  const exposed = listOf(response, "Access-Control-Expose-Headers");
  for (const name of wanted.reads ?? []) {
    assert(exposed.includes(name.toLowerCase()), `${what}: ${name}`);
  }
}

/** The browser's question whether the request may be sent. */
async function askBefore(
  url: string,
  method: string,
  headers: readonly string[],
): Promise<void> {
  const answer = await fetch(url, {
    method: "OPTIONS",
    headers: {
      "Origin": ORIGIN,
      "Access-Control-Request-Method": method,
      "Access-Control-Request-Headers": headers.join(",").toLowerCase(),
    },
  });
  await answer.body?.cancel();
  assert(answer.ok, `OPTIONS ${url}: ${answer.status}`);
  assertEquals(answer.headers.get("Access-Control-Allow-Origin"), ORIGIN);
  const methods = listOf(answer, "Access-Control-Allow-Methods");
  assert(methods.includes(method.toLowerCase()), `OPTIONS ${url}: ${method}`);
  const allowed = listOf(answer, "Access-Control-Allow-Headers");
  for (const name of headers) {
    // Browsers do not ask for these.
    if (name === "Accept") continue;
    assert(allowed.includes(name.toLowerCase()), `OPTIONS ${url}: ${name}`);
  }
}

function listOf({ headers }: Response, name: string): readonly string[] {
  return (headers.get(name) ?? "").toLowerCase().split(",")
    .map((entry) => entry.trim());
}
