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

/** The server of the README. */
const SHOWN_ORIGIN = "http://127.0.0.1:2113";

interface Step {
  readonly heading: string;
  readonly script: string;
  /** What is shown of its output, if anything is. */
  readonly output: string | undefined;
}

Deno.test("the README's tour is as it says", async (t) => {
  const directory = await Deno.makeTempDir();
  try {
    await using server = await startServer([`--db=${directory}`]);
    const steps = readTour();
    assert(steps.length > 20, "the tour is found");
    const commands = steps.map((step) => step.script).join("\n");
    const files = new Map<string, string>();
    const heardOf = new Set(commands.match(UUID));
    for (const { heading, script, output } of steps) {
      await t.step(`${heading}: ${lastLineOf(script)}`, async () => {
        const actual = await run(script, { files, url: server.url });
        if (output === undefined) return;
        const shown = settle(output, heardOf);
        const came = settle(
          actual.replaceAll(server.url, SHOWN_ORIGIN),
          heardOf,
        );
        assert(matches(shown, came), difference(shown, came));
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

function readTour(): Step[] {
  const readme = Deno.readTextFileSync(
    new URL("../README.md", import.meta.url),
  );
  const tour = /^## Tour\n([^]*?)^## /m.exec(readme)?.[1] ?? "";
  const steps: Step[] = [];
  for (const part of tour.split(/^### /m).slice(1)) {
    const heading = part.slice(0, part.indexOf("\n"));
    const blocks = part.matchAll(
      /^```sh\n([^]*?)\n```$(?:\n+```text\n([^]*?)\n```$)?/gm,
    );
    for (const [, script = "", output] of blocks) {
      steps.push({ heading, script, output });
    }
  }
  return steps;
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

const UUID = /\b[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\b/gi;

/** Puts words in place of what is another one every time. */
function settle(text: string, fixedIds: ReadonlySet<string>): string {
  return text
    .replace(/\/incoming\/[\da-f-]{36}/g, "/incoming/<new id>")
    .replace(UUID, (id) => fixedIds.has(id) ? id : "<id>")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)/g, "<time>")
    .trim();
}

/** Whether a text is what is shown of it, `…` standing for anything. */
function matches(shown: string, actual: string): boolean {
  const parts = shown.trim().split("…").map((part) =>
    part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  return new RegExp(`^${parts.join("[^]*?")}$`).test(actual.trim());
}

function difference(shown: string, actual: string): string {
  return `The README shows\n\n${shown}\n\nbut what comes is\n\n${actual}\n`;
}

function lastLineOf(script: string): string {
  const line = script.split("\n").at(-1) ?? "";
  return line.replace(/ -H "Content-Type:[^"]*"/, "");
}
