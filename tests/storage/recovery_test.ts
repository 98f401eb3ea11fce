/**
 * What opening a store finds and does, on real files: one test a label of the
 * table in `storage/open/reconcile.ts`, and its neighbours.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { QuipuError, type QuipuErrorCode } from "../../lib/model/errors.ts";
import { SEGMENT_HEADER_BYTES } from "../../storage/log/segment_header.ts";
import {
  changeFile,
  createStoreDirectory,
  flipBit,
  StoreDirectory,
  upTo,
} from "../support/store_directory.ts";

/** Segments that hold everything a test writes. */
const LARGE = 1024 * 1024;

function recoveryTest(
  title: string,
  body: (directory: StoreDirectory) => Promise<void>,
): void {
  Deno.test(title, async () => {
    await using directory = await createStoreDirectory();
    await body(directory);
  });
}

/** Opens, which must be refused, and gives the refusal's message. */
async function refusalOf(
  directory: StoreDirectory,
  code: QuipuErrorCode,
): Promise<string> {
  const error = await assertRejects(() => directory.open(), QuipuError);
  assertEquals(error.code, code, error.message);
  return error.message;
}

async function verdictOf(directory: StoreDirectory): Promise<string> {
  await using opened = await directory.open();
  return opened.verdict;
}

/** The store takes appends, and has everything after another restart. */
async function assertGoesOn(
  directory: StoreDirectory,
  numbers: readonly number[],
): Promise<void> {
  {
    await using opened = await directory.open();
    await directory.appendOne(opened.store);
  }
  const after = await directory.readNumbers();
  assertEquals(after.slice(0, -1), numbers);
  assertEquals(await verdictOf(directory), "CLEAN");
}

recoveryTest("EMPTY: a new directory becomes a store", async (directory) => {
  assertEquals(await verdictOf(directory), "EMPTY");
  await assertGoesOn(directory, []);
});

recoveryTest(
  "EMPTY: a commit record without segments is a store that was never written",
  async (directory) => {
    assertEquals(await verdictOf(directory), "EMPTY");
    Deno.removeSync(directory.segmentPath(0));
    assertEquals(await verdictOf(directory), "EMPTY");
  },
);

recoveryTest("CLEAN: what was closed is found again", async (directory) => {
  await directory.append(40);
  assertGreater(directory.namesOf("seg").length, 3);
  await using opened = await directory.open();
  assertEquals([opened.verdict, opened.warnings], ["CLEAN", []]);
  await opened.store.close();
  assertEquals(await directory.readNumbers(), upTo(40));
  await assertGoesOn(directory, upTo(40));
});

for (const rolledBack of [1, 30]) {
  recoveryTest(
    `KV_BEHIND: ${rolledBack} events beyond an old catalog are kept`,
    async (directory) => {
      await directory.append(10);
      const old = directory.copyCatalog();
      await directory.append(rolledBack);
      old.restore();
      {
        await using opened = await directory.open();
        assertEquals(opened.verdict, "KV_BEHIND");
        assertEquals(opened.warnings, ["store.recovered"]);
      }
      assertEquals(await directory.readNumbers(), upTo(10 + rolledBack));
      await assertGoesOn(directory, upTo(10 + rolledBack));
    },
  );
}

recoveryTest(
  "KV_BEHIND: of runs beyond the catalog, a broken last one is laid aside",
  async (directory) => {
    await directory.append(3, LARGE);
    const old = directory.copyCatalog();
    await directory.append(2, LARGE);
    old.restore();
    changeFile(directory.segmentPath(0), (bytes) => bytes.slice(0, -5));
    assertEquals(await verdictOf(directory), "KV_BEHIND");
    assertEquals(directory.lostNames().length, 1);
    await assertGoesOn(directory, upTo(4));
  },
);

/** Bytes that may be left of a write that a crash cut short. */
const TAILS: Record<string, (segment: Uint8Array) => Uint8Array> = {
  "a single byte": () => Uint8Array.of(7),
  "zeroes and something": () => new Uint8Array(700).fill(1, 699),
  "garbage": () => crypto.getRandomValues(new Uint8Array(5000)),
  "an older record": (segment) => segment.slice(SEGMENT_HEADER_BYTES),
};

