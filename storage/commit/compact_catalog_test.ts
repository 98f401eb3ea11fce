import { assert, assertEquals, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import {
  createStoreDirectory,
  type StoreDirectory,
} from "../../tests/support/store_directory.ts";
import { createFileDisk } from "../disk/file_disk.ts";
import { compactCatalog } from "./compact_catalog.ts";

const CONTROL = { signal: new AbortController().signal, report() {} };

/** Makes the KV's file larger than what is in it. */
async function inflate(directory: StoreDirectory): Promise<void> {
  const kv = await Deno.openKv(directory.pathOf("catalog.kv"));
  const value = new Uint8Array(60_000);
  for (let n = 0; n < 20; n++) await kv.set(["ballast", n], value);
  for (let n = 0; n < 20; n++) await kv.delete(["ballast", n]);
  kv.close();
}

Deno.test("compacting gives room back and keeps what the KV says", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(10);
  await inflate(directory);
  const report = await compactCatalog({ directory: directory.path }, CONTROL);
  assert(report.bytesBefore > 1_000_000, String(report.bytesBefore));
  assert(report.bytesAfter < 100_000, String(report.bytesAfter));
  await using opened = await directory.open();
  assertEquals(opened.verdict, "CLEAN");
});

Deno.test("compacting that is interrupted at any step leaves the old file or the new one", async () => {
  for (const failing of ["open", "rename", "syncDirectory"] as const) {
    await using directory = await createStoreDirectory();
    await directory.append(10);
    await inflate(directory);
    const disk = createFileDisk();
    const fail = (): never => {
      throw new Error("The power is off (os error 5)");
    };
    const broken = {
      ...disk,
      open: (path: string, mode: "read" | "write") =>
        failing === "open" && mode === "write" ? fail() : disk.open(path, mode),
      ...(failing !== "open" &&
        { [failing]: () => Promise.resolve().then(fail) }),
    };
    await assertRejects(
      () =>
        compactCatalog({ directory: directory.path, disk: broken }, CONTROL),
      Error,
      "power",
    );
    {
      await using opened = await directory.open();
      assertEquals(opened.verdict, "CLEAN", failing);
    }
    const { bytesAfter } = await compactCatalog(
      { directory: directory.path },
      CONTROL,
    );
    assert(bytesAfter < 100_000);
    assertEquals(
      [...Deno.readDirSync(directory.path)].map(({ name }) => name)
        .filter((name) => name.startsWith("catalog")),
      ["catalog.kv"],
    );
  }
});

Deno.test("a KV that is damaged or gone is not compacted", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(10);
  Deno.writeTextFileSync(
    directory.pathOf("catalog.kv"),
    "no database ".repeat(999),
  );
  for (const what of ["no database", "gone"]) {
    const error = await assertRejects(
      () => compactCatalog({ directory: directory.path }, CONTROL),
      QuipuError,
      "quipu repair",
    );
    assertEquals(error.code, "damaged", what);
    if (what !== "gone") Deno.removeSync(directory.pathOf("catalog.kv"));
  }
});
