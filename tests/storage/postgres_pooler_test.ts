/**
 * A store behind pgbouncer in transaction mode: the contract of the port, two
 * servers, and a primary that changes behind its back.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { type Logger, SILENT_LOGGER } from "../../lib/model/logger.ts";
import { testEventStore } from "../contract/event_store_contract.ts";
import { appendNumbers, textsOf } from "../contract/store_steps.ts";
import { findPooler, type Pooler, startPooler } from "../support/pooler.ts";
import { loseEvent } from "../support/postgres_owner.ts";
import {
  createPostgresStore,
  openEmptyPostgres,
  openPostgresAt,
  sharedPostgres,
  testWithPostgres,
} from "../support/postgres_server.ts";

await testWithPostgres("a pooler", () => {
  if (findPooler() === undefined) {
    Deno.test({
      name: "a store behind a pooler: skipped, there is no pgbouncer here",
      ignore: true,
      fn() {},
    });
    return;
  }
  let pooler: Promise<Pooler> | undefined;
  const shared = () => pooler ??= startPooler(sharedPostgres());
  Deno.test.beforeAll(async () => void await shared());
  Deno.test.afterAll(async () => await (await shared())[Symbol.asyncDispose]());

  testEventStore("store behind a pooler", async () => {
    const { reach } = await shared();
    return openEmptyPostgres({}, reach);
  });

  Deno.test("a pooler is noticed, and others' commits are found by polling", async () => {
    const { reach } = await shared();
    const url = await createPostgresStore();
    const seen: unknown[] = [];
    const logger = loggerOf("postgres.connected", ({ pooler }) => {
      seen.push(pooler);
    });
    await using direct = await openPostgresAt(url, { logger });
    await using pooled = await openPostgresAt(reach(url), { logger });
    assertEquals(seen, [false, true]);
    const heard = Promise.withResolvers<string>();
    pooled.watch(([hint]) => heard.resolve(hint?.streamName ?? ""));
    await appendNumbers(direct, "s", [1]);
    assertEquals(await heard.promise, "s");
    await appendNumbers(pooled, "s", [2]);
    await direct.barrier();
    assertEquals(await textsOf(direct, "s"), ['{"n":1}', '{"n":2}']);
  });

  Deno.test("behind a pooler, too, history that the database lost is noticed", async () => {
    const { reach } = await shared();
    const url = await createPostgresStore();
    const lost = Promise.withResolvers<void>();
    const logger = loggerOf("postgres.history_lost", () => lost.resolve());
    await using store = await openPostgresAt(reach(url), { logger });
    await appendNumbers(store, "s", [1, 2]);
    await loseEvent(url, 1);
    await lost.promise;
    await assertRejects(
      () => appendNumbers(store, "s", [3]),
      QuipuError,
      "The database lost events",
    );
  });
});

/** A logger that listens to one event. */
function loggerOf(
  event: string,
  heard: (fields: Readonly<Record<string, unknown>>) => void,
): Logger {
  const take: Logger["info"] = (name, fields = {}) => {
    if (name === event) heard(fields);
  };
  return { ...SILENT_LOGGER, info: take, error: take };
}
