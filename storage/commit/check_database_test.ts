import { assertThrows } from "@std/assert";
import { checkDatabase } from "./check_database.ts";

async function withDirectory(
  body: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-database-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a database that is not there, new or in use is fine", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/catalog.kv`;
    checkDatabase(path);
    const kv = await Deno.openKv(path);
    checkDatabase(path);
    await kv.set(["a"], 1);
    checkDatabase(path);
    kv.close();
    checkDatabase(path);
  }));

Deno.test("a database with a damaged page, without a table or of something else is refused", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/catalog.kv`;
    const kv = await Deno.openKv(path);
    await kv.set(["a"], 1);
    kv.close();
    const whole = await Deno.readFile(path);
    for (let at = 4096; at < whole.length; at += 4096) {
      await Deno.writeFile(path, whole.slice().fill(0x5a, at, at + 4096));
      assertThrows(() => checkDatabase(path), Error);
    }
    // The name of a column, in the text that made the table.
    const text = new TextDecoder("latin1").decode(whole);
    const at = text.indexOf("backoff_schedule");
    await Deno.writeFile(path, whole.slice().fill(0x62, at, at + 2));
    assertThrows(() => checkDatabase(path), Error);
    await Deno.writeTextFile(path, "no database ".repeat(1000));
    assertThrows(() => checkDatabase(path), Error);
  }));
