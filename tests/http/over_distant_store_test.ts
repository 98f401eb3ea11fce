/**
 * All tests of this folder again, over a store that keeps no more of the port
 * than it promises.
 *
 * @module
 */

import { importTests } from "../support/import_tests.ts";
import { useDistantStores } from "../support/test_store.ts";

/** Tests of what only a store of files does; they open one themselves. */
const OF_FILES = ["admin"];

useDistantStores();
await importTests(new URL("./", import.meta.url), OF_FILES);
