/**
 * Stores of the benches that are made beforehand, and those that are kept.
 *
 * @module
 */

import { join } from "@std/path";
import { PROJECT_ROOT } from "../project_root.ts";
import { grouped, print } from "../report.ts";
import type { FilledStore } from "./fill_store.ts";

/** The store of a directory, made if it is not there; it lies in `data`. */
export async function keepStore(
  directory: string,
  eventCount: number,
  streamCount: number,
): Promise<FilledStore> {
  const note = join(directory, "filled.json");
  await Deno.mkdir(directory, { recursive: true });
  try {
    const filled: FilledStore = JSON.parse(await Deno.readTextFile(note));
    const isWanted = filled.eventCount === eventCount &&
      filled.streamCount === streamCount;
    if (isWanted) return filled;
    throw new Error(`${directory} has a store of other sizes: delete it`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const filled = await fillStore(
    join(directory, "data"),
    eventCount,
    streamCount,
  );
  await Deno.writeTextFile(note, JSON.stringify(filled));
  print(
    `made ${grouped(eventCount)} events in ${grouped(streamCount)} streams, ` +
      `${Math.round(filled.end / 2 ** 20)} MiB, in ` +
      `${Math.round(filled.tookMs / 1000)} s`,
  );
  return filled;
}

/** Makes a store in a directory, in a process of its own. */
export async function fillStore(
  directory: string,
  eventCount: number,
  streamCount: number,
): Promise<FilledStore> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      join(PROJECT_ROOT, "bench", "stores", "fill_store.ts"),
      directory,
      String(eventCount),
      String(streamCount),
    ],
    cwd: PROJECT_ROOT,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("Cannot fill the store");
  return JSON.parse(new TextDecoder().decode(stdout));
}
