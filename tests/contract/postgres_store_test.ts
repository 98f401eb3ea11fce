/**
 * The contract of the port, held by a store in PostgreSQL.
 *
 * @module
 */

import {
  createPostgresStore,
  findPostgres,
  openPostgresAt,
} from "../support/postgres_server.ts";
import { testEventStore } from "./event_store_contract.ts";

if (findPostgres() === undefined) {
  Deno.test({
    name:
      "a store in PostgreSQL: skipped, no server of PostgreSQL is installed",
    ignore: true,
    fn() {},
  });
} else {
  testEventStore("store in PostgreSQL", async () => {
    return await openPostgresAt(await createPostgresStore());
  });
}
