/**
 * Two servers over one store in PostgreSQL, from outside: commands make the
 * store, each server names the other, and a subscription that one runs is
 * answered by both, and goes to the other when its server dies.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  freePort,
  sharedPostgres,
  testWithPostgres,
} from "../support/postgres_server.ts";
import {
  type RunningServer,
  runProgram,
  startServer,
} from "../support/program.ts";

const ADMIN = { Authorization: `Basic ${btoa("admin:changeit")}` };
const EVENTS = "application/vnd.eventstore.events+json";
const COMPETING = "application/vnd.eventstore.competingatom+json";

await testWithPostgres("servers", () => {
  Deno.test("two servers share a store, and a subscription moves when its server dies", async () => {
    const url = `${sharedPostgres().url}?schema=shared`;
    const made = await runProgram(["postgres", "init", `--db=${url}`]);
    assertEquals([made.exitCode, made.output], [
      0,
      'Made a store in schema "shared", version 1\n',
    ]);
    const again = await runProgram(["postgres", "init", `--db=${url}`]);
    assertEquals([again.exitCode, again.output], [
      0,
      'Schema "shared" has version 1 already\n',
    ]);
    const refused = await runProgram([
      ...["postgres", "init", `--db=${url}`, "--role=nobody"],
    ]);
    assertEquals([refused.exitCode, refused.log], [
      1,
      'quipu: The database refuses: role "nobody" does not exist\n',
    ]);
    const status = await runProgram(["postgres", "status", `--db=${url}`]);
    assertEquals(status.exitCode, 0);

    await using one = await startShared(url);
    await using other = await startShared(url);
    await until(async () => (await membersOf(one)).length === 2);
    assertEquals(
      (await membersOf(one)).map(({ externalHttpPort }) => externalHttpPort)
        .sort(),
      [one, other].map((server) => Number(new URL(server.url).port)).sort(),
    );
    const metrics = await fetch(`${other.url}/metrics`, { headers: ADMIN });
    assertStringIncludes(await metrics.text(), "\nquipu_servers 2\n");

    const created = await fetch(`${one.url}/subscriptions/s/group`, {
      method: "PUT",
      headers: { ...ADMIN, "Content-Type": "application/json" },
      body: "{}",
    });
    await created.body?.cancel();
    assertEquals(created.status, 201);
    await append(other, 1);
    // Whoever runs it, each server answers for it.
    const asked = [await messageOf(one), await messageOf(other)];
    assertEquals(asked.filter((number) => number === 0).length, 1);
    await append(one, 2);
    await keepsTheStoreWell(one);
    one.kill("SIGKILL");
    await one.end;
    await until(async () => await messageOf(other) !== undefined);

    const verified = await runProgram(["verify", `--db=${url}`]);
    assertEquals(verified.exitCode, 0, verified.output);
    const exported = await runProgram(["export", `--db=${url}`]);
    assertEquals(exported.output.trimEnd().split("\n").length, 4);
    const scavenged = await runProgram(["scavenge", `--db=${url}`]);
    assertEquals(scavenged.exitCode, 0, scavenged.log);
    const backedUp = await runProgram(["backup", `--db=${url}`, "nowhere"]);
    assertEquals(backedUp.exitCode, 2);
    assertStringIncludes(backedUp.log, "use the tools of PostgreSQL");
  });

  Deno.test("two servers answer alike for a projection that one of them runs", async () => {
    const url = `${sharedPostgres().url}?schema=projected`;
    await runProgram(["postgres", "init", `--db=${url}`]);
    await using one = await startShared(url);
    await using other = await startShared(url);
    await until(async () => (await membersOf(other)).length === 2);
    const servers = [one, other];
    const query = `fromStream("s").when({
      $init: () => ({ count: 0 }),
      $any(state, event) {
        state.count++;
        log(event.sequenceNumber);
      },
    })`;
    const made = await ask(
      one,
      "/projections/continuous?name=p",
      "POST",
      query,
    );
    assertEquals(made.status, 201, made.text);
    await append(one, 1);
    for (const server of servers) {
      await until(async () => await stateOf(server) === '{"count":1}');
    }
    await append(other, 2);
    for (const server of servers) {
      await until(async () => await stateOf(server) === '{"count":2}');
      const statistics = (await ask(server, "/projection/p")).json();
      assertEquals(statistics.status, "Running");
      assertEquals(statistics.eventsProcessedAfterRestart, 2);
      assertEquals(statistics.position, "s: 1");
      assertEquals(statistics.stateUrl, `${server.url}/projection/p/state`);
      const { projections } = (await ask(server, "/projections/any")).json();
      const listed = projections.filter((item: { name: string }) =>
        item.name === "p"
      );
      assertEquals(
        listed.map((item: typeof statistics) => [item.position, item.stateUrl]),
        [["s: 1", statistics.stateUrl]],
      );
      const { lines } = (await ask(server, "/projection/p/log")).json();
      assertEquals(
        lines.map(({ text }: { text: string }) => text),
        ["0", "1"],
      );
      assertStringIncludes(await firstOfFeed(server, "p"), '"count":2');
    }
    // Each is right as soon as the other has answered.
    for (const [commanded, asked] of [[one, other], [other, one]] as const) {
      for (
        const [command, status] of [["disable", "Stopped"], [
          "enable",
          "Running",
        ]]
      ) {
        const done = await ask(
          commanded,
          `/projection/p/command/${command}`,
          "POST",
        );
        assertEquals(done.status, 200, done.text);
        const shown = (await ask(asked, "/projection/p")).json();
        assertStringIncludes(shown.status, status ?? "");
        assertEquals(
          (await ask(asked, "/projection/p/state")).text,
          '{"count":2}',
        );
      }
    }
  });

  Deno.test("a transient projection of one server is answered for by the other", async () => {
    const url = `${sharedPostgres().url}?schema=transient`;
    await runProgram(["postgres", "init", `--db=${url}`]);
    await using one = await startShared(url);
    await using other = await startShared(url);
    await until(async () => (await membersOf(other)).length === 2);
    await append(one, 1);
    const path = "/projections/transient?name=t";
    const query = "fromAll().when({ $init: () => ({}), $any: () => {} })";
    assertEquals((await ask(one, path, "POST", query)).status, 201);
    assertEquals((await ask(other, path, "POST", query)).status, 409);
    await until(async () => {
      const { status, text } = await ask(other, "/projection/t/state");
      assertEquals(status, 200, text);
      return text === "{}";
    });
    const { projections } = (await ask(other, "/projections/transient")).json();
    assertEquals(projections.map(({ name }: { name: string }) => name), ["t"]);

    // A session of one server's page counts on the other, with its forms.
    const session = await logIn(other);
    const page = await (await fetch(`${other.url}/projection/t`, {
      headers: { ...session, Accept: "text/html" },
    })).text();
    const sent = await fetch(`${other.url}/web/projection/t/command/disable`, {
      method: "POST",
      headers: { ...session, "Sec-Fetch-Site": "same-origin" },
      body: new URLSearchParams({ csrf: csrfIn(page) }),
      redirect: "manual",
    });
    assertEquals(sent.status, 303, await sent.text());
    assertEquals((await ask(other, "/projection/t")).status, 200);
    assertEquals((await ask(other, "/projection/t", "DELETE")).status, 200);
    for (const server of [one, other]) {
      assertEquals((await ask(server, "/projection/t")).status, 404);
    }
  });

  Deno.test("a URL with a password is refused, and does not show it", async () => {
    const { exitCode, log, output } = await runProgram([
      "serve",
      "--db=postgres://user:s3cret@127.0.0.1/quipu",
    ]);
    assertEquals(exitCode, 2);
    assertStringIncludes(log, "QUIPU_DB_PASSWORD");
    assert(!`${log}${output}`.includes("s3cret"));
  });
});

async function startShared(url: string): Promise<RunningServer> {
  const port = freePort();
  return await startServer(
    [
      `--db=${url}`,
      "--durability=local",
      `--advertise=http://127.0.0.1:${port}`,
    ],
    {},
    port,
  );
}

async function membersOf(
  { url }: RunningServer,
): Promise<{ readonly externalHttpPort: number }[]> {
  const response = await fetch(`${url}/gossip?format=json`);
  return (await response.json()).members;
}

async function append({ url }: RunningServer, number: number): Promise<void> {
  const response = await fetch(`${url}/streams/s`, {
    method: "POST",
    headers: { "Content-Type": EVENTS },
    body: JSON.stringify([{
      eventId: crypto.randomUUID(),
      eventType: "t",
      data: { number },
    }]),
  });
  await response.body?.cancel();
  assertEquals(response.status, 201);
}

async function ask(
  { url }: RunningServer,
  path: string,
  method = "GET",
  body?: string,
) {
  const response = await fetch(url + path, {
    method,
    headers: ADMIN,
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  return { status: response.status, text, json: () => JSON.parse(text) };
}

/** State of the projection `p`. */
async function stateOf(server: RunningServer): Promise<string> {
  const { status, text } = await ask(server, "/projection/p/state");
  assertEquals(status, 200, text);
  return text;
}

