/**
 * What a verification finds: every kind of damage, made for real, and nothing
 * where nothing is wrong.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { crc32 } from "node:zlib";
import type {
  Finding,
  FindingKind,
  JobProgress,
  VerifyReport,
} from "../../lib/store/maintenance.ts";
import { BLOCK_BYTES } from "../../storage/index/block_cache.ts";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import { openKvCatalog } from "../../storage/commit/kv_catalog.ts";
import {
  verifyDirectory,
  verifyDirectoryOn,
} from "../../storage/maintenance/verify/verify_directory.ts";
import {
  changeFile,
  createStoreDirectory,
  flipBit,
  type StoreDirectory,
} from "../support/store_directory.ts";

const CONTROL = {
  signal: new AbortController().signal,
  report() {},
};

function verify(
  directory: StoreDirectory,
  isDeep = false,
): Promise<VerifyReport> {
  return verifyDirectory({ directory: directory.path, isDeep }, CONTROL);
}

/** Damages a store of some segments, and tells what is found. */
async function findAfter(
  damage: (directory: StoreDirectory) => void | Promise<void>,
  isDeep = false,
): Promise<VerifyReport> {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  assert((await verify(directory, true)).isClean, "clean before");
  await damage(directory);
  const report = await verify(directory, isDeep);
  // Nothing is changed by looking.
  assertEquals(await verify(directory, isDeep), report);
  return report;
}

function kindsOf({ findings }: VerifyReport): string[] {
  return [
    ...new Set(findings.map(({ severity, kind }) => `${severity} ${kind}`)),
  ];
}

function firstOf(report: VerifyReport, kind: FindingKind): Finding {
  const found = report.findings.find((finding) => finding.kind === kind);
  assert(found !== undefined, `no ${kind} in ${JSON.stringify(report)}`);
  return found;
}

Deno.test("a store that nothing happened to is clean, however it is checked", async () => {
  await using directory = await createStoreDirectory();
  for (const count of [0, 1, 30, 200]) {
    await directory.append(count);
    for (const isDeep of [false, true]) {
      const report = await verify(directory, isDeep);
      assertEquals(report.findings, []);
      assert(report.isClean);
    }
  }
  const report = await verify(directory);
  // Users and their metadata are nobody's here: the events alone.
  assertEquals(report.eventCount, 231);
  assertEquals(report.segmentCount, directory.namesOf("seg").length);
  assert(report.checkedBytes > report.endPosition);
});

Deno.test("a check ends where its progress says that it ends", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(60);
  for (const isDeep of [false, true]) {
    let last: JobProgress | undefined;
    await verifyDirectory({ directory: directory.path, isDeep }, {
      ...CONTROL,
      report: (progress) => last = progress,
    });
    assertEquals(last?.done, last?.total);
    assert((last?.total ?? 0) > 0);
  }
});

Deno.test("a damaged record is found, with file, offset and position", async () => {
  const report = await findAfter((directory) => {
    flipBit(directory.segmentPath(1), 70);
  });
  assertEquals(kindsOf(report), ["damage record"]);
  const { file, offset, position, what } = firstOf(report, "record");
  assertEquals([file, offset], ["segments/00000001.g1.seg", 64]);
  assert(position !== undefined && position > 0, what);
  assertEquals(report.damageCount, 1);
  // All the others were looked at.
  assertEquals(report.eventCount, 39);
});

Deno.test("a damaged body is found, and named by its event", async () => {
  const report = await findAfter((directory) => {
    const path = directory.segmentPath(0);
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
    flipBit(path, text.indexOf('{"n":') + 2);
  });
  assertEquals(kindsOf(report), ["damage record"]);
  assertEquals(
    firstOf(report, "record").what,
    'data or metadata of event 0 of "cart-1" are damaged',
  );
  assertEquals(report.eventCount, 40);
});

Deno.test("every byte of a segment's file is under a checksum", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(12);
  const path = directory.segmentPath(0);
  const { size } = Deno.statSync(path);
  for (let at = 0; at < size; at += 3) {
    flipBit(path, at);
    const report = await verify(directory);
    flipBit(path, at);
    const isBehind = at >= size - 1;
    assert(!report.isClean || isBehind, `byte ${at}`);
  }
  assert((await verify(directory)).isClean);
});