/** Lengthens the newest segment's file by preallocation, as a crash leaves it. */
function addRoom(directory: StoreDirectory, byteCount: number): void {
  changeFile(
    directory.segmentPath(-1),
    (bytes) => concatenated(bytes, new Uint8Array(byteCount)),
  );
}

for (const byteCount of [1, 700, 200_000]) {
  recoveryTest(
    `CLEAN: ${byteCount} bytes of preallocation after the log are no part of it`,
    async (directory) => {
      await directory.append(5, LARGE);
      const path = directory.segmentPath(0);
      const before = Deno.readFileSync(path);
      addRoom(directory, byteCount);
      {
        await using opened = await directory.open();
        assertEquals([opened.verdict, opened.warnings], ["CLEAN", []]);
      }
      assertEquals(directory.lostNames(), []);
      assertEquals(Deno.readFileSync(path), before, "cut off by a clean stop");
      addRoom(directory, byteCount);
      await assertGoesOn(directory, upTo(5));
    },
  );
}

recoveryTest(
  "CLEAN: while a store is open its log has preallocation",
  async (directory) => {
    await using opened = await directory.open(LARGE);
    const path = directory.segmentPath(0);
    await directory.appendOne(opened.store);
    assertEquals(Deno.statSync(path).size, 64 * 1024);
    // As after a kill: the file as it is now.
    const killed = Deno.readFileSync(path);
    await opened.store.close();
    assertLess(Deno.statSync(path).size, 1000);
    Deno.writeFileSync(path, killed);
    assertEquals(await verdictOf(directory), "CLEAN");
    assertEquals(directory.lostNames(), []);
    await assertGoesOn(directory, upTo(1));
  },
);

recoveryTest(
  "KV_BEHIND, KV_LOST: preallocation is known whatever the catalog says",
  async (directory) => {
    await directory.append(3, LARGE);
    const old = directory.copyCatalog();
    await directory.append(2, LARGE);
    old.restore();
    addRoom(directory, 700);
    assertEquals(await verdictOf(directory), "KV_BEHIND");
    directory.removeCatalog();
    addRoom(directory, 700);
    assertEquals(await verdictOf(directory), "KV_LOST");
    assertEquals(directory.lostNames(), []);
    await assertGoesOn(directory, upTo(5));
  },
);

recoveryTest(
  "LOG_SHORT: zeroes in the place of committed records are no room",
  async (directory) => {
    await directory.append(5, LARGE);
    changeFile(directory.segmentPath(0), (bytes) => bytes.fill(0, -300));
    await refusalOf(directory, "damaged");
  },
);

for (const [what, tailOf] of Object.entries(TAILS)) {
  recoveryTest(
    `TORN_TAIL: ${what} after the committed end is laid aside`,
    async (directory) => {
      await directory.append(5, LARGE);
      const path = directory.segmentPath(0);
      const before = Deno.readFileSync(path);
      const tail = tailOf(before);
      changeFile(path, (bytes) => concatenated(bytes, tail));
      {
        await using opened = await directory.open();
        assertEquals(opened.verdict, "TORN_TAIL");
        assertEquals(opened.warnings, ["store.recovered"]);
      }
      assertEquals(Deno.readFileSync(path), before);
      const [lost = ""] = directory.lostNames();
      assertStringIncludes(lost, `.seg-${before.length}-`);
      assertEquals(
        Deno.readFileSync(directory.pathOf("lost", lost)),
        Uint8Array.from(tail),
      );
      await assertGoesOn(directory, upTo(5));
    },
  );
}

