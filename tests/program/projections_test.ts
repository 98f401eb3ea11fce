/**
 * Projections through the program: created over the socket, watched, kept over
 * a restart, and the option that says which of them run.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { newEventId } from "../../lib/runtime/event_ids.ts";
import { EventSourceReader } from "../support/event_source.ts";
import { startServer } from "../support/program.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

const ADMIN = { Authorization: `Basic ${btoa("admin:changeit")}` };
const QUERY = "fromStream('s').when({ $init() { return { n: 0 }; }, " +
  "e(state, event) { state.n += event.data.a; emit('out', 'seen', state); " +
  "return state; } })";

async function send(
  url: string,
  { body, method = body === undefined ? "GET" : "POST", accept = "*/*" }: {
    readonly body?: string;
    readonly method?: string;
    readonly accept?: string;
  } = {},
): Promise<Response> {
  return await fetch(url, {
    method,
    headers: { ...ADMIN, Accept: accept, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body }),
  });
}

async function append(url: string, number: number): Promise<void> {
  const response = await fetch(`${url}/streams/s`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "ES-EventType": "e",
      "ES-EventId": newEventId(),
    },
    body: JSON.stringify({ a: number }),
  });
  await response.body?.cancel();
  assertEquals(response.status, 201);
}

/** Watches a state until it is as expected. */
async function stateBecomes(url: string, expected: string): Promise<void> {
  const { body } = await send(url, { accept: "text/event-stream" });
  await using feed = new EventSourceReader(body);
  for (;;) {
    const sent = await feed.next();
    if (sent === undefined) throw new Error("The feed has ended");
    if (sent.data === expected) return;
  }
}

Deno.test("a projection follows its stream, and goes on after a restart", async () => {
  await using directory = await createStoreDirectory();
  const options = [`--db=${directory.path}`];
  {
    await using server = await startServer(options);
    const { url } = server;
    await append(url, 1);
    const created = await send(
      `${url}/projections/continuous?name=p&emit=yes`,
      { body: QUERY },
    );
    assertEquals(created.status, 201);
    await created.body?.cancel();
    await stateBecomes(`${url}/projection/p/state`, '{"n":1}');
    await append(url, 2);
    await stateBecomes(`${url}/projection/p/state`, '{"n":3}');
    server.kill("SIGTERM");
    const { exitCode, log } = await server.end;
    assertEquals(exitCode, 0);
    assertStringIncludes(log, "projection.started name=p version=0");
    assertStringIncludes(log, "projection.stopped name=p");
  }
  await using server = await startServer(options);
  const { url } = server;
  await append(url, 3);
  await stateBecomes(`${url}/projection/p/state`, '{"n":6}');
  const statistics = await (await send(`${url}/projection/p`)).json();
  const { status, version, eventsProcessedAfterRestart } = statistics;
  assertEquals([status, version, eventsProcessedAfterRestart], [
    "Running",
    0,
    1,
  ]);
  const emitted = await send(`${url}/streams/out/2`, {
    accept: "application/json",
  });
  assertEquals(await emitted.json(), { n: 6 });
});

Deno.test("--run-projections none has no projections, and system only those of the system", async () => {
  {
    await using server = await startServer([
      "--mem-db",
      "--run-projections=none",
    ]);
    const { url } = server;
    const list = await send(`${url}/projections/any`);
    await list.body?.cancel();
    assertEquals(list.status, 404);
    const info = await send(`${url}/info`);
    assertEquals((await info.json()).projectionsMode, "None");
  }
  await using server = await startServer([
    "--mem-db",
    "--run-projections=system",
    "--start-standard-projections",
  ]);
  const { url } = server;
  const created = await send(`${url}/projections/continuous?name=p`, {
    body: QUERY,
  });
  await created.body?.cancel();
  const list = await (await send(`${url}/projections/any`)).json();
  const statuses = list.projections.map((
    { name, status }: { name: string; status: string },
  ) => `${name} ${status}`);
  assertEquals(statuses, [
    "$streams Running",
    "$stream_by_category Running",
    "$by_category Running",
    "$by_event_type Running",
    "$by_correlation_id Stopped",
    "p Stopped",
  ]);
});