Deno.test("damaged headers, and missing, foreign and exchanged segments are found", async () => {
  const header = await findAfter((directory) =>
    flipBit(directory.segmentPath(1), 40)
  );
  assertEquals(kindsOf(header), ["damage segmentHeader"]);
  assertEquals(
    firstOf(header, "segmentHeader").file,
    "segments/00000001.g1.seg",
  );

  const missing = await findAfter((directory) =>
    Deno.removeSync(directory.segmentPath(1))
  );
  assertEquals(kindsOf(missing), ["damage missingSegment", "damage position"]);

  const foreign = await findAfter(async (directory) => {
    await using other = await createStoreDirectory();
    await other.append(40);
    Deno.copyFileSync(other.segmentPath(1), directory.segmentPath(1));
  });
  assert(kindsOf(foreign).includes("damage segmentChain"));

  const exchanged = await findAfter((directory) => {
    Deno.copyFileSync(directory.segmentPath(0), directory.segmentPath(1));
  });
  assertEquals(kindsOf(exchanged), ["damage segmentHeader", "damage record"]);
});

Deno.test("a log that is shorter than what was committed is found", async () => {
  const cut = await findAfter((directory) => {
    const path = directory.segmentPath(-1);
    changeFile(path, (bytes) => bytes.subarray(0, bytes.length - 10));
  });
  assertEquals(kindsOf(cut), ["damage record"]);

  const short = await findAfter((directory) => {
    Deno.removeSync(directory.segmentPath(-1));
  });
  assert(kindsOf(short).includes("damage logShort"));

  const gone = await findAfter((directory) => {
    for (const name of directory.namesOf("seg")) {
      Deno.removeSync(directory.pathOf("segments", name));
    }
  });
  assert(kindsOf(gone).includes("damage logShort"), String(kindsOf(gone)));
});

Deno.test("what a crash leaves behind is no damage", async () => {
  const torn = await findAfter((directory) => {
    changeFile(
      directory.segmentPath(-1),
      (bytes) => new Uint8Array([...bytes, ...bytes.subarray(64, 150)]),
    );
  });
  assertEquals(kindsOf(torn), ["notice tornTail"]);
  assert(torn.isClean);

  const room = await findAfter((directory) => {
    changeFile(
      directory.segmentPath(-1),
      (bytes) => new Uint8Array([...bytes, ...new Uint8Array(70_000)]),
    );
  });
  assertEquals(kindsOf(room), []);

  const behind = await findAfter(async (directory) => {
    const catalog = directory.copyCatalog();
    await directory.append(1);
    catalog.restore();
  });
  assertEquals(kindsOf(behind), ["notice uncommitted"]);

  const files = await findAfter((directory) => {
    Deno.writeTextFileSync(directory.pathOf("segments", "x.idx.tmp"), "");
    Deno.writeTextFileSync(directory.pathOf("segments", "00000099.g1.seg"), "");
  });
  // A segment that was never begun is far behind: the others are missing.
  assert(kindsOf(files).includes("notice strangeFile"));

  const unsealed = await findAfter((directory) => {
    Deno.removeSync(directory.segmentPath(0, "idx"));
  });
  assertEquals(kindsOf(unsealed), ["notice indexMissing"]);
});

Deno.test("an append that is not whole is found", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(1, 1 << 20);
  const before = Deno.statSync(directory.segmentPath(0)).size;
  {
    await using opened = await directory.open(1 << 20);
    await opened.store.append({
      streamName: "cart-9",
      expectedVersion: "any",
      events: [1, 2].map((n) => ({
        eventId: crypto.randomUUID(),
        eventType: "t",
        isJson: true,
        data: `{"n":${n}}`,
        metadata: "",
      })),
    });
  }
  // The first of its two records alone.
  changeFile(directory.segmentPath(0), (bytes) => {
    const length = new DataView(bytes.buffer).getUint32(before, true);
    return bytes.subarray(0, before + length);
  });
  assertEquals(kindsOf(await verify(directory)), ["damage run"]);
});

