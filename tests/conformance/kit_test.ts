import { assert, assertEquals, assertRejects } from "@std/assert";
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
