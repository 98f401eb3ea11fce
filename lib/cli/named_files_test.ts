import { assertEquals, assertRejects } from "@std/assert";
import { openOutput } from "./named_files.ts";
import { RunError } from "./failures.ts";

async function withPath(act: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-files-" });
  try {
    await act(`${directory}/events.ndjson`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an output that was finished stays, and is not written over", () =>
  withPath(async (path) => {
    const output = await openOutput(path);
    await output.write("a line\n");
    await output.finish();
    output.close();
    assertEquals(await Deno.readTextFile(path), "a line\n");
    await assertRejects(() => openOutput(path), RunError, "is there already");
  }));

Deno.test("an output that was not finished is not in the way of the next one", () =>
  withPath(async (path) => {
    const output = await openOutput(path);
    await output.write("half a li");
    output.close();
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    (await openOutput(path)).close();
  }));
