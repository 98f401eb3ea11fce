/**
 * Runs the tests of a folder again in one file, over another store.
 *
 * @module
 */

/**
 * Imports every test file of a folder, and of those in it.
 *
 * @param leftOut Folders that are not, and files.
 */
export async function importTests(
  directory: URL,
  leftOut: readonly string[],
): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (leftOut.includes(name)) continue;
    if (isDirectory) {
      await importTests(new URL(`${name}/`, directory), leftOut);
    } else if (name.endsWith("_test.ts") && !name.startsWith("over_")) {
      await import(new URL(name, directory).href);
    }
  }
}