recoveryTest(
  "TORN_TAIL: a record cut at any byte is laid aside",
  async (directory) => {
    await directory.append(2, LARGE);
    const old = directory.copyCatalog();
    const path = directory.segmentPath(0);
    const committed = Deno.statSync(path).size;
    await directory.append(1, LARGE);
    const whole = Deno.readFileSync(path);
    for (let size = committed + 1; size < whole.length; size += 13) {
      old.restore();
      Deno.writeFileSync(path, whole.subarray(0, size));
      assertEquals(await verdictOf(directory), "TORN_TAIL");
      assertEquals(Deno.statSync(path).size, committed);
    }
    await assertGoesOn(directory, upTo(2));
  },
);

recoveryTest(
  "TORN_TAIL twice at one place keeps both tails",
  async (directory) => {
    await directory.append(1, LARGE);
    for (const byte of [1, 2]) {
      changeFile(
        directory.segmentPath(0),
        (bytes) => concatenated(bytes, Uint8Array.of(byte)),
      );
      assertEquals(await verdictOf(directory), "TORN_TAIL");
    }
    assertEquals(directory.lostNames().length, 2);
  },
);

recoveryTest("KV_LOST: a deleted catalog is made again", async (directory) => {
  await directory.append(20);
  directory.removeCatalog();
  {
    await using opened = await directory.open();
    assertEquals(opened.verdict, "KV_LOST");
    assertEquals(opened.warnings, ["store.recovered"]);
  }
  await assertGoesOn(directory, upTo(20));
});

recoveryTest(
  "KV_LOST: a catalog that is no database is laid aside and made again",
  async (directory) => {
    await directory.append(20);
    const path = directory.pathOf("catalog.kv");
    changeFile(path, (bytes) => bytes.fill(0x55, 0, 100));
    const damaged = Deno.readFileSync(path);
    {
      await using opened = await directory.open();
      assertEquals(opened.verdict, "KV_LOST");
      assert(opened.warnings.includes("catalog.unreadable"));
    }
    const lost = directory.lostNames().find((name) =>
      name.startsWith("catalog.kv-") && !/-(?:wal|shm)-/.test(name)
    );
    assertEquals(
      Deno.readFileSync(directory.pathOf("lost", lost ?? "")),
      damaged,
    );
    await assertGoesOn(directory, upTo(20));
  },
);

recoveryTest("KV_LOST: a broken last run is laid aside", async (directory) => {
  await directory.append(4, LARGE);
  directory.removeCatalog();
  changeFile(directory.segmentPath(0), (bytes) => bytes.slice(0, -1));
  assertEquals(await verdictOf(directory), "KV_LOST");
  assertEquals(directory.lostNames().length, 1);
  await assertGoesOn(directory, upTo(3));
});

recoveryTest(
  "CORRUPT_COMMITTED: without a catalog, damage before whole records is refused",
  async (directory) => {
    await directory.append(6, LARGE);
    directory.removeCatalog();
    flipBit(directory.segmentPath(0), SEGMENT_HEADER_BYTES + 30);
    const before = Deno.readFileSync(directory.segmentPath(0));
    const message = await refusalOf(directory, "damaged");
    assertStringIncludes(message, "CORRUPT_COMMITTED");
    assertStringIncludes(message, `segment 0 is whole up to offset 64`);
    assertEquals(Deno.readFileSync(directory.segmentPath(0)), before);
  },
);

recoveryTest(
  "LOG_SHORT: a log that ends before the commit record is refused",
  async (directory) => {
    await directory.append(6, LARGE);
    const path = directory.segmentPath(0);
    const whole = Deno.readFileSync(path);
    for (const cut of [1, 4, 100, whole.length - SEGMENT_HEADER_BYTES]) {
      Deno.writeFileSync(path, whole.subarray(0, whole.length - cut));
      const message = await refusalOf(directory, "damaged");
      assertStringIncludes(message, "LOG_SHORT");
      assertStringIncludes(message, directory.path);
      assertEquals(Deno.statSync(path).size, whole.length - cut);
    }
    Deno.writeFileSync(path, whole);
    assertEquals(await directory.readNumbers(), upTo(6));
  },
);

