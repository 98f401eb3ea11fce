/**
 * The README's tour: every command in it runs against a new server, and what
 * it shows is what comes. A block of commands (`sh`) may be followed by one of
 * their output (`text`), in which a `…` stands for whatever is left out.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { runCurl } from "./support/curl.ts";
import { startServer } from "./support/program.ts";
import { parseScript } from "./support/shell_script.ts";
import {
  describeDifference,
  idsIn,
  matches,
  readShownSteps,
  settle,
  type ShownStep,
} from "./support/shown_output.ts";

/** The server of the README. */
const SHOWN_ORIGIN = "http://127.0.0.1:2113";

Deno.test("the README's tour is as it says", async (t) => {
  const directory = await Deno.makeTempDir();
  try {
    await using server = await startServer([`--db=${directory}`]);
    const steps = readTour();
    assert(steps.length > 20, "the tour is found");
    const commands = steps.map((step) => step.script).join("\n");
    const files = new Map<string, string>();
    const heardOf = idsIn(commands);
    for (const { heading, script, output } of steps) {
      await t.step(`${heading}: ${lastLineOf(script)}`, async () => {
        const actual = await run(script, { files, url: server.url });
        if (output === undefined) return;
        const shown = settle(output, heardOf);
        const came = settle(
          actual.replaceAll(server.url, SHOWN_ORIGIN),
          heardOf,
        );
        assert(matches(shown, came), describeDifference(shown, came));
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("output matches only what is shown of it", () => {
  const output = "one\ntwo\nthree two\n";
  for (
    const shown of ["one\n…", "…\nthree two", "…two\nthr… two", "one\n…two"]
  ) {
    assertEquals([shown, matches(shown, output)], [shown, true]);
  }
  for (const shown of ["one", "two\n…", "…\ntwo", "one\n…\nfour", "…three"]) {
    assertEquals([shown, matches(shown, output)], [shown, false]);
  }
});

function readTour(): ShownStep[] {
  const readme = Deno.readTextFileSync(
    new URL("../README.md", import.meta.url),
  );
  const tour = /^## Tour\n([^]*?)^## /m.exec(readme)?.[1] ?? "";
  return readShownSteps(tour, "###");
}

async function run(
  script: string,
  surroundings: { files: Map<string, string>; url: string },
): Promise<string> {
  const { files, url } = surroundings;
  let output = "";
  for (const statement of parseScript(script)) {
    if (statement.kind === "file") {
      files.set(statement.name, statement.text);
      continue;
    }
    assertEquals(statement.words[0], "curl");
    output += await runCurl(statement.words, {
      readFile(name) {
        const text = files.get(name);
        assert(text !== undefined, `No file ${name}`);
        return text;
      },
      originOf(origin) {
        assertEquals(origin, SHOWN_ORIGIN);
        return url;
      },
    });
  }
  return output;
}

function lastLineOf(script: string): string {
  const line = script.split("\n").at(-1) ?? "";
  return line.replace(/ -H "Content-Type:[^"]*"/, "");
}
