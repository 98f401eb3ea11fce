/**
 * The store's source with a few words changed: a store with a bug, made for
 * one test and nowhere else.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, toFileUrl } from "@std/path";
import type { OpenStoreOn } from "./life.ts";

const STORAGE = fromFileUrl(new URL("../../storage/", import.meta.url));
const LIB = new URL("../../lib/", import.meta.url).href;

/** Words of a source file, found exactly once, and what stands there instead. */
export interface Patch {
  /** Path in `storage/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A patched store. Disposing of it deletes its files. */
export interface PatchedStore extends AsyncDisposable {
  readonly openStoreOn: OpenStoreOn;
  /** Loads another module of it, by its path in `storage/`. */
  load<Module>(file: string): Promise<Module>;
}

/** Copies the store's source, patches it and loads it. */
export async function loadPatchedStore(
  patches: readonly Patch[],
): Promise<PatchedStore> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-patched-" });
  const remove = () => Deno.remove(directory, { recursive: true });
  try {
    const sources = await readSources();
    for (const { file, from, to } of patches) {
      const source = sources.get(file) ?? "";
      const count = source.split(from).length - 1;
      assertEquals(count, 1, `"${from}" is in ${file} once`);
      sources.set(file, source.replace(from, () => to));
    }
    for (const [file, source] of sources) {
      const path = join(directory, file);
      await Deno.mkdir(dirname(path), { recursive: true });
      // The model is shared: its errors are the same classes.
      await Deno.writeTextFile(
        path,
        source.replaceAll(/"(?:\.\.\/)+lib\//g, `"${LIB}`),
      );
    }
    const load = (file: string) =>
      import(toFileUrl(join(directory, file)).href);
    const { openStoreOn } = await load("mod.ts");
    return { openStoreOn, load, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function readSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  const read = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(join(STORAGE, folder))) {
      const file = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory) await read(file);
      else if (/\.ts$/.test(file) && !file.endsWith("_test.ts")) {
        sources.set(file, await Deno.readTextFile(join(STORAGE, file)));
      }
    }
  };
  await read("");
  return sources;
}