/** Changes the newest record, and makes its checksum right again. */
function forgeLast(
  directory: StoreDirectory,
  change: (view: DataView, at: number) => void,
): void {
  changeFile(directory.segmentPath(-1), (bytes) => {
    const view = new DataView(bytes.buffer);
    const lengthBytes = view.getUint32(bytes.length - 4, true);
    const at = bytes.length - lengthBytes;
    change(view, at);
    const headerEnd = at + 92 + view.getUint16(at + 80, true) +
      view.getUint16(at + 82, true);
    view.setUint32(at + 4, crc32(bytes.subarray(at + 8, headerEnd)), true);
    return bytes;
  });
}

Deno.test("numbers and ordinals that are not the next ones are found", async () => {
  const number = await findAfter((directory) =>
    forgeLast(directory, (view, at) => view.setUint32(at + 24, 77, true))
  );
  assert(kindsOf(number).includes("damage eventNumber"));
  assert(
    firstOf(number, "eventNumber").what.includes("is number 77 of its stream"),
  );
  // The commit record says that another record stood there.
  assert(kindsOf(number).includes("damage commitRecord"));
  for (const at of [32, 40]) {
    for (const value of [3, 0xffff_ffff]) {
      const ordinal = await findAfter((directory) =>
        forgeLast(directory, (view, start) => {
          view.setUint32(start + at, value, true);
          view.setUint32(start + at + 4, value === 3 ? 0 : value, true);
        })
      );
      assert(kindsOf(ordinal).includes("damage ordinal"), `${at} ${value}`);
    }
  }
});

Deno.test("a record older than the one before it, and one out of its run, are found", async () => {
  const older = await findAfter((directory) =>
    forgeLast(directory, (view, at) => view.setUint32(at + 20, 0, true))
  );
  assert(firstOf(older, "record").what.includes("older"));
  const run = await findAfter((directory) =>
    forgeLast(directory, (view, at) => view.setUint32(at + 84, 1, true))
  );
  assert(kindsOf(run).includes("damage run"));
});

/** Changes the content of a blocked file, and makes checksums right again. */
function forgeBlock(
  path: string,
  block: number,
  change: (content: Uint8Array) => void,
): void {
  changeFile(path, (bytes) => {
    const start = block < 0
      ? bytes.length + block * BLOCK_BYTES
      : block * BLOCK_BYTES;
    const content = bytes.subarray(start, start + BLOCK_BYTES - 4);
    change(content);
    new DataView(bytes.buffer).setUint32(
      start + BLOCK_BYTES - 4,
      crc32(content),
      true,
    );
    return bytes;
  });
}

Deno.test("every block of an index file is under a checksum", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  const path = directory.segmentPath(0, "idx");
  const { size } = Deno.statSync(path);
  for (let at = 0; at < size; at += 97) {
    flipBit(path, at);
    const report = await verify(directory);
    flipBit(path, at);
    assertEquals(kindsOf(report), ["broken indexFile"], `byte ${at}`);
    assertEquals(report.damageCount, 0);
  }
});

Deno.test("an index file that says something else than the log is found", async () => {
  const cut = await findAfter((directory) =>
    changeFile(
      directory.segmentPath(0, "idx"),
      (bytes) => bytes.subarray(0, bytes.length - BLOCK_BYTES),
    )
  );
  assertEquals(kindsOf(cut), ["broken indexFile"]);
  const exchanged = await findAfter((directory) =>
    Deno.copyFileSync(
      directory.segmentPath(0, "idx"),
      directory.segmentPath(1, "idx"),
    )
  );
  assertEquals(
    firstOf(exchanged, "indexFile").what,
    "the index file belongs to another segment",
  );
  // Two entries of a slice, exchanged: name of 6 bytes, 48 more before them.
  const entries = await findAfter((directory) =>
    forgeBlock(directory.segmentPath(0, "idx"), 0, (content) => {
      const at = 4 + 6 + 48;
      const first = content.slice(at, at + 4);
      content.copyWithin(at, at + 4, at + 8);
      content.set(first, at + 4);
    })
  );
  assertEquals(kindsOf(entries), ["broken indexContent"]);
  const counts = await findAfter((directory) =>
    forgeBlock(
      directory.segmentPath(0, "idx"),
      -1,
      (content) =>
        new DataView(content.buffer, content.byteOffset).setUint32(56, 1, true),
    )
  );
  assertEquals(kindsOf(counts), ["broken indexContent"]);
});

