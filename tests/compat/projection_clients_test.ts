/**
 * Clients of projections that know nothing of this server: every function of
 * `geteventstore-promise`, unmodified, and the requests that prooph's client and
 * the original's own pages send, against the running program.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { startServer } from "../support/program.ts";
import {
  ClientError,
  type PromiseClient,
  startClient,
} from "./promise_client.ts";

/** Counts what is in a stream. */
function counting(stream: string): string {
  return `fromStream('${stream}').when({
    $init: function () { return { count: 0 }; },
    $any: function (s, e) { s.count += 1; return s; }
  })`;
}

/** Counts by stream of a category. */
function countingEach(category: string): string {
  return `fromCategory('${category}').foreachStream().when({
    $init: function () { return { count: 0 }; },
    $any: function (s, e) { s.count += 1; return s; }
  }).transformBy(function (s) { return { total: s.count }; })`;
}

/** @param name Of a projection and a stream that no other trial uses. */
type Trial = (client: PromiseClient, name: string) => Promise<void>;

const TRIALS: Readonly<Record<string, Trial>> = {
  "assert() makes a projection, and then changes its query": async (
    client,
    name,
  ) => {
    const { projections } = client;
    await client.writeEvent(name, "Placed", {});
    const made = await projections.assert(name, counting(name));
    assertEquals(made.name, name);
    await untilStateIs(client, name, { count: 1 });
    const query = counting(name).replace("s.count += 1", "s.count += 10");
    assertEquals((await projections.assert(name, query)).name, name);
    await client.writeEvent(name, "Placed", {});
    await untilStateIs(client, name, { count: 11 });
  },

  "assert() makes one-time projections, which end": async (client, name) => {
    const { projections } = client;
    await client.writeEvent(name, "Placed", {});
    const arguments_ = ["onetime", true, true, true] as const;
    await projections.assert(name, counting(name), ...arguments_);
    await until(async () =>
      (await projections.getInfo(name)).status.startsWith("Completed")
    );
    assertEquals((await projections.getInfo(name)).mode, "OneTime");
    assertEquals(await projections.getState(name), { count: 1 });
  },

  "stop(), start() and reset()": async (client, name) => {
    const { projections } = client;
    await client.writeEvent(name, "Placed", {});
    await projections.assert(name, counting(name));
    await untilStateIs(client, name, { count: 1 });
    assertEquals((await projections.stop(name)).name, name);
    await untilStatusIs(client, name, "Stopped");
    await client.writeEvent(name, "Placed", {});
    assertEquals(await projections.getState(name), { count: 1 });
    assertEquals((await projections.start(name)).name, name);
    await untilStateIs(client, name, { count: 2 });
    assertEquals((await projections.reset(name)).name, name);
    await untilStateIs(client, name, { count: 2 });
    await untilStatusIs(client, name, "Running");
  },

  "getState() and getResult(), whole and by partition": async (
    client,
    name,
  ) => {
    const { projections } = client;
    await client.writeEvent(`${name}-1`, "Placed", {});
    await client.writeEvent(`${name}-2`, "Placed", {});
    await client.writeEvent(`${name}-2`, "Placed", {});
    await projections.assert(name, countingEach(name));
    const partition = `${name}-2`;
    await until(async () => {
      const state = await projections.getState(name, { partition });
      return JSON.stringify(state) === '{"count":2}';
    });
    assertEquals(await projections.getResult(name, { partition }), {
      total: 2,
    });
    // Nothing: the projection is partitioned.
    assertEquals(await projections.getState(name), "");
  },

  "config() and getInfo()": async (client, name) => {
    const { projections } = client;
    await projections.assert(name, counting(name));
    const config = await projections.config(name);
    assertEquals(
      [config.emitEnabled, config.trackEmittedStreams],
      [false, false],
    );
    assertEquals(config.checkpointHandledThreshold, 4000);
    const info = await projections.getInfo(name, true);
    assertEquals([info.name, info.mode], [name, "Continuous"]);
    assertEquals(info.config, config);
  },

  "assert() with emitted streams that are recorded": async (client, name) => {
    const { projections } = client;
    await client.writeEvent(name, "Placed", {});
    const query = `fromStream('${name}').when({
      Placed: function (s, e) { emit('${name}-out', 'Seen', {}); return s; }
    })`;
    const arguments_ = ["continuous", true, true, true, true] as const;
    await projections.assert(name, query, ...arguments_);
    await until(() => client.checkStreamExists(`${name}-out`));
    const [seen] = await client.getEvents(`${name}-out`);
    assertEquals(seen?.eventType, "Seen");
    const config = await projections.config(name);
    assertEquals([config.emitEnabled, config.trackEmittedStreams], [
      true,
      true,
    ]);
  },

  "remove() removes what is stopped": async (client, name) => {
    const { projections } = client;
    await projections.assert(name, counting(name));
    await assertRejects(() => projections.remove(name), ClientError);
    await projections.stop(name);
    await untilStatusIs(client, name, "Stopped");
    assertEquals((await projections.remove(name, true, true)).name, name);
    await until(async () =>
      (await projections.getInfo(name) as unknown) === undefined
    );
    for (const call of [projections.getState, projections.getResult]) {
      const error = await assertRejects(() => call(name), ClientError);
      assertEquals(error.status, 404);
    }
  },

  "disableAll() and enableAll(), those of the server too": async (client) => {
    const { projections } = client;
    const everyone = async () =>
      (await projections.getAllProjectionsInfo()).projections;
    const names = (await everyone()).map(({ name }) => name);
    assert(names.includes("$by_category"), names.join());
    const disabled = await projections.disableAll();
    assertEquals(disabled.map(({ name }) => name).sort(), names.sort());
    await until(async () =>
      (await everyone()).every(({ status }) => !status.startsWith("Running"))
    );
    const enabled = await projections.enableAll();
    assertEquals(enabled.map(({ name }) => name).sort(), names.sort());
    await until(async () =>
      (await everyone()).some(({ status }) => status === "Running")
    );
  },
};