recoveryTest(
  "LOG_SHORT: a missing last segment, or all of them, is refused",
  async (directory) => {
    await directory.append(30);
    Deno.removeSync(directory.segmentPath(-1));
    assertStringIncludes(await refusalOf(directory, "damaged"), "LOG_SHORT");
    Deno.removeSync(directory.pathOf("segments"), { recursive: true });
    assertStringIncludes(await refusalOf(directory, "damaged"), "LOG_SHORT");
  },
);

recoveryTest(
  "CORRUPT_COMMITTED: a flipped bit is refused, naming segment and offset",
  async (directory) => {
    await directory.append(3, LARGE);
    const path = directory.segmentPath(0);
    const whole = Deno.readFileSync(path);
    const lengthBytes = new DataView(whole.buffer)
      .getUint32(SEGMENT_HEADER_BYTES, true);
    const second = SEGMENT_HEADER_BYTES + lengthBytes;
    for (const offset of [0, 4, 8, 40, 64, 88, 100, lengthBytes - 1]) {
      Deno.writeFileSync(path, whole);
      flipBit(path, second + offset);
      const message = await refusalOf(directory, "damaged");
      assert(/CORRUPT_COMMITTED|LOG_SHORT/.test(message), message);
      assertStringIncludes(
        message,
        `segment 0 is whole up to offset ${second} `,
      );
    }
    Deno.writeFileSync(path, whole);
    assertEquals(await directory.readNumbers(), upTo(3));
  },
);

recoveryTest(
  "damage in a sealed segment is refused or never served",
  async (directory) => {
    await directory.append(40);
    const path = directory.segmentPath(1);
    const whole = Deno.readFileSync(path);
    const offset = SEGMENT_HEADER_BYTES + 200;
    flipBit(path, offset);
    {
      await using opened = await directory.open();
      const error = await assertRejects(
        () =>
          opened.store.readAll({
            from: 0,
            count: 4096,
            direction: "forward",
            withBodies: true,
          }),
        QuipuError,
      );
      assertEquals(error.code, "corruptRecord");
      assertStringIncludes(error.message, "in segment 1 at offset ");
    }
    // Without its index file the whole segment is looked at.
    Deno.removeSync(directory.segmentPath(1, "idx"));
    const message = await refusalOf(directory, "damaged");
    assertStringIncludes(message, "in segment 1 at offset ");
    Deno.writeFileSync(path, whole);
    assertEquals(await directory.readNumbers(), upTo(40));
  },
);

recoveryTest(
  "a sealed segment that is cut short is refused",
  async (directory) => {
    await directory.append(40);
    changeFile(directory.segmentPath(1), (bytes) => bytes.slice(0, -10));
    assertStringIncludes(await refusalOf(directory, "damaged"), "segment 1");
  },
);

recoveryTest("a damaged segment header is refused", async (directory) => {
  await directory.append(40);
  for (const index of [0, 1, -1]) {
    const whole = Deno.readFileSync(directory.segmentPath(index));
    flipBit(directory.segmentPath(index), 41);
    await refusalOf(directory, "damaged");
    Deno.writeFileSync(directory.segmentPath(index), whole);
  }
  assertEquals(await directory.readNumbers(), upTo(40));
});

recoveryTest(
  "FOREIGN: the catalog of another store is refused",
  async (directory) => {
    await using other = await createStoreDirectory();
    await directory.append(5);
    await other.append(5);
    Deno.copyFileSync(
      other.pathOf("catalog.kv"),
      directory.pathOf("catalog.kv"),
    );
    const message = await refusalOf(directory, "foreignFormat");
    assertStringIncludes(message, "FOREIGN");
  },
);

recoveryTest(
  "FOREIGN: a segment of another store is refused",
  async (directory) => {
    await using other = await createStoreDirectory();
    await directory.append(30);
    await other.append(30);
    const whole = Deno.readFileSync(directory.segmentPath(1));
    Deno.copyFileSync(other.segmentPath(1), directory.segmentPath(1));
    const message = await refusalOf(directory, "foreignFormat");
    assertStringIncludes(message, "segment 1");
    assertStringIncludes(message, "another store");
    Deno.writeFileSync(directory.segmentPath(1), whole);
    assertEquals(await directory.readNumbers(), upTo(30));
  },
);

