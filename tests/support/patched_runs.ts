/**
 * The source of runs with a few words changed: runs with a bug, made for one
 * test and nowhere else.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { fromFileUrl, join, toFileUrl } from "@std/path";
import type { openProjectionRuns } from "../../lib/projections/running/projection_runs.ts";

const RUNNING = new URL("../../lib/projections/running/", import.meta.url);

/** Words of a source file, found exactly once, and what stands there instead. */
export interface RunPatch {
  /** Name in `lib/projections/running/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Runs with a bug. Disposing of it deletes its files. */
export interface PatchedRuns extends AsyncDisposable {
  readonly openProjectionRuns: typeof openProjectionRuns;
}

/** Copies the source of runs, patches it and loads it. */
export async function loadPatchedRuns(patch: RunPatch): Promise<PatchedRuns> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-patched-" });
  const remove = () => Deno.remove(directory, { recursive: true });
  try {
    for await (const { name } of Deno.readDir(fromFileUrl(RUNNING))) {
      if (!name.endsWith(".ts") || name.endsWith("_test.ts")) continue;
      let source = await Deno.readTextFile(new URL(name, RUNNING));
      if (name === patch.file) {
        const count = source.split(patch.from).length - 1;
        assertEquals(count, 1, `"${patch.from}" is in ${name} once`);
        source = source.replace(patch.from, () => patch.to);
      }
      const whole = source.replaceAll(
        /"(\.\.\/[^"]+\.ts)"/g,
        (_, path) => JSON.stringify(new URL(path, RUNNING).href),
      );
      await Deno.writeTextFile(join(directory, name), whole);
    }
    const module = await import(
      toFileUrl(join(directory, "projection_runs.ts")).href
    );
    return {
      openProjectionRuns: module.openProjectionRuns,
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
