/**
 * Failovers: ten rounds of every fault, and what must never be acknowledged.
 * `deno task failover` runs more rounds.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { migrate } from "../../storage/postgres/migrate.ts";
import type { OpenPostgresOptions } from "../../storage/postgres/open_postgres.ts";
import { appendNumbers } from "../contract/store_steps.ts";
import { plantBug, withOwner } from "../support/postgres_owner.ts";
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
    await withOwner(
      cluster.primaryUrl,
      (owner) =>
        owner.run("alter database quipu set synchronous_commit = 'local'"),
    );
    await using store = await open(cluster);
    await appendNumbers(store, "s", [1]);
    cluster.pauseStandbys(true);
    const append = appendNumbers(store, "s", [2]);
    assertEquals(await orNothing(append), "no answer");
    cluster.pauseStandbys(false);
    assertEquals((await append).kind === "conflict", false);
    // Without synchronous_commit, or with one that ends with the function, the
    // answer comes at once.
    const set = "perform set_config('synchronous_commit', 'on', true)";
    const clause = "SET search_path TO 'pg_catalog'";
    for (
      const [number, ...bug] of [
        [3, set, "perform 1"],
        [4, clause, `${clause} SET synchronous_commit TO 'on'`],
      ] as const
    ) {
      await plantBug(cluster.primaryUrl, "append_v1", bug);
      await using careless = await open(cluster, {
        address: parseDatabaseUrl(cluster.primaryUrl),
        consistency: "primary",
        mayBeLocal: true,
      });
      cluster.pauseStandbys(true);
      const { kind } = await appendNumbers(careless, "s", [number]);
      assertEquals(kind, "appended");
      cluster.pauseStandbys(false);
    }
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
  await withOwner(
    cluster.primaryUrl,
    (owner) =>
      migrate(owner, { schema: "quipu", role: undefined, isNew: true }),
  );
}

function open(
  cluster: Cluster,
  changes: Partial<OpenPostgresOptions> = {},
): Promise<EventStore> {
  return openPostgresAt(cluster.url, { mayBeLocal: false, ...changes });
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
