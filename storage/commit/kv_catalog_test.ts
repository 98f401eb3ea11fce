import { assertEquals, assertRejects } from "@std/assert";
import type { CommitRecord } from "./catalog.ts";
import { openKvCatalog } from "./kv_catalog.ts";

function recordOf(end: number): CommitRecord {
  return {
    storeId: "01234567-89ab-4cde-8f01-23456789abcd",
    end,
    checksum: end + 1,
    epoch: 1,
    lastCreatedAtUs: 0,
  };
}

function catalogTest(
  title: string,
  body: (path: string) => Promise<void>,
): void {
  Deno.test(title, async () => {
    const directory = await Deno.makeTempDir({ prefix: "quipu-catalog-" });
    try {
      await body(`${directory}/catalog.kv`);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

catalogTest("a commit is there after the file was closed", async (path) => {
  const first = await openKvCatalog(path);
  assertEquals(await first.read(), undefined);
  for (const end of [1, 2, 3]) {
    assertEquals(await first.commit(recordOf(end)), "committed");
  }
  assertEquals(await first.read(), recordOf(3));
  first.close();
  const second = await openKvCatalog(path);
  assertEquals(await second.read(), recordOf(3));
  assertEquals(await second.commit(recordOf(4)), "committed");
  second.close();
});

catalogTest(
  "of two writers the one that is behind is fenced, for good",
  async (path) => {
    const first = await openKvCatalog(path);
    const second = await openKvCatalog(path);
    await first.read();
    await second.read();
    assertEquals(await first.commit(recordOf(1)), "committed");
    assertEquals(await second.commit(recordOf(9)), "fenced");
    assertEquals(await second.commit(recordOf(9)), "fenced");
    assertEquals(await first.commit(recordOf(2)), "committed");
    // Who reads takes over: then the other one is behind.
    assertEquals(await second.read(), recordOf(2));
    assertEquals(await second.commit(recordOf(3)), "committed");
    assertEquals(await first.commit(recordOf(4)), "fenced");
    assertEquals(await second.read(), recordOf(3));
    first.close();
    second.close();
  },
);

catalogTest("of two first commits one is made", async (path) => {
  const catalogs = [await openKvCatalog(path), await openKvCatalog(path)];
  for (const catalog of catalogs) {
    assertEquals(await catalog.read(), undefined);
  }
  const outcomes: string[] = [];
  for (const catalog of catalogs) {
    outcomes.push(await catalog.commit(recordOf(1)));
  }
  assertEquals(outcomes, ["committed", "fenced"]);
  for (const catalog of catalogs) catalog.close();
});

catalogTest(
  "a damaged record reads as none, and can be replaced",
  async (path) => {
    const kv = await Deno.openKv(path);
    await kv.set(["quipu", "commit"], new Uint8Array(48));
    kv.close();
    const catalog = await openKvCatalog(path);
    assertEquals(await catalog.read(), undefined);
    assertEquals(await catalog.commit(recordOf(1)), "committed");
    assertEquals(await catalog.read(), recordOf(1));
    catalog.close();
  },
);

catalogTest("a file that is no database is refused", async (path) => {
  await Deno.writeTextFile(path, "no database ".repeat(1_000));
  await assertRejects(async () => {
    const catalog = await openKvCatalog(path);
    try {
      await catalog.read();
    } finally {
      catalog.close();
    }
  }, Error);
});
