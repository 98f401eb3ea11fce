/**
 * Documents that lead through the server with `curl`: every command in them
 * runs against a new server, and what they show is what comes. A block of
 * commands (`sh`) may be followed by one of their output (`text`), in which a
 * `…` stands for whatever is left out.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { runCurl } from "./curl.ts";
import { startServer } from "../support/program.ts";
import { parseScript } from "./shell_script.ts";
import {
  describeDifference,
  idsIn,
  matches,
  readShownSteps,
  settle,
  type ShownStep,
} from "./shown_output.ts";

const ROOT = new URL("../../", import.meta.url);

/** The server of the documents. */
const SHOWN_ORIGIN = "http://127.0.0.1:2113";

/** A document, and how many commands it has at least. */
interface Tour {
  readonly path: string;
  /** Of which only the section with this heading is run; all of it else. */
  readonly section?: string;
  readonly stepsMin: number;
}

const TOURS: readonly Tour[] = [
  { path: "README.md", section: "A tour in a minute", stepsMin: 5 },
  { path: "docs/tour.md", stepsMin: 20 },
  { path: "docs/subscriptions.md", stepsMin: 8 },
  { path: "docs/projections.md", stepsMin: 9 },
];

for (const tour of TOURS) {
  Deno.test(`${tour.path} is as it says`, async (t) => {
    const directory = await Deno.makeTempDir();
    try {
      await using server = await startServer([`--db=${directory}`]);
      const steps = readTour(tour);
      assert(steps.length >= tour.stepsMin, "the tour is found");
      await check(t, steps, server.url);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

async function check(
  t: Deno.TestContext,
  steps: readonly ShownStep[],
  url: string,
): Promise<void> {
  const files = new Map<string, string>();
  const heardOf = idsIn(steps.map((step) => step.script).join("\n"));
  for (const { heading, script, output } of steps) {
    await t.step(`${heading}: ${lastLineOf(script)}`, async () => {
      const actual = await run(script, { files, url });
      if (output === undefined) return;
      const shown = settle(output, heardOf);
      const came = settle(actual.replaceAll(url, SHOWN_ORIGIN), heardOf);
      assert(matches(shown, came), describeDifference(shown, came));
    });
  }
}

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

function readTour({ path, section }: Tour): ShownStep[] {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  if (section === undefined) return readShownSteps(text, "##");
  const start = text.indexOf(`## ${section}\n`);
  assert(start >= 0, section);
  const end = text.indexOf("\n## ", start);
  return readShownSteps(text.slice(start, end), "##");
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