/** What the feed of a projection's state says first. */
async function firstOfFeed(
  { url }: RunningServer,
  name: string,
): Promise<string> {
  const stop = new AbortController();
  const response = await fetch(`${url}/projection/${name}/state`, {
    headers: { ...ADMIN, Accept: "text/event-stream" },
    signal: stop.signal,
  });
  let text = "";
  for await (const piece of response.body ?? []) {
    text += new TextDecoder().decode(piece);
    if (text.includes("\ndata:")) break;
  }
  stop.abort();
  return text;
}

/** The mark of the forms on a page. */
function csrfIn(page: string): string {
  return /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
}

/** Headers of a browser that has logged in. */
async function logIn({ url }: RunningServer): Promise<{ Cookie: string }> {
  const form = await (await fetch(`${url}/web/login`, {
    headers: { Accept: "text/html" },
  })).text();
  const response = await fetch(`${url}/web/login`, {
    method: "POST",
    body: new URLSearchParams({
      csrf: csrfIn(form),
      login: "admin",
      password: "changeit",
    }),
    redirect: "manual",
  });
  await response.body?.cancel();
  const [cookie = ""] = response.headers.getSetCookie();
  return { Cookie: cookie.slice(0, cookie.indexOf(";")) };
}

/** Verifies and scavenges over HTTP; backups are PostgreSQL's. */
async function keepsTheStoreWell(server: RunningServer): Promise<void> {
  const ended = async (path: string) => {
    let job: { state: string; error?: string; result?: unknown };
    do {
      job = (await ask(server, path)).json();
      await new Promise((resolve) => setTimeout(resolve, 50));
    } while (job.state === "running");
    assertEquals([job.state, job.error], ["done", undefined]);
    return job.result as { isClean?: boolean; eventCount?: number };
  };
  assertEquals((await ask(server, "/admin/verify", "POST")).status, 202);
  const verified = await ended("/admin/verify");
  assertEquals(verified.isClean, true);
  assert(verified.eventCount);
  assertEquals((await ask(server, "/admin/scavenge", "POST")).status, 200);
  await ended("/admin/scavenge/last");
  assertEquals((await ask(server, "/streams/$scavenges")).status, 200);
  const backup = await ask(server, "/admin/backup");
  assertEquals(backup.status, 501);
  assertStringIncludes(backup.text, "pg_basebackup");
}

/** Number of the event that a consumer is given; undefined: none. */
async function messageOf(
  { url }: RunningServer,
): Promise<number | undefined> {
  const response = await fetch(
    `${url}/subscriptions/s/group/1?embed=body`,
    { headers: { ...ADMIN, Accept: COMPETING } },
  );
  if (response.status !== 200) {
    await response.body?.cancel();
    return undefined;
  }
  const { entries } = await response.json();
  return entries[0]?.eventNumber;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!await isSo()) {
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
