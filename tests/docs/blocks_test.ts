/**
 * No block of the documents goes unchecked: a test runs it, or a list says why
 * none does.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  type Block,
  blocksOf,
  DOCUMENTS,
  NOT_RUN,
  RUN_ELSEWHERE,
} from "./blocks.ts";
import { programName, withOwnImports } from "./guide.ts";
import { GUIDES, stepsOf } from "./guides.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test("every block of the documents is run by a test, or a list says why not", () => {
  const ran = new Set(
    GUIDES.flatMap((guide) =>
      stepsOf(guide).flatMap(({ script, output }) => [
        `${guide.path}\n${script}`,
        `${guide.path}\n${output}`,
      ])
    ),
  );
  const unclaimed = DOCUMENTS.flatMap(blocksOf).filter((block) =>
    !ran.has(`${block.path}\n${block.text}`) &&
    !RUN_ELSEWHERE.some(({ path, language }) =>
      path === block.path && language === block.language
    ) &&
    notRunAs(block) === undefined
  );
  assertEquals(
    unclaimed.map(({ path, text }) => `${path}: ${text.split("\n")[0]}`),
    [],
  );
});

Deno.test("the list of blocks that do not run names blocks that are there", () => {
  const found = new Set(DOCUMENTS.flatMap(blocksOf).map(notRunAs));
  assertEquals(NOT_RUN.filter((row) => !found.has(row)), []);
  for (const { test } of RUN_ELSEWHERE) {
    assert(Deno.statSync(new URL(test, import.meta.url)).isFile, test);
  }
});

function notRunAs(block: Block) {
  return NOT_RUN.find(({ path, start }) =>
    path === block.path && block.text.startsWith(start)
  );
}

Deno.test("the types of all programs of the client in the documents hold", async () => {
  // Not of the one that has the server inside: it runs, and checking it takes
  // as long as checking the whole program once more.
  const programs = DOCUMENTS.flatMap(blocksOf).filter(({ language, path }) =>
    language === "ts" && path !== "docs/embed.md"
  );
  assert(programs.length > 1);
  const directory = await Deno.makeTempDir({ prefix: "quipu-programs-" });
  try {
    const files = await Promise.all(programs.map(async ({ path, text }) => {
      const folder = join(directory, path.replaceAll("/", "_"));
      await Deno.mkdir(folder, { recursive: true });
      const file = join(folder, programName(text));
      await Deno.writeTextFile(file, withOwnImports(text));
      return file;
    }));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--no-lock", `--config=${ROOT}deno.json`]
        .concat(files, join(ROOT, "docs/examples/orders.ts")),
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a program inside a program stays short: docs/embed.md", () => {
  const [program] = blocksOf("docs/embed.md");
  const lines =
    program?.text.split("\n").filter((line) =>
      line !== "" && !/^(?:import |\/\/)/.test(line)
    ) ?? [];
  assert(lines.length > 0 && lines.length <= 10, `${lines.length} lines`);
});
