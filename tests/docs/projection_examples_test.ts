/**
 * The test of a projection that `docs/projections.md` shows: `quipu project`
 * over events from a file.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { runProgram } from "../support/program.ts";

const DOCUMENT = Deno.readTextFileSync(
  new URL("../../docs/projections.md", import.meta.url),
);

Deno.test("docs/projections.md: a query is tested by quipu project", async () => {
  const start = DOCUMENT.indexOf("## Testing\n");
  assert(start >= 0);
  const [, events, shown] = DOCUMENT.slice(start).match(
    /```json\n([^]*?)```\n[^]*?```text\n(\{[^]*?)```/,
  ) ?? [];
  const query = /cat > turnover\.js <<'EOF'\n([^]*?)EOF\n/.exec(DOCUMENT)?.[1];
  assert(events !== undefined && query !== undefined);
  const directory = await Deno.makeTempDir({ prefix: "quipu-project-" });
  try {
    const script = join(directory, "turnover.js");
    const file = join(directory, "events.ndjson");
    await Deno.writeTextFile(script, query);
    await Deno.writeTextFile(file, events);
    const ran = await runProgram(["project", script, "--events", file]);
    assertEquals(ran.exitCode, 0, ran.log);
    assertEquals(ran.output, shown);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
