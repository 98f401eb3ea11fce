import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runProgram, startServer } from "../support/program.ts";
import { readDocument } from "../docs/blocks.ts";
import { readShownSteps } from "../docs/shown_output.ts";
import { openSocketTarget } from "./app_target.ts";
import { runKit } from "./kit.ts";

const ENTRY = "tests/conformance/main.ts";

Deno.test("the kit reports what the page shows of it", async () => {
  await using server = await startServer(["--mem-db"]);
  const [step] = readShownSteps(readDocument("docs/conformance.md"));
  const [command = "", ...args] = step?.script.replace("deno task ", "")
    .replace("http://127.0.0.1:2113", server.url).split(" ") ?? [];
  assertEquals(command, "conformance");
  const shown = await runProgram(args, {}, { entry: ENTRY });
  assertEquals(shown.output.trimEnd(), step?.output, shown.log);
  assertEquals(shown.exitCode, 0);
});

Deno.test("the kit finds a server that answers otherwise, and names the steps", async () => {
  await using target = await openSocketTarget();
  const url = `http://${target.authority}`;
  // Deviations are named by the page of differences.
  const [strict] = await runKit({ url, areas: ["links"], isStrict: true });
  assert(strict !== undefined && strict.counts.mismatch > 0);
  assertEquals(strict.wrong.length, strict.counts.mismatch);
  assert(strict.wrong.every((text) => text.includes("recorded")));
  await assertRejects(
    () => runKit({ url, areas: ["links", "everything"] }),
    RangeError,
    "everything",
  );
});

Deno.test("the kit without the address of a server says how it is used", async () => {
  const { exitCode, log } = await runProgram([], {}, { entry: ENTRY });
  assertEquals(exitCode, 2);
  assert(log.startsWith("Usage: conformance --url URL"));
});

Deno.test("the kit says in a line what keeps it from asking", async () => {
  const url = "http://127.0.0.1:1";
  const calls: readonly (readonly [string, readonly string[]])[] = [
    ["Unknown option '--frob'", ["--url", url, "--frob"]],
    ["Unexpected argument 'links'", ["--url", url, "links"]],
    ['There is no area "everything"', ["--url", url, "--area", "everything"]],
    ["connect ECONNREFUSED", ["--url", url, "--area", "links"]],
  ];
  for (const [reason, args] of calls) {
    const end = await runProgram(args, {}, { entry: ENTRY });
    assertEquals(end.exitCode, 2, reason);
    assertStringIncludes(end.log, reason);
    assert(!end.log.includes("    at "), end.log);
  }
});
