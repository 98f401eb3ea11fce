/**
 * What an owner of a store in PostgreSQL can do to it in tests: look, cut
 * sessions, plant bugs, lose what was acknowledged.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { SYSTEM_TIMERS } from "../../lib/runtime/system_clock.ts";
import { parseDatabaseUrl } from "../../lib/store/database_url.ts";
import type { Connection } from "../../storage/postgres/driver.ts";
import { connectOwner } from "../../storage/postgres/migrate.ts";
import { verifyDatabase } from "../../storage/postgres/verify.ts";

/** Acts as the owner of the schema that a URL names. */
export async function withOwner<Result>(
  url: string,
  act: (owner: Connection, schema: string) => Promise<Result>,
): Promise<Result> {
  const address = parseDatabaseUrl(url);
  const owner = await connectOwner({
    address,
    password: undefined,
    timers: SYSTEM_TIMERS,
  });
  try {
    return await act(owner, address.schema);
  } finally {
    await owner.close();
  }
}

/** Asserts that a store's tables promise each other what they should. */
export async function assertVerified(url: string): Promise<void> {
  const { findings } = await withOwner(url, verifyDatabase);
  assertEquals(findings, []);
}

/** Ends all sessions of servers. */
export async function cutSessions(url: string): Promise<void> {
  await withOwner(url, (owner) =>
    owner.query(
      "select pg_terminate_backend(pid) from pg_stat_activity " +
        "where pid <> pg_backend_pid() and application_name = 'quipu'",
    ));
}

/** Puts something in the place of something, once each, in a function. */
export async function plantBug(
  url: string,
  name: string,
  ...bugs: readonly (readonly [good: string, bad: string])[]
): Promise<void> {
  await withOwner(url, async (owner, schema) => {
    const [row] = await owner.query(
      `select pg_get_functiondef('${schema}.${name}'::regproc)`,
    );
    let text = String(row?.[0]);
    for (const [good, bad] of bugs) {
      assert(text.includes(good), `The function has another text: ${good}`);
      text = text.replace(good, () => bad);
    }
    await owner.run(text);
  });
}

/**
 * Takes an event away, and has another instance answer from now on: as after a
 * failover to a standby that had not received it.
 */
export async function loseEvent(url: string, position: number): Promise<void> {
  await withOwner(url, async (owner, schema) => {
    await owner.run(
      `delete from ${schema}.events where position = ${position};` +
        `create or replace function ${schema}.about_v1(out store_id uuid, ` +
        "out schema_version integer, out in_recovery boolean, " +
        "out standby_names text, out timeline integer, out instance text) " +
        "language sql as $$ select store_id, schema_version, false, '', 2, " +
        `'another' from ${schema}.meta $$`,
    );
  });
}
