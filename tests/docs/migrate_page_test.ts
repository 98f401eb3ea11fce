/**
 * The evening of `docs/migrate.md`: its commands, in their order, between the
 * stand-in of an Event Store and servers of ours.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { generatedStore } from "../../bench/migrate/generated_store.ts";
import {
  serveStandIn,
  STAND_IN_DOCUMENTS,
} from "../support/event_store_server.ts";
import { runProgram, startServer } from "../support/program.ts";
import { readDocument } from "./blocks.ts";
import { parseScript } from "./shell_script.ts";
import { describeDifference, matches, readShownSteps } from "./shown_output.ts";

const OLD = "http://old:2113";
const NEW = "http://127.0.0.1:2113";

Deno.test("docs/migrate.md is as it says", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "quipu-guide-" });
  await using resources = new AsyncDisposableStack();
  resources.defer(() => Deno.remove(directory, { recursive: true }));
  for (const name of ["old-password", "password"]) {
    await Deno.writeTextFile(join(directory, name), "changeit\n");
  }
  const source = resources.use(
    await serveStandIn({
      ...generatedStore(50),
      documents: STAND_IN_DOCUMENTS,
    }),
  );
  // What is sent back goes to a server that takes appends.
  const target = resources.use(
    await startServer(["--db=old"], {}, 0, { directory }),
  );
  let newUrl = "";
  const steps = readShownSteps(readDocument("docs/migrate.md"));
  assertEquals(steps.length, 5);
  for (const { script, output } of steps) {
    await t.step(script.slice(0, 60), async () => {
      for (const statement of parseScript(script)) {
        assert(statement.kind === "command");
        const [command, ...args] = statement.words;
        if (command === "systemctl") {
          const server = await startServer(["--db=data"], {}, 0, { directory });
          newUrl = resources.use(server).url;
          continue;
        }
        assertEquals(command, "quipu");
        const old = args.includes("--plain") ? target.url : source.url;
        const actual = args.map((argument) =>
          argument.replace(OLD, old).replace(NEW, newUrl)
        );
        const end = await runProgram(actual, {}, { directory });
        assertEquals(end.exitCode, 0, end.log + end.output);
        const shown = output ?? "";
        assert(
          matches(shown, end.output),
          describeDifference(shown, end.output),
        );
      }
    });
  }
});