Deno.test("ids and pointers of an index are compared by the deep check alone", async () => {
  // The hash of an id, in the block after the slices and the directory.
  const damage = (directory: StoreDirectory) =>
    forgeBlock(directory.segmentPath(1, "idx"), 1, (content) => {
      content[0] = (content[0] ?? 0) ^ 1;
    });
  assertEquals(kindsOf(await findAfter(damage)), []);
  const deep = await findAfter(damage, true);
  assertEquals(kindsOf(deep), ["broken indexContent", "notice indexMissing"]);
  assertEquals(firstOf(deep, "indexContent").offset, BLOCK_BYTES);
});

Deno.test("damaged heads are found, and those of other segments are only told of", async () => {
  for (const at of [5, 3000, 4200]) {
    const report = await findAfter((directory) =>
      flipBit(directory.pathOf("heads.snap"), at)
    );
    assertEquals(kindsOf(report), ["broken headsFile"], `byte ${at}`);
  }
  const other = await findAfter(async (directory) => {
    await using second = await createStoreDirectory();
    await second.append(40);
    Deno.copyFileSync(
      second.pathOf("heads.snap"),
      directory.pathOf("heads.snap"),
    );
  });
  assertEquals(kindsOf(other), ["notice headsFile"]);
});

Deno.test("a lost, damaged or foreign commit record is found", async () => {
  const gone = await findAfter((directory) => directory.removeCatalog());
  assertEquals(kindsOf(gone), ["broken commitMissing"]);
  const damaged = await findAfter((directory) => {
    directory.removeCatalog();
    Deno.writeTextFileSync(
      directory.pathOf("catalog.kv"),
      "no database ".repeat(999),
    );
  });
  assertEquals(kindsOf(damaged), ["broken database"]);
  const empty = await findAfter(async (directory) => {
    const kv = await Deno.openKv(directory.pathOf("catalog.kv"));
    await kv.set(["quipu", "commit"], new Uint8Array(48));
    kv.close();
  });
  assertEquals(kindsOf(empty), ["broken commitMissing"]);
  const foreign = await findAfter(async (directory) => {
    await using other = await createStoreDirectory();
    await other.append(1);
    directory.removeCatalog();
    Deno.copyFileSync(
      other.pathOf("catalog.kv"),
      directory.pathOf("catalog.kv"),
    );
  });
  assertEquals(kindsOf(foreign), ["broken commitRecord"]);
});

Deno.test("a device that does not give the bytes is told of", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  const disk = createFileDisk();
  const bad = directory.segmentPath(1);
  const report = await verifyDirectoryOn(
    {
      openCatalog: openKvCatalog,
      disk: {
        ...disk,
        open(path, mode) {
          const file = disk.open(path, mode);
          if (path !== bad) return file;
          const readAt = file.readAt.bind(file);
          file.readAt = (buffer, offset) => {
            if (offset > 160) {
              throw new Error("Input/output error (os error 5)");
            }
            return readAt(buffer.subarray(0, 160), offset);
          };
          return file;
        },
      },
    },
    { directory: directory.path, isDeep: false },
    CONTROL,
  );
  assertEquals(kindsOf(report), ["damage unreadable"]);
  assertEquals(firstOf(report, "unreadable").file, "segments/00000001.g1.seg");
});

Deno.test("a verification stops when it is told to", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(40);
  const stopping = new AbortController();
  const reason = new Error("enough");
  let reported = 0;
  const error = await verifyDirectory(
    { directory: directory.path, isDeep: true },
    {
      signal: stopping.signal,
      report() {
        if (++reported === 3) stopping.abort(reason);
      },
    },
  ).catch((error) => error);
  assertEquals(error, reason);
  // The lock was let go.
  assert((await verify(directory)).isClean);
});
