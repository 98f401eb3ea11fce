/**
 * Failovers: ten rounds of every fault, and what must never be acknowledged.
 * `deno task failover` runs more rounds.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { connectOwner, migrate } from "../../storage/postgres/migrate.ts";
import type { OpenPostgresOptions } from "../../storage/postgres/open_postgres.ts";
import { appendNumbers } from "../contract/store_steps.ts";
import {
  openPostgresAt,
  testWithPostgres,
} from "../support/postgres_server.ts";
import { withSeed } from "../support/random.ts";
import { Cluster } from "./cluster.ts";
import { runRounds } from "./rounds.ts";

/** Long enough for an answer that does not wait for standbys. */
const NO_ANSWER_MS = 1_500;

await testWithPostgres("failovers", () => {
  Deno.test("histories across failovers are linearizable, and nothing acknowledged is lost", async () => {
    await withSeed(async (random) => {
      const { eventCount } = await runRounds(10, random);
      assertGreater(eventCount, 300);
    });
  });

  Deno.test("nothing is acknowledged that no standby has", async () => {
    await using cluster = await Cluster.start();
    await makeStore(cluster);
    await using store = await open(cluster);
    await appendNumbers(store, "s", [1]);
    cluster.pauseStandbys(true);
    const append = appendNumbers(store, "s", [2]);
    assertEquals(await orNothing(append), "no answer");
    cluster.pauseStandbys(false);
    assertEquals((await append).kind === "conflict", false);
    // Caught if the function did not ask for it: without standbys to wait for
    // the answer comes at once.
    await using careless = await open(cluster, {
      address: parseDatabaseUrl(cluster.primaryUrl),
      consistency: "primary",
      mayBeLocal: true,
    });
    await plant(cluster, "append_v1", [
      /set_config\('synchronous_commit', 'on', true\)/,
      "set_config('synchronous_commit', 'local', true)",
    ]);
    cluster.pauseStandbys(true);
    assertEquals(await orNothing(appendNumbers(careless, "s", [3])), "answer");
    cluster.pauseStandbys(false);
  });

  Deno.test("what a primary has that was restarted in place is no duplicate before a standby has it", async () => {
    for (const hasBarrier of [true, false]) {
      await using cluster = await Cluster.start();
      await makeStore(cluster);
      await using store = await open(cluster);
      await appendNumbers(store, "s", [1]);
      cluster.pauseStandbys(true);
      const waiting = appendNumbers(store, "s", [2]).catch(() => undefined);
      assertEquals(await orNothing(waiting), "no answer");
      cluster.killPrimary();
      await cluster.startPrimary();
      const asked = openPostgresAt(cluster.primaryUrl, {
        mayBeLocal: !hasBarrier,
      });
      // Without the barrier it would be answered as written before.
      const answer = asked.then((again) =>
        again.readState("s").then(({ head }) => head)
      );
      assertEquals(
        await orNothing(answer.catch(() => undefined)),
        hasBarrier ? "no answer" : "answer",
      );
      cluster.pauseStandbys(false);
      await answer.catch(() => undefined);
      await waiting;
      await (await asked.catch(() => undefined))?.close();
    }
  });
});

async function makeStore(cluster: Cluster): Promise<void> {
  const owner = await connectOwner({
    address: parseDatabaseUrl(cluster.primaryUrl),
    password: undefined,
    timers: SYSTEM_TIMERS,
  });
  await migrate(owner, { schema: "quipu", role: undefined, isNew: true });
  await owner.close();
}

function open(
  cluster: Cluster,
  changes: Partial<OpenPostgresOptions> = {},
): Promise<EventStore> {
  return openPostgresAt(cluster.url, { mayBeLocal: false, ...changes });
}

/** Puts a bug into a function of the schema. */
async function plant(
  cluster: Cluster,
  name: string,
  [good, bad]: readonly [RegExp, string],
): Promise<void> {
  const owner = await connectOwner({
    address: parseDatabaseUrl(cluster.primaryUrl),
    password: undefined,
    timers: SYSTEM_TIMERS,
  });
  const [row] = await owner.query(
    `select pg_get_functiondef('quipu.${name}'::regproc)`,
  );
  const text = String(row?.[0]);
  const planted = text.replace(good, bad)
    .replace(/in \('off', 'local', 'remote_write'\)/, "<> 'local'");
  if (planted === text) throw new Error("Nothing was planted");
  await owner.run(planted);
  await owner.close();
}

/** Whether an answer comes in a while. */
async function orNothing(
  asked: Promise<unknown>,
): Promise<"answer" | "no answer"> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const nothing = new Promise<"no answer">((resolve) => {
    timer = setTimeout(() => resolve("no answer"), NO_ANSWER_MS);
  });
  const first = await Promise.race([
    asked.then(() => "answer" as const),
    nothing,
  ]);
  clearTimeout(timer);
  return first;
}
