import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { makingDirectory } from "./made_directories.ts";

async function namesIn(path: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  return names.sort();
}

Deno.test("directories that were made for nothing go, all others stay", async () => {
  const root = await Deno.makeTempDir({ prefix: "quipu-made-" });
  try {
    const inner = join(root, "there", "new", "inner");
    await Deno.mkdir(join(root, "there"));
    const make = async () => {
      await Deno.mkdir(inner, { recursive: true });
    };
    const fail = () => Promise.reject(new Error("in vain"));
    await assertRejects(
      () => makingDirectory(inner, () => make().then(fail)),
      Error,
      "in vain",
    );
    assertEquals(await namesIn(join(root, "there")), []);
    // What was never made is nothing to remove.
    await assertRejects(() => makingDirectory(inner, fail), Error, "in vain");
    assertEquals(await namesIn(root), ["there"]);

    await assertRejects(() =>
      makingDirectory(inner, async () => {
        await make();
        await Deno.writeTextFile(join(inner, "..", "left"), "");
        await fail();
      })
    );
    assertEquals(await namesIn(join(root, "there", "new")), ["left"]);
    // What was there before stays, however empty.
    await make();
    await assertRejects(() => makingDirectory(inner, fail));
    assertEquals(await namesIn(join(inner, "..")), ["inner", "left"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
