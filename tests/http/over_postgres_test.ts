/**
 * All tests of this folder again, over a store in PostgreSQL.
 *
 * @module
 */

import { importTests } from "../support/import_tests.ts";
import { createLateStore } from "../support/late_store.ts";
import {
  openEmptyPostgres,
  testWithPostgres,
} from "../support/postgres_server.ts";
import { useStores } from "../support/test_store.ts";

/**
 * Tests of what only a store of files does, of stores that they make
 * themselves, and of bodies, names and documents in every combination, which
 * take hundreds of stores to test what is above the port.
 */
const LEFT_OUT = [
  "admin",
  "shared_store_test.ts",
  "own_store_test.ts",
  "bodies_test.ts",
  "injection_test.ts",
  "links_lead_back_test.ts",
  "openapi_test.ts",
];

await testWithPostgres("the interface", async () => {
  useStores((options) =>
    createLateStore(openEmptyPostgres(options), {
      positions: "opaque",
      ordinals: "gapless",
    })
  );
  await importTests(new URL("./", import.meta.url), LEFT_OUT);
});
