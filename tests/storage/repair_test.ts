/**
 * Repairing: every kind of damage, made for real; afterwards the store
 * verifies clean, opens, holds all that was whole, and says what is gone.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { RepairReport } from "../../lib/store/maintenance.ts";
import { join } from "@std/path";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import { openKvCatalog } from "../../storage/commit/kv_catalog.ts";
import {
  repairDirectory,
  repairDirectoryOn,
} from "../../storage/maintenance/repair/repair_directory.ts";
import { backupDirectory } from "../../storage/maintenance/backup/directories.ts";
import { decodeSegmentHeader } from "../../storage/log/segment_header.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import { createTestClock } from "../support/events.ts";
import {
  changeFile,
  createStoreDirectory,
  flipBit,
  type StoreDirectory,
} from "../support/store_directory.ts";

const CONTROL = { signal: new AbortController().signal, report() {} };

function repair(
  directory: StoreDirectory,
  isConfirmed: boolean,
): Promise<RepairReport> {
  return repairDirectory({
    directory: directory.path,
    isConfirmed,
    clock: createTestClock(),
    newEventId: () => crypto.randomUUID(),
    logger: SILENT_LOGGER,
  }, CONTROL);
}

/** All files of a directory with their bytes. */
function snapshotOf(directory: StoreDirectory): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["", "segments/", "lost/"]) {
    try {
      for (
        const { name, isFile } of Deno.readDirSync(directory.pathOf(folder))
      ) {
        // The lock says who had it last; the KV's journal comes and goes.
        if (!isFile || name === "lock" || name.startsWith("catalog.kv-")) {
          continue;
        }
        const bytes = Deno.readFileSync(directory.pathOf(folder + name));
        files.set(folder + name, String(bytes));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return files;
}

const COUNT = 40;

/** Damages a store, repairs it, and checks what must hold afterwards. */
async function repairAfter(
  damage: (directory: StoreDirectory) => void | Promise<void>,
): Promise<{ report: RepairReport; numbers: number[]; lost: string[] }> {
  await using directory = await createStoreDirectory();
  await directory.append(COUNT);
  await damage(directory);
  const before = snapshotOf(directory);
  const plan = await repair(directory, false);
  assertEquals(snapshotOf(directory), before, "a plan changes nothing");
  assert(plan.isNeeded && !plan.isDone);
  const report = await repair(directory, true);
  assertEquals(report.unrepaired, []);
  assert(report.isDone);
  assertEquals(report.actions, plan.actions);
  assertEquals(report.lostEvents, plan.lostEvents);
  const verified = await verifyDirectory(
    { directory: directory.path, isDeep: true },
    CONTROL,
  );
  assertEquals(
    verified.findings.filter(({ severity }) => severity !== "notice"),
    [],
  );
  const isLossy = report.lostPositions.length > 0;
  assertEquals(
    verified.findings.some(({ kind }) => kind === "lostRange"),
    isLossy,
  );
  {
    await using opened = await directory.open();
    assertEquals(opened.warnings.includes("store.has_losses"), isLossy);
  }
  const numbers = await directory.readNumbers();
  // It is written on, and nothing is found to repair.
  await directory.append(9);
  assertEquals((await directory.readNumbers()).length, numbers.length + 9);
  assertEquals((await repair(directory, false)).isNeeded, false);
  return { report, numbers, lost: directory.lostNames() };
}

/** Those of 1 to 40 that are not there. */
function missingOf(numbers: readonly number[]): number[] {
  const missing: number[] = [];
  for (let n = 1; n <= COUNT; n++) if (!numbers.includes(n)) missing.push(n);
  return missing;
}

function kindsOf({ actions }: RepairReport): string[] {
  return actions.map(({ kind, file }) => `${kind} ${file}`);
}

Deno.test("a whole store needs no repair", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(COUNT);
  const report = await repair(directory, true);
  assertEquals([report.isNeeded, report.isDone], [false, false]);
  assertEquals(directory.lostNames(), []);
});

Deno.test("a damaged record is isolated, and said to be gone", async () => {
  for (const index of [0, 1]) {
    const { report, numbers, lost } = await repairAfter((directory) =>
      flipBit(directory.segmentPath(index), 70)
    );
    const name = `0000000${index}.g1`;
    assertEquals(kindsOf(report), [`isolate segments/${name}.seg`]);
    assertEquals(missingOf(numbers).length, 1);
    assertEquals(report.lostPositions.length, 1);
    assertEquals(report.lostEventCount, 1);
    assert(lost.some((file) => file.startsWith(`${name}.seg-`)), String(lost));
    assert(lost.some((file) => file.startsWith("losses-")));
    assert(report.note?.startsWith("lost/losses-"));
  }
});

Deno.test("a damaged body is named by its stream and number", async () => {
  const { report, numbers } = await repairAfter((directory) => {
    const path = directory.segmentPath(0);
    const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
    flipBit(path, text.indexOf('{"n":') + 2);
  });
  assertEquals(missingOf(numbers), [1]);
  assertEquals(report.lostEvents, [{ streamName: "cart-1", from: 0, to: 0 }]);
});

Deno.test("the last events of a damaged log are gone, and their numbers are not given again", async () => {
  // The whole second half of the newest segment, inside a store with an index.
  const { report, numbers } = await repairAfter((directory) =>
    changeFile(
      directory.segmentPath(-1),
      (bytes) => bytes.subarray(0, 64 + 100),
    )
  );
  assertEquals(kindsOf(report)[0]?.startsWith("isolate"), true);
  assert(missingOf(numbers).length > 0);
  assertEquals(report.lostPositions.length, 1);

  // One whose header is whole still tells which number it was.
  await using directory = await createStoreDirectory();
  await directory.append(COUNT);
  const path = directory.segmentPath(-1);
  const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  flipBit(path, text.lastIndexOf('{"n":') + 2);
  const last = await repair(directory, true);
  assertEquals(last.lostEvents, [{ streamName: "cart-1", from: 13, to: 13 }]);
  await using opened = await directory.open();
  assertEquals((await opened.store.readState("cart-1")).head, 13);
  assertEquals(await opened.store.readEvent("cart-1", 13), undefined);
  assertEquals((await opened.store.readState("cart-2")).head, 12);
});

Deno.test("a missing, foreign or unreadable segment gets a place that says so", async () => {
  const missing = await repairAfter((directory) =>
    Deno.removeSync(directory.segmentPath(1))
  );
  assertEquals(
    kindsOf(missing.report),
    ["replace segments/00000001.g2.seg"],
  );
  assert(missing.numbers.length > 20 && missing.numbers.length < COUNT);
  assertEquals(missing.report.lostEventCount, COUNT - missing.numbers.length);

  const foreign = await repairAfter(async (directory) => {
    await using other = await createStoreDirectory();
    await other.append(COUNT);
    Deno.copyFileSync(other.segmentPath(1), directory.segmentPath(1));
  });
  assert(foreign.lost.some((name) => name.startsWith("00000001.g1.seg-")));
  assert(foreign.numbers.length < COUNT);

  const gone = await repairAfter((directory) =>
    Deno.removeSync(directory.segmentPath(-1))
  );
  assert(gone.numbers.length < COUNT);
  assertEquals(gone.report.lostPositions.length, 1);
});

Deno.test("of a segment with a damaged header nothing else is lost", async () => {
  for (const index of [0, 2]) {
    const { report, numbers } = await repairAfter((directory) =>
      flipBit(directory.segmentPath(index), 40)
    );
    assertEquals(numbers.length, COUNT);
    assertEquals(report.lostEventCount, 0);
  }
});

Deno.test("a torn end is cut and kept", async () => {
  const { report, numbers, lost } = await repairAfter((directory) =>
    changeFile(
      directory.segmentPath(-1),
      (bytes) => new Uint8Array([...bytes, ...bytes.subarray(64, 150)]),
    )
  );
  assertEquals(report.actions.map(({ kind }) => kind), ["cutTail"]);
  assertEquals(numbers.length, COUNT);
  assert(lost.length > 0);
});

Deno.test("indexes, heads and the KV are made again", async () => {
  const cases: [string, (directory: StoreDirectory) => void][] = [
    [
      "segments/00000001.g1.idx",
      (directory) => flipBit(directory.segmentPath(1, "idx"), 100),
    ],
    ["heads.snap", (directory) => flipBit(directory.pathOf("heads.snap"), 5)],
    ["catalog.kv", (directory) => directory.removeCatalog()],
    ["catalog.kv", (directory) => {
      directory.removeCatalog();
      Deno.writeTextFileSync(
        directory.pathOf("catalog.kv"),
        "no database ".repeat(999),
      );
    }],
  ];
  for (const [file, damage] of cases) {
    const { report, numbers } = await repairAfter(damage);
    assertEquals(kindsOf(report), [`rebuild ${file}`]);
    assertEquals(numbers.length, COUNT);
  }
});

Deno.test("everything at once is repaired at once", async () => {
  const { numbers } = await repairAfter((directory) => {
    flipBit(directory.segmentPath(0), 70);
    flipBit(directory.segmentPath(1), 40);
    Deno.removeSync(directory.segmentPath(2));
    flipBit(directory.segmentPath(-1), 90);
    flipBit(directory.segmentPath(0, "idx"), 100);
    Deno.removeSync(directory.pathOf("heads.snap"));
    directory.removeCatalog();
  });
  assert(numbers.length > 10);
});

Deno.test("a store that lost all its segments opens empty, at the position where it was", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(COUNT);
  for (const name of directory.namesOf("seg")) {
    Deno.removeSync(directory.pathOf("segments", name));
  }
  const report = await repair(directory, true);
  assertEquals(report.unrepaired, []);
  assertEquals(report.lostPositions.length, 1);
  await using opened = await directory.open();
  assert((await opened.store.readEnd()).end > 0);
});

