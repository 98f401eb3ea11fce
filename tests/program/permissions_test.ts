/**
 * Commands on a store whose files the user may not read or write: a
 * missing permission is no damage, and the message names the file.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProgram } from "../support/program.ts";
import { createStoreDirectory } from "../support/store_directory.ts";

const DENIED = "permission denied; run as the owner of the file, or change " +
  "its rights";

/** Runs a command on a store with the modes given, as a user bound by them. */
async function runWith(
  args: readonly string[],
  modes: Readonly<Record<string, number>>,
): Promise<{ exitCode: number; output: string; log: string }> {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  const lost = join(directory.path, "lost");
  await Deno.mkdir(lost);
  await Deno.writeTextFile(join(lost, "repair-1.json"), '{"moved":[]}');
  const before: [path: string, mode: number][] = [];
  for (const [name, mode] of Object.entries(modes)) {
    const path = join(directory.path, name);
    before.push([path, (await Deno.stat(path)).mode ?? 0]);
    await Deno.chmod(path, mode);
  }
  try {
    const all = [...args, `--db=${directory.path}`];
    const end = await runProgram(all, {}, { isBoundByModes: true });
    const plain = (text: string) => text.replaceAll(directory.path, "DB");
    return { ...end, output: plain(end.output), log: plain(end.log) };
  } finally {
    for (const [path, mode] of before.reverse()) await Deno.chmod(path, mode);
  }
}

const IS_UNIX = Deno.build.os !== "windows";

/** Commands that need nothing but to read. */
const READING = [["verify"], ["repair"], ["repair", "--yes"], ["export"]];

/** Each file and directory that they read. */
const READ = [
  "catalog.kv",
  "heads.snap",
  "lost",
  "lost/repair-1.json",
  "segments",
  "segments/00000000.g1.idx",
  "segments/00000001.g1.seg",
  "",
];

for (const name of READ) {
  Deno.test({
    name: `a store whose ${name || "directory"} may not be read is refused`,
    ignore: !IS_UNIX,
    async fn() {
      for (const args of READING) {
        const { exitCode, log } = await runWith(args, { [name]: 0 });
        const path = name === "" ? "DB" : `DB/${name}`;
        assertEquals(log, `quipu: Cannot open "${path}": ${DENIED}\n`);
        assertEquals(exitCode, 1);
      }
    },
  });
}

Deno.test({
  name: "verify and repair find no damage where they may not write",
  ignore: !IS_UNIX,
  async fn() {
    const places: Record<string, number>[] = [
      { "": 0o500 },
      { "catalog.kv": 0o400 },
      { "segments": 0o500 },
      { "lock": 0o400 },
      { "lock": 0o400, "catalog.kv": 0o400, "segments": 0o500, "": 0o500 },
    ];
    for (const modes of places) {
      const told = JSON.stringify(modes);
      const verified = await runWith(["verify"], modes);
      assertEquals(verified.exitCode, 0, told + verified.output);
      assertStringIncludes(verified.output, "Nothing is damaged", told);
      const repaired = await runWith(["repair"], modes);
      assertEquals(repaired.exitCode, 0, told + repaired.log);
      assertEquals(repaired.output, "Nothing needs repair\n", told);
    }
  },
});

Deno.test({
  name: "commands that write name what they may not write, and change nothing",
  ignore: !IS_UNIX,
  async fn() {
    const cases: [string[], Record<string, number>, string][] = [
      [["compact"], { "catalog.kv": 0o400 }, `Cannot compact "DB/catalog.kv"`],
      [["compact"], { "": 0o500 }, `Cannot compact "DB/catalog.kv"`],
      [["scavenge"], { "": 0 }, `Cannot open "DB/segments"`],
      [["user", "list"], { "": 0 }, `Cannot open "DB/segments"`],
    ];
    for (const [args, modes, start] of cases) {
      const { exitCode, log } = await runWith(args, modes);
      assertEquals(log, `quipu: ${start}: ${DENIED}\n`);
      assertEquals(exitCode, 1);
    }
  },
});
