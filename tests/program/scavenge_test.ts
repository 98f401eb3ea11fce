/**
 * `quipu scavenge` from outside, beside a server and without one.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram, startServer } from "../support/program.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

Deno.test("scavenge from outside gives back what a delete hides, once", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(80);
  {
    await using opened = await directory.open();
    const { streamName } = (await opened.store.readAll({
      from: 0,
      count: 1,
      direction: "forward",
      withBodies: false,
    })).events[0] ?? { streamName: "" };
    await opened.store.deleteStream({
      streamName,
      expectedVersion: "any",
      mode: "hard",
    });
  }
  const args = [`--db=${directory.path}`];
  const first = await runProgram(["scavenge", "--json", ...args]);
  assertEquals(first.exitCode, 0, first.log);
  const report = JSON.parse(first.output);
  assertEquals([report.removedCount, report.isComplete], [27, true]);
  assert(report.freedBytes > 0);
  const second = await runProgram(["scavenge", ...args]);
  assertEquals(second.exitCode, 0, second.log);
  assertStringIncludes(second.output, "Removed 0 events from 0 of ");
  const verified = await runProgram(["verify", "--deep", ...args]);
  assertEquals(verified.exitCode, 0, verified.output);
});

Deno.test("scavenge refuses a directory in use, naming what to do, and one without a store", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(1);
  const server = await startServer([`--db=${directory.path}`]);
  const locked = await runProgram(["scavenge", `--db=${directory.path}`]);
  assertEquals(locked.exitCode, 1);
  assertStringIncludes(locked.log, "POST /admin/scavenge");
  await server[Symbol.asyncDispose]();
  const nothing = await runProgram([
    "scavenge",
    `--db=${directory.path}/none`,
  ]);
  assertEquals(nothing.exitCode, 1);
  assertStringIncludes(nothing.log, "it holds no store");
  const inMemory = await runProgram(["scavenge", "--help"]);
  assertEquals(inMemory.exitCode, 0);
  assertStringIncludes(inMemory.output, "--json");
});