recoveryTest(
  "FOREIGN: a segment of another format is refused",
  async (directory) => {
    await directory.append(30);
    Deno.writeTextFileSync(directory.segmentPath(1), "x".repeat(500));
    const message = await refusalOf(directory, "foreignFormat");
    assertStringIncludes(message, directory.segmentPath(1));
  },
);

recoveryTest(
  "FOREIGN: a directory that holds something else is refused and left alone",
  async (directory) => {
    Deno.writeTextFileSync(directory.pathOf("thesis.tex"), "mine");
    const message = await refusalOf(directory, "foreignFormat");
    assertStringIncludes(message, "thesis.tex");
    const names = [...Deno.readDirSync(directory.path)].map(({ name }) => name);
    assertEquals(names, ["thesis.tex"]);
  },
);

recoveryTest(
  "a directory with a log file, lost+found and hidden files is empty enough",
  async (directory) => {
    Deno.mkdirSync(directory.pathOf("lost+found"));
    Deno.writeTextFileSync(directory.pathOf("server.log"), "");
    Deno.writeTextFileSync(directory.pathOf(".keep"), "");
    assertEquals(await verdictOf(directory), "EMPTY");
  },
);

recoveryTest("segments that changed places are refused", async (directory) => {
  await directory.append(40);
  const [one, other] = [directory.segmentPath(1), directory.segmentPath(2)];
  const bytes = Deno.readFileSync(one);
  Deno.copyFileSync(other, one);
  Deno.writeFileSync(other, bytes);
  const message = await refusalOf(directory, "damaged");
  assertStringIncludes(message, "segment 1 is in the place of 2");
});

recoveryTest(
  "a missing middle segment is refused by its number",
  async (directory) => {
    await directory.append(40);
    Deno.removeSync(directory.segmentPath(2));
    const message = await refusalOf(directory, "damaged");
    assertStringIncludes(message, "segment 2 is missing");
  },
);

const UNBORN: Record<string, number> = {
  "an empty file": 0,
  "half a header": 30,
  "a header of zeroes": SEGMENT_HEADER_BYTES,
};

for (const [what, size] of Object.entries(UNBORN)) {
  recoveryTest(
    `an unborn segment, ${what}, is laid aside`,
    async (directory) => {
      await directory.append(30);
      const count = directory.namesOf("seg").length;
      const name = `${String(count).padStart(8, "0")}.g1.seg`;
      Deno.writeFileSync(
        directory.pathOf("segments", name),
        new Uint8Array(size),
      );
      assertEquals(await verdictOf(directory), "CLEAN");
      assertEquals(directory.lostNames().length, 1);
      await assertGoesOn(directory, upTo(30));
    },
  );
}

recoveryTest("a segment of only a header is written on", async (directory) => {
  assertEquals(await verdictOf(directory), "EMPTY");
  assertEquals(Deno.statSync(directory.segmentPath(0)).size, 64);
  assertEquals(await verdictOf(directory), "CLEAN");
  await assertGoesOn(directory, []);
  assertEquals(directory.namesOf("seg").length, 1);
});

recoveryTest(
  "a directory in use is refused, naming the process",
  async (directory) => {
    await using first = await directory.open();
    await directory.appendOne(first.store);
    const message = await refusalOf(directory, "directoryLocked");
    assertStringIncludes(message, `process ${Deno.pid}`);
    assertStringIncludes(message, directory.path);
    await directory.appendOne(first.store);
  },
);

recoveryTest(
  "a directory that cannot be written is refused by its name",
  async (directory) => {
    const file = directory.pathOf("file");
    Deno.writeTextFileSync(file, "");
    const inFile = new StoreDirectory(`${file}/data`);
    assertStringIncludes(await refusalOf(inFile, "notWritable"), inFile.path);
  },
);

function concatenated(
  start: Uint8Array,
  end: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(start.length + end.length);
  whole.set(start);
  whole.set(end, start.length);
  return whole;
}
