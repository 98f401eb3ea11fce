/**
 * A selection of the tests of the interface, over PostgreSQL. It is named so
 * that it is run only when it is asked for: `over_postgres_test.ts` runs all.
 *
 * @module
 */

import { createLateStore } from "../support/late_store.ts";
import { openEmptyPostgres } from "../support/postgres_server.ts";
import { useStores } from "../support/test_store.ts";

useStores((options) =>
  createLateStore(openEmptyPostgres(options), {
    positions: "opaque",
    ordinals: "gapless",
  })
);
for (
  const name of [
    ...["appending", "expected_versions", "reading_events", "system_lists"],
    ...["filters_and_times", "live_feeds", "subscriptions"],
  ]
) {
  await import(new URL(`../http/${name}_test.ts`, import.meta.url).href);
}