Deno.test("every function of geteventstore-promise for projections", async (t) => {
  await using server = await startServer(["--mem-db"]);
  await using client = startClient(server.url);
  let trialCount = 0;
  for (const [name, trial] of Object.entries(TRIALS)) {
    const projection = `trial${trialCount++}`;
    await t.step(name, () => trial(client, projection));
  }
});

const LOGIN = { Authorization: "Basic " + btoa("admin:changeit") };

/** A request, and how it is answered. */
interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  /** Members that the answer has, with these values. */
  readonly has?: Readonly<Record<string, unknown>>;
}

const JSON_BODY = { "Content-Type": "application/json" };
const PAGE = {
  Accept: "application/json",
  "Content-Type": "application/json;charset=UTF-8",
};
const QUERY = counting("calls");

/** What prooph's client sends: flags as 0 and 1, no type of answer. */
const PROOPH: readonly Call[] = [
  {
    method: "POST",
    path: "/projections/continuous?name=prooph&type=JS&emit=1" +
      "&trackemittedstreams=0",
    headers: JSON_BODY,
    body: QUERY,
    status: 201,
    has: { name: "prooph" },
  },
  {
    method: "POST",
    path: "/projections/continuous?name=prooph2&type=JS&emit=1" +
      "&trackemittedstreams=1",
    headers: JSON_BODY,
    body: QUERY,
    status: 201,
  },
  {
    method: "POST",
    path: "/projections/onetime?type=JS",
    headers: JSON_BODY,
    body: QUERY,
    status: 201,
  },
  {
    method: "POST",
    path: "/projections/transient?name=proopht&type=JS",
    headers: JSON_BODY,
    body: QUERY,
    status: 201,
    has: { name: "proopht" },
  },
  {
    method: "GET",
    path: "/projection/proopht",
    status: 200,
    has: { name: "proopht", mode: "Transient", effectiveName: "proopht" },
  },
  { method: "GET", path: "/projections/any", status: 200 },
  { method: "GET", path: "/projections/continuous", status: 200 },
  { method: "GET", path: "/projections/onetime", status: 200 },
  ...["disable", "enable", "reset"].map((command): Call => ({
    method: "POST",
    path: `/projection/prooph/command/${command}`,
    headers: JSON_BODY,
    status: 200,
    has: { name: "prooph" },
  })),
  { method: "GET", path: "/projection/prooph/query", status: 200 },
  {
    method: "PUT",
    path: "/projection/prooph/query?emit=0",
    headers: JSON_BODY,
    body: QUERY,
    status: 200,
    has: { name: "prooph" },
  },
];

/** What the original's own pages send. */
const PAGES: readonly Call[] = [
  {
    method: "POST",
    path: "/projections/continuous?name=page&emit=no&checkpoints=yes" +
      "&enabled=yes&trackemittedstreams=no",
    headers: PAGE,
    body: QUERY,
    status: 201,
    has: { name: "page" },
  },
  {
    method: "POST",
    path: "/projections/transient?emit=no&checkpoints=no&enabled=no",
    headers: PAGE,
    body: QUERY,
    status: 201,
  },
  {
    method: "GET",
    path: "/projections/all-non-transient",
    headers: { Accept: "application/json" },
    status: 200,
  },
  {
    method: "GET",
    path: "/projection/page",
    headers: { Accept: "*/*" },
    status: 200,
    has: { name: "page", mode: "Continuous" },
  },
  ...["statistics", "state", "result", "query?config=yes"].map((
    part,
  ): Call => ({
    method: "GET",
    path: `/projection/page/${part}`,
    headers: { Accept: "application/json" },
    status: 200,
  })),
  {
    method: "PUT",
    path: "/projection/page/query?emit=no",
    headers: PAGE,
    body: QUERY,
    status: 200,
    has: { name: "page" },
  },
  ...["disable", "enable", "reset"].map((command): Call => ({
    method: "POST",
    path: `/projection/page/command/${command}`,
    headers: { Accept: "application/json" },
    status: 200,
    has: { name: "page" },
  })),
];

for (
  const [who, calls] of [
    ["prooph's client", PROOPH],
    ["the original's pages", PAGES],
  ] as const
) {
  Deno.test(`the requests of ${who} are answered as they were`, async (t) => {
    await using server = await startServer(["--mem-db"]);
    for (const { method, path, headers, body, status, has = {} } of calls) {
      await t.step(`${method} ${path}`, async () => {
        const response = await fetch(server.url + path, {
          method,
          headers: { ...LOGIN, ...headers },
          ...(body !== undefined && { body }),
        });
        const text = await response.text();
        assertEquals(response.status, status, text);
        for (const [name, value] of Object.entries(has)) {
          assertEquals(JSON.parse(text)[name], value);
        }
        if (status === 201) {
          const { name } = JSON.parse(text);
          assertEquals(
            response.headers.get("Location"),
            `${server.url}/projection/${name}`,
          );
        }
      });
    }
  });
}

async function untilStateIs(
  { projections }: PromiseClient,
  name: string,
  wanted: unknown,
): Promise<void> {
  await until(async () =>
    JSON.stringify(await projections.getState(name)) === JSON.stringify(wanted)
  );
}

async function untilStatusIs(
  { projections }: PromiseClient,
  name: string,
  wanted: string,
): Promise<void> {
  await until(async () => (await projections.getInfo(name)).status === wanted);
}

/** Tries for half a minute. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1500; attempt++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("It did not come about");
}
