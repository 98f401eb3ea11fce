/**
 * The contract of the port, held by a store in PostgreSQL.
 *
 * @module
 */

import {
  openEmptyPostgres,
  testWithPostgres,
} from "../support/postgres_server.ts";
import { testEventStore } from "./event_store_contract.ts";

await testWithPostgres("the port", () => {
  testEventStore("store in PostgreSQL", () => openEmptyPostgres());
});
