/**
 * What commands say where there is no room, or nothing may be written: which
 * file it was, and what helps. Needs the right to mount; skipped without it.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProgram } from "../support/program.ts";
import { mountSmallDisk } from "../support/small_disk.ts";

const probe = await mountSmallDisk(1);
await probe?.[Symbol.asyncDispose]();

/** Lines of an export with some megabytes. */
function manyLines(): string {
  return Array.from({ length: 4000 }, (_, index) =>
    JSON.stringify({
      stream: `cart-${index % 50}`,
      number: Math.floor(index / 50),
      id: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
      type: "added",
      time: "2026-01-01T00:00:00Z",
      isJson: true,
      data: JSON.stringify({ text: "x".repeat(1000) }),
    })).join("\n");
}

Deno.test({
  name:
    "a command that finds no room, or may not write, names the file and what helps",
  ignore: probe === undefined,
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "quipu-no-room-" });
    const pathOf = (name: string) => join(directory, name);
    await Deno.writeTextFile(pathOf("lines"), manyLines());
    const store = `--db=${pathOf("store")}`;
    const succeed = async (...args: string[]) => {
      const end = await runProgram(args);
      assertEquals(end.exitCode, 0, `${args.join(" ")}: ${end.log}`);
      return end;
    };
    await succeed("import", pathOf("lines"), store, "--segment-size=1MiB");
    await succeed("backup", pathOf("backup"), store);
    const full = await mountSmallDisk(2);
    const readOnly = await mountSmallDisk(20);
    assert(full !== undefined && readOnly !== undefined);
    try {
      const locked = (name: string) => join(readOnly.path, name);
      await succeed("restore", pathOf("backup"), `--db=${locked("store")}`);
      await succeed("backup", locked("backup"), store);
      await readOnly.makeReadOnly();
      const room = (name: string) => join(full.path, name);
      const cases: [string, string, ...string[]][] = [
        [`"${room("b")}`, "make room", "backup", room("b"), store],
        [
          `"${room("r")}`,
          "make room",
          "restore",
          pathOf("backup"),
          `--db=${room("r")}`,
        ],
        [`"${room("e")}"`, "make room", "export", room("e"), store],
        [
          `"${room("i")}"`,
          "make room",
          "import",
          pathOf("lines"),
          `--db=${room("i")}`,
        ],
        [`"${locked("b")}"`, "read-only", "backup", locked("b"), store],
        [
          `"${locked("backup/lock")}"`,
          "read-only",
          "backup",
          locked("backup"),
          store,
        ],
        [
          `"${locked("r")}"`,
          "read-only",
          "restore",
          pathOf("backup"),
          `--db=${locked("r")}`,
        ],
        [`"${locked("e")}"`, "read-only", "export", locked("e"), store],
        [
          `"${locked("store/lock")}"`,
          "read-only",
          "import",
          pathOf("lines"),
          `--db=${locked("store")}`,
        ],
        [
          `"${locked("store/lock")}"`,
          "read-only",
          "scavenge",
          `--db=${locked("store")}`,
        ],
        [
          `"${locked("store/catalog.kv")}"`,
          "read-only",
          "compact",
          `--db=${locked("store")}`,
        ],
      ];
      for (const [file, help, ...args] of cases) {
        const { exitCode, log } = await runProgram(args);
        const last = log.trimEnd().split("\n").at(-1) ?? "";
        const told = `${args.join(" ")}: ${exitCode} ${log}`;
        assertEquals(exitCode, 1, told);
        assert(last.startsWith("quipu: "), told);
        assertStringIncludes(last, file, told);
        assertStringIncludes(last, help, told);
        for (const name of ["b", "r", "e", "i"]) {
          await Deno.remove(room(name), { recursive: true }).catch(() => {});
        }
      }
      // What only reads does so where nothing can be written.
      const { output } = await succeed("verify", `--db=${locked("store")}`);
      assertStringIncludes(output, "Nothing is damaged");
      assertStringIncludes(output, "not checked");
      const one = await succeed("export", `--db=${locked("store")}`);
      const other = await succeed("export", store);
      assert(one.output === other.output);
    } finally {
      await full[Symbol.asyncDispose]();
      await readOnly[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    }
  },
});
