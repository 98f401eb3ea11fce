/**
 * `verify`, `repair` and `compact` from outside, and `/admin/verify` of a
 * running server.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram, startServer } from "../support/program.ts";
import { createStoreDirectory, flipBit } from "../support/store_directory.ts";

const ADMIN = { Authorization: "Basic " + btoa("admin:changeit") };

Deno.test("verify, repair and compact from outside", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  const args = [`--db=${directory.path}`];

  const clean = await runProgram(["verify", ...args]);
  assertEquals([clean.exitCode, clean.log], [0, ""]);
  assertStringIncludes(clean.output, "Checked 40 events in");
  assertStringIncludes(clean.output, "Nothing is damaged");
  for (const options of [[], ["--yes"]]) {
    const none = await runProgram(["repair", ...options, ...args]);
    assertEquals([none.exitCode, none.output, none.log], [
      0,
      "Nothing needs repair\n",
      "",
    ]);
  }

  flipBit(directory.segmentPath(1), 70);
  const found = await runProgram(["verify", "--deep", "--json", ...args]);
  assertEquals(found.exitCode, 3);
  const report = JSON.parse(found.output);
  assertEquals([report.isClean, report.damageCount], [false, 1]);
  assertEquals(report.findings[0].file, "segments/00000001.g1.seg");
  const shown = await runProgram(["verify", ...args]);
  assertEquals(shown.exitCode, 3);
  assertStringIncludes(
    shown.output,
    "damage (record): segments/00000001.g1.seg, offset 64, position ",
  );

  const plan = await runProgram(["repair", ...args]);
  assertEquals([plan.exitCode, plan.log], [3, ""]);
  assertStringIncludes(plan.output, "isolate segments/00000001.g1.seg");
  assertStringIncludes(plan.output, "lost: event ");
  assertStringIncludes(plan.output, "quipu repair --yes does it");
  assertEquals((await runProgram(["verify", ...args])).exitCode, 3);

  const done = await runProgram(["repair", "--yes", "--json", ...args]);
  assertEquals(done.exitCode, 0, done.output + done.log);
  assertEquals(JSON.parse(done.output).lostEventCount, 1);
  assertStringIncludes(done.log, "audit store.repaired directory=");
  const after = await runProgram(["verify", "--deep", ...args]);
  assertEquals(after.exitCode, 0, after.output);

  const compacted = await runProgram(["compact", "--json", ...args]);
  assertEquals(compacted.exitCode, 0, compacted.log);
  assert(JSON.parse(compacted.output).bytesAfter > 0);
  assertEquals((await directory.readNumbers()).length, 39);
});

Deno.test({
  name: "a result that cannot be printed is none",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using directory = await createStoreDirectory();
    await directory.append(1);
    for (const args of [["verify", `--db=${directory.path}`], ["version"]]) {
      const { exitCode, log } = await runProgram(args, {}, {
        outputFile: "/dev/full",
      });
      assertEquals(exitCode, 1);
      assert(/no space left on (the )?device/i.test(log), log);
    }
  },
});

Deno.test("commands on the directory of a running server are refused, and say how to ask it", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  const args = [`--db=${directory.path}`];
  await using server = await startServer(args);
  for (const command of ["verify", "repair", "compact"]) {
    const { exitCode, log } = await runProgram([command, ...args]);
    assertEquals(exitCode, 1);
    assertStringIncludes(log, `in use by process ${server.processId}`);
    assertStringIncludes(log, "stop it first");
    if (command === "verify") assertStringIncludes(log, "POST /admin/verify");
  }
  const ask = async (method: string, path = "/admin/verify") => {
    const response = await fetch(server.url + path, { method, headers: ADMIN });
    return { status: response.status, json: await response.json() };
  };
  assertEquals((await ask("GET")).json, { job: "verify", state: "none" });
  for (const query of ["", "?deep=true"]) {
    assertEquals((await ask("POST", `/admin/verify${query}`)).status, 202);
    let { json } = await ask("GET");
    while (json.state === "running") ({ json } = await ask("GET"));
    assertEquals(json.state, "done");
    assertEquals(json.result.findings, []);
    assertEquals(json.result.isDeep, query !== "");
  }
  const stranger = await fetch(`${server.url}/admin/verify`);
  assertEquals(stranger.status, 401);
  await stranger.body?.cancel();
});

Deno.test("verify of what is no store is refused", async () => {
  await using directory = await createStoreDirectory();
  const { exitCode, log } = await runProgram([
    "verify",
    `--db=${directory.path}`,
  ]);
  assertEquals(exitCode, 1);
  assertStringIncludes(log, "it holds no store to read");
});
