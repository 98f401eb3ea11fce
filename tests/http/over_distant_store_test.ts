/**
 * All tests of this folder again, over a store that keeps no more of the port
 * than it promises.
 *
 * @module
 */

import { useDistantStores } from "../support/test_store.ts";

/** Tests of what only a store of files does; they open one themselves. */
const OF_FILES = ["admin"];

useDistantStores();
await importTests(new URL("./", import.meta.url));

async function importTests(directory: URL): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) {
      if (OF_FILES.includes(name)) continue;
      await importTests(new URL(`${name}/`, directory));
    } else if (name.endsWith("_test.ts") && !import.meta.url.endsWith(name)) {
      await import(new URL(name, directory).href);
    }
  }
}