Deno.test("times that were lost with all segments are unknown, and not 1970", async () => {
  await using directory = await createStoreDirectory();
  await directory.append(COUNT);
  for (const name of directory.namesOf("seg")) {
    Deno.removeSync(directory.pathOf("segments", name));
  }
  await repair(directory, true);
  for (const name of directory.namesOf("seg")) {
    const bytes = Deno.readFileSync(directory.pathOf("segments", name));
    const header = decodeSegmentHeader(bytes);
    assert(typeof header === "object" && header.createdAtUs > 0, name);
  }
  await using place = await createStoreDirectory();
  const target = place.pathOf("backup");
  const report = await backupDirectory({
    directory: directory.path,
    target,
    version: "0.0.0",
    clock: createTestClock(),
  }, CONTROL);
  assertEquals(report.lastCreatedAtUs, undefined);
  const manifest = Deno.readTextFileSync(join(target, "manifest.json"));
  assert(!("lastCreatedAtUs" in JSON.parse(manifest)), manifest);
});

Deno.test("a repair that is interrupted at any step is taken up again", async () => {
  await using origin = await createStoreDirectory();
  await origin.append(COUNT);
  flipBit(origin.segmentPath(0), 70);
  flipBit(origin.segmentPath(-1), 90);
  flipBit(origin.segmentPath(1, "idx"), 100);
  const files = [...snapshotOf(origin).keys()];
  let steps = 0;
  for (let failing = 0; failing <= steps; failing++) {
    await using directory = await createStoreDirectory();
    Deno.mkdirSync(directory.pathOf("segments"));
    for (const name of files) {
      Deno.copyFileSync(origin.pathOf(name), directory.pathOf(name));
    }
    let step = 0;
    const change = async <Result>(act: () => Promise<Result>) => {
      if (step++ === failing) throw new Error("The power is off (os error 5)");
      // What comes after a power cut is not done either.
      if (step > failing) throw new Error("The power is off (os error 5)");
      return await act();
    };
    const disk = createFileDisk();
    const interrupted = repairDirectoryOn({
      openCatalog: openKvCatalog,
      disk: {
        ...disk,
        create: (path) => change(() => disk.create(path)),
        rename: (from, to) => change(() => disk.rename(from, to)),
        makeDirectory: (path) => change(() => disk.makeDirectory(path)),
      },
    }, {
      directory: directory.path,
      isConfirmed: true,
      clock: createTestClock(),
      newEventId: () => crypto.randomUUID(),
      logger: SILENT_LOGGER,
    }, CONTROL);
    await interrupted.catch(() => {});
    if (failing === 0) steps = 12;
    const again = await repair(directory, true);
    assertEquals(again.unrepaired, [], `after step ${failing}`);
    const verified = await verifyDirectory(
      { directory: directory.path, isDeep: true },
      CONTROL,
    );
    assert(verified.isClean, `after step ${failing}`);
    assertEquals(missingOf(await directory.readNumbers()).length, 2);
  }
});
