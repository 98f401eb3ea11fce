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
    assertEquals(again.exitCode, 1);
    assertStringIncludes(again.log, "There is a store");
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
