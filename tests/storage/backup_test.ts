import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import type { RecordedEvent } from "../../lib/model/event.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { EventStore } from "../../lib/store/event_store.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import type { MaintainedStore } from "../../lib/store/event_store.ts";
import type { StoreMaintenance } from "../../lib/store/maintenance.ts";
import type { LogPoint } from "../../lib/store/transfer.ts";
import {
  decodeManifest,
  encodeManifest,
} from "../../storage/maintenance/backup/manifest.ts";
import { BackupTarget } from "../../storage/maintenance/backup/backup_target.ts";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import {
  backupDirectory,
  restoreDirectory,
} from "../../storage/maintenance/backup/directories.ts";
import { compactCatalog } from "../../storage/commit/compact_catalog.ts";
import { SEGMENT_HEADER_BYTES } from "../../storage/log/segment_header.ts";
import { openStore } from "../../storage/mod.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import {
  aMetadataEvent,
  createTestClock,
  createTestIds,
} from "../support/events.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const CONTROL = { signal: new AbortController().signal, report: () => {} };
const CLOCK = createTestClock();
CLOCK.advanceMs(1_000_000);

interface Place extends AsyncDisposable {
  readonly store: StoreDirectory;
  pathOf(name: string): string;
  backUp(): ReturnType<typeof backupDirectory>;
  restore(
    name: string,
    point?: LogPoint,
  ): ReturnType<typeof restoreDirectory>;
}

/** A directory for a store, its backup and what is restored. */
async function openPlace(): Promise<Place> {
  const path = await Deno.makeTempDir({ prefix: "quipu-backup-" });
  return {
    store: new StoreDirectory(join(path, "store")),
    pathOf: (name) => join(path, name),
    backUp: () =>
      backupDirectory({
        directory: join(path, "store"),
        target: join(path, "backup"),
        version: "0.0.0",
        clock: CLOCK,
      }, CONTROL),
    restore: (name, point) =>
      restoreDirectory({
        backup: join(path, "backup"),
        directory: join(path, name),
        point,
        segmentSizeBytes: 2048,
        clock: CLOCK,
        newEventId: createTestIds(),
        logger: SILENT_LOGGER,
      }, CONTROL),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Everything that a store holds, in the order of its log. */
async function eventsOf(directory: string): Promise<RecordedEvent[]> {
  await using store = await openStore({
    directory,
    segmentSizeBytes: 2048,
    clock: CLOCK,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
  return await allEvents(store);
}

async function allEvents(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (let from = 0;;) {
    const page = await store.readAll({
      from,
      count: 1000,
      direction: "forward",
      withBodies: true,
    });
    events.push(...page.events.map(plain));
    if (page.isAtEnd) return events;
    from = page.next;
  }
}

function plain(event: RecordedEvent): RecordedEvent {
  const { streamName, eventNumber, eventId, eventType, isJson } = event;
  const { data, metadata, createdAtUs, logPosition } = event;
  return {
    streamName,
    eventNumber,
    eventId,
    eventType,
    isJson,
    data: data.slice(),
    metadata: metadata.slice(),
    createdAtUs,
    logPosition,
  };
}

Deno.test("a backup that is restored holds every event as it was", async () => {
  await using place = await openPlace();
  await place.store.append(60);
  const report = await place.backUp();
  assert(report.segmentCount > 3);
  assertEquals(report.copiedCount, report.segmentCount);
  const restored = await place.restore("restored");
  assertEquals(restored.end, report.end);
  assertEquals(restored.streamCount, 3);
  const before = await eventsOf(place.store.path);
  assertEquals(before.length, 60);
  assertEquals(await eventsOf(place.pathOf("restored")), before);
});

Deno.test("a second backup copies only what is new", async () => {
  await using place = await openPlace();
  await place.store.append(40);
  const first = await place.backUp();
  const again = await place.backUp();
  assertEquals([again.copiedCount, again.copiedBytes], [0, 0]);
  assertEquals(again.totalBytes, first.totalBytes);
  await place.store.append(40);
  const second = await place.backUp();
  assert(second.segmentCount > first.segmentCount);
  assertEquals(
    second.copiedCount,
    second.segmentCount - first.segmentCount + 1,
  );
  await place.restore("restored");
  assertEquals((await eventsOf(place.pathOf("restored"))).length, 80);
});

Deno.test("a restored store goes on, and its backups are told apart", async () => {
  await using place = await openPlace();
  await place.store.append(30);
  await place.backUp();
  const events = await eventsOf(place.store.path);
  const cut = events[20]?.logPosition ?? 0;
  const restored = await place.restore("restored", { position: cut });
  assertEquals(restored.end, cut);
  const other = new StoreDirectory(place.pathOf("restored"));
  // Of these the first twenty are there already.
  await other.append(50);
  const otherEvents = await eventsOf(other.path);
  assertEquals(otherEvents.length, 50);
  assertEquals(otherEvents.slice(0, 20), events.slice(0, 20));
  // Into the directory of the first one's backup: nothing is mixed up.
  const report = await backupDirectory({
    directory: other.path,
    target: place.pathOf("backup"),
    version: "0.0.0",
    clock: CLOCK,
  }, CONTROL);
  assert(report.copiedCount < report.segmentCount);
  await place.restore("third");
  assertEquals(await eventsOf(place.pathOf("third")), otherEvents);
});

Deno.test("a restore to any position or time holds what stands before it", async () => {
  await using place = await openPlace();
  await place.store.append(14);
  await place.backUp();
  const events = await eventsOf(place.store.path);
  const points: LogPoint[] = events.flatMap((event) => [
    { position: event.logPosition },
    { position: event.logPosition + 7 },
    { timeUs: event.createdAtUs },
    { timeUs: event.createdAtUs + 1 },
  ]);
  for (const [at, point] of points.entries()) {
    const name = `restored-${at}`;
    await place.restore(name, point);
    const wanted = events.filter((event, index) =>
      "position" in point
        ? (events[index + 1]?.logPosition ?? Infinity) <= point.position
        : event.createdAtUs < point.timeUs
    );
    assertEquals(await eventsOf(place.pathOf(name)), wanted, `point ${at}`);
    await Deno.remove(place.pathOf(name), { recursive: true });
  }
});

Deno.test("a backup that does not know its last time is restored to a time all the same", async () => {
  await using place = await openPlace();
  await place.store.append(12);
  await place.backUp();
  const path = join(place.pathOf("backup"), "manifest.json");
  const manifest = decodeManifest(await Deno.readTextFile(path));
  assert(typeof manifest === "object");
  const { lastCreatedAtUs = 0 } = manifest;
  assert(lastCreatedAtUs > 0);
  const point = { timeUs: lastCreatedAtUs - 4_000 };
  const known = await place.restore("known", point);
  assert(known.end > 0 && known.end < manifest.end);
  // Older versions wrote 0 for unknown; now there is no member.
  for (const [name, unknown] of [["old", 0], ["new", undefined]] as const) {
    const text = encodeManifest({ ...manifest, lastCreatedAtUs: unknown });
    await Deno.writeTextFile(path, text);
    const decoded = decodeManifest(text);
    assert(typeof decoded === "object", name);
    assertEquals(decoded.lastCreatedAtUs, undefined);
    const restored = await place.restore(name, point);
    assertEquals(restored.end, known.end, name);
  }
});

Deno.test("a backup of a store whose newest segment is empty knows its last time", async () => {
  await using place = await openPlace();
  await place.store.append(40);
  // The catalog would know it, too.
  for (const { name } of [...Deno.readDirSync(place.store.path)]) {
    if (name.startsWith("catalog.kv")) {
      await Deno.remove(join(place.store.path, name));
    }
  }
  await Deno.truncate(place.store.segmentPath(-1), SEGMENT_HEADER_BYTES);
  const { lastCreatedAtUs } = await place.backUp();
  const events = await eventsOf(place.store.path);
  assert(events.length > 0 && events.length < 40);
  assertEquals(lastCreatedAtUs, events.at(-1)?.createdAtUs);
});

Deno.test("an archive that GNU tar made of a backup can be restored", async () => {
  await using place = await openPlace();
  await place.store.append(30);
  await place.backUp();
  const archive = place.pathOf("backup.tar");
  const made = await new Deno.Command("tar", {
    args: ["-cf", archive, "-C", place.pathOf("backup"), "."],
  }).output();
  assert(made.success);
  const report = await restoreDirectory({
    backup: archive,
    directory: place.pathOf("restored"),
    point: undefined,
    segmentSizeBytes: 2048,
    clock: CLOCK,
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  }, CONTROL);
  assertEquals(report.copiedBytes > 0, true);
  assertEquals(
    await eventsOf(place.pathOf("restored")),
    await eventsOf(place.store.path),
  );
});

Deno.test("every damaged or missing byte of a backup is noticed, and nothing restored", async () => {
  await using place = await openPlace();
  await place.store.append(12);
  await place.backUp();
  const directory = place.pathOf("backup");
  const names = [...Deno.readDirSync(join(directory, "segments"))]
    .map(({ name }) => join("segments", name));
  for (const name of ["manifest.json", ...names]) {
    const path = join(directory, name);
    const bytes = await Deno.readFile(path);
    const changes = [
      ...Array.from({ length: 20 }, (_, at) => {
        const changed = bytes.slice();
        const offset = Math.floor(bytes.length * at / 20);
        changed[offset] = (changed[offset] ?? 0) ^ 0x10;
        return changed;
      }),
      bytes.subarray(0, bytes.length - 1),
      new Uint8Array([...bytes, 0x7b]),
    ];
    for (const changed of changes) {
      await Deno.writeFile(path, changed);
      const error = await assertRejects(
        () => place.restore("restored"),
        QuipuError,
      );
      assertEquals(error.code, "damaged", error.message);
      assertEquals([...await namesIn(place.pathOf("restored"))], []);
    }
    await Deno.remove(path);
    await assertRejects(() => place.restore("restored"), QuipuError);
    await Deno.writeFile(path, bytes);
  }
  await place.restore("restored");
});

async function namesIn(path: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  } catch {
    return [];
  }
}

Deno.test("only an empty directory is restored to", async () => {
  await using place = await openPlace();
  await place.store.append(3);
  await place.backUp();
  const error = await assertRejects(() => place.restore("store"), QuipuError);
  assertEquals(error.code, "notWritable");
  assertStringIncludes(error.message, "not empty");
  await Deno.mkdir(place.pathOf("other"));
  await Deno.writeTextFile(join(place.pathOf("other"), "notes.txt"), "mine");
  await assertRejects(() => place.restore("other"), QuipuError, "notes.txt");
  await Deno.mkdir(place.pathOf("empty"));
  await place.restore("empty");
});

Deno.test("a directory with an unfinished restore is refused until it is done", async () => {
  await using place = await openPlace();
  await place.store.append(20);
  await place.backUp();
  const stopping = new AbortController();
  const directory = place.pathOf("restored");
  await assertRejects(() =>
    restoreDirectory({
      backup: place.pathOf("backup"),
      directory,
      point: undefined,
      segmentSizeBytes: 2048,
      clock: CLOCK,
      newEventId: createTestIds(),
      logger: SILENT_LOGGER,
    }, {
      signal: stopping.signal,
      report: ({ phase }) => {
        if (phase === "copying segments") stopping.abort(new Error("stop"));
      },
    })
  );
  for (const isReadOnly of [false, true]) {
    const error = await assertRejects(() =>
      openStore({
        directory,
        segmentSizeBytes: 2048,
        clock: CLOCK,
        newEventId: createTestIds(),
        logger: SILENT_LOGGER,
        isReadOnly,
      }), QuipuError);
    assertEquals(error.code, "damaged");
    assertStringIncludes(error.message, "a restore to it was not finished");
  }
  await place.restore("restored");
  assertEquals((await eventsOf(directory)).length, 20);
});

Deno.test("an interrupted backup leaves the one before, and is resumed", async () => {
  await using place = await openPlace();
  await place.store.append(20);
  const first = await place.backUp();
  await place.store.append(120);
  const stopping = new AbortController();
  let copied = 0;
  await assertRejects(() =>
    backupDirectory({
      directory: place.store.path,
      target: place.pathOf("backup"),
      version: "0.0.0",
      clock: CLOCK,
    }, {
      signal: stopping.signal,
      report: () => {
        copied++;
        if (copied === first.segmentCount + 5) stopping.abort(new Error("no"));
      },
    })
  );
  assertEquals((await place.restore("early")).end, first.end);
  const resumed = await place.backUp();
  assert(resumed.copiedCount < resumed.segmentCount - first.segmentCount);
  await place.restore("late");
  assertEquals((await eventsOf(place.pathOf("late"))).length, 140);
});

Deno.test("a store that is in use, another's backup and other files are refused", async () => {
  await using place = await openPlace();
  await place.store.append(3);
  {
    await using _open = await place.store.open();
    const error = await assertRejects(() => place.backUp(), QuipuError);
    assertEquals(error.code, "directoryLocked");
  }
  await place.backUp();
  const other = new StoreDirectory(place.pathOf("other"));
  await other.append(3);
  const backUpOther = (target: string) =>
    backupDirectory({
      directory: other.path,
      target: place.pathOf(target),
      version: "0.0.0",
      clock: CLOCK,
    }, CONTROL);
  await assertRejects(() => backUpOther("backup"), QuipuError, "another store");
  await assertRejects(() => backUpOther("store"), QuipuError, "no backup");
  await assertRejects(
    () => place.restore("x", { position: 1e9 }),
    QuipuError,
    "the backup ends at",
  );
  const writing = await BackupTarget.open(
    createFileDisk(),
    place.pathOf("backup"),
  );
  const error = await assertRejects(() => place.backUp(), QuipuError);
  // Not the store's lock: nobody is to be sent to its server.
  assertEquals(error.code, "notWritable");
  assertStringIncludes(error.message, "is writing to it");
  await writing.close();
});

Deno.test("a backup is no store: nothing opens it, and nothing in it changes", async () => {
  await using place = await openPlace();
  await place.store.append(30);
  await place.backUp();
  const directory = place.pathOf("backup");
  const namesIn = async (path: string) =>
    (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
  for (const state of ["whole", "interrupted"]) {
    if (state === "interrupted") {
      await Deno.remove(join(directory, "manifest.json"));
    }
    const before = [
      await namesIn(directory),
      await namesIn(
        join(directory, "segments"),
      ),
    ];
    const commands: (() => Promise<unknown>)[] = [
      () => new StoreDirectory(directory).open(),
      () => verifyDirectory({ directory, isDeep: true }, CONTROL),
      () => compactCatalog({ directory }, CONTROL),
      () =>
        backupDirectory({
          directory,
          target: place.pathOf("other"),
          version: "0.0.0",
          clock: CLOCK,
        }, CONTROL),
    ];
    for (const run of commands) {
      const error = await assertRejects(run, QuipuError, "it holds a backup");
      assertEquals(error.code, "foreignFormat");
    }
    assertEquals([
      await namesIn(directory),
      await namesIn(
        join(directory, "segments"),
      ),
    ], before);
  }
  // The next backup goes on with it all the same.
  assertEquals((await place.backUp()).copiedCount, 0);
});

Deno.test("a restore stops between two segments of its store's opening, and is run again", async () => {
  await using place = await openPlace();
  await place.store.append(60);
  await place.backUp();
  const stopping = new AbortController();
  const stop = new Error("stopped");
  const seen: number[] = [];
  const restore = (signal: AbortSignal) =>
    restoreDirectory({
      backup: place.pathOf("backup"),
      directory: place.pathOf("restored"),
      point: undefined,
      segmentSizeBytes: 2048,
      clock: CLOCK,
      newEventId: createTestIds(),
      logger: SILENT_LOGGER,
    }, {
      signal,
      report({ phase, done }) {
        if (!phase.startsWith("opening")) return;
        seen.push(done);
        if (done === 2) stopping.abort(stop);
      },
    });
  assertEquals(await assertRejects(() => restore(stopping.signal)), stop);
  assertEquals(seen, [0, 1, 2]);
  const { segmentCount } = await restore(CONTROL.signal);
  assertEquals(
    seen.slice(3),
    Array.from({ length: segmentCount }, (_, at) => at),
  );
  const restored = new StoreDirectory(place.pathOf("restored"));
  assertEquals((await restored.readNumbers()).length, 60);
});

Deno.test("damage in the store is noticed while it is backed up", async () => {
  await using place = await openPlace();
  await place.store.append(30);
  const path = place.store.pathOf("segments", "00000001.g1.seg");
  const bytes = await Deno.readFile(path);
  bytes[300] = (bytes[300] ?? 0) ^ 1;
  await Deno.writeFile(path, bytes);
  const error = await assertRejects(() => place.backUp(), QuipuError);
  assertEquals(error.code, "damaged");
  assertStringIncludes(error.message, "segment 1");
});

Deno.test("a scavenged store is backed up and restored; its rewritten segments are new", async () => {
  await using place = await openPlace();
  await place.store.append(60);
  await place.backUp();
  let removedCount: number;
  {
    await using opened = await place.store.open();
    const { store } = opened;
    await store.append({
      streamName: "$$cart-1",
      expectedVersion: "any",
      events: [aMetadataEvent(500, { $maxCount: 2 })],
    });
    const report = await maintenanceOf(store).scavenge({}, CONTROL);
    removedCount = report.removedCount;
    assert(report.scavengedCount > 2);
  }
  const second = await place.backUp();
  assert(second.copiedCount > 2);
  assert(second.copiedCount <= second.segmentCount);
  await place.restore("restored");
  const events = await eventsOf(place.pathOf("restored"));
  assertEquals(events.length, 61 - removedCount);
  assertEquals(events, await eventsOf(place.store.path));
  const error = await assertRejects(
    () => place.restore("cut", { position: events[3]?.logPosition ?? 0 }),
    QuipuError,
  );
  assertEquals(error.code, "invalidRequest");
  assertStringIncludes(error.message, "that part was scavenged");
  const [, from, to] = /positions (\d+) and (\d+)/.exec(error.message) ?? [];
  for (const position of [Number(from), Number(to)]) {
    await place.restore(`cut-${position}`, { position });
    const cut = new StoreDirectory(place.pathOf(`cut-${position}`));
    const expected = events.filter((event) => event.logPosition < position);
    assertEquals(await eventsOf(cut.path), expected);
    // And it goes on.
    await cut.append(80);
  }
});

Deno.test("a file that a backup needs stays until it was read, scavenge or not", async () => {
  await using place = await openPlace();
  await place.store.append(60);
  await using opened = await place.store.open();
  const { store } = opened;
  const maintenance = maintenanceOf(store);
  const before = await allEvents(store);
  const backup = maintenance.openBackup({
    isChecked: true,
    have: new Map(),
    version: "0.0.0",
    takenAtUs: 0,
  });
  await store.append({
    streamName: "$$cart-1",
    expectedVersion: "any",
    events: [aMetadataEvent(500, { $maxCount: 1 })],
  });
  const report = await maintenance.scavenge({}, CONTROL);
  assert(report.scavengedCount > 2);
  const oldFiles = async () =>
    (await namesIn(place.store.pathOf("segments")))
      .filter((name) => name.endsWith(".g1.seg")).length;
  const countBefore = await oldFiles();
  const archive = place.pathOf("backup.tar");
  const file = await Deno.open(archive, { write: true, create: true });
  let bytes = 0;
  for (let piece = backup.next(); piece; piece = backup.next()) {
    bytes += await file.write(piece);
  }
  file.close();
  backup.close();
  assertEquals(bytes, backup.bytes);
  // Removing goes on in the background.
  while (await oldFiles() > countBefore - report.scavengedCount) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Deno.rename(archive, place.pathOf("backup"));
  await place.restore("restored");
  assertEquals(await eventsOf(place.pathOf("restored")), before);
});

function maintenanceOf(store: EventStore): Required<StoreMaintenance> {
  assert("maintenance" in store);
  return (store as MaintainedStore).maintenance;
}

Deno.test("a backup and a store are never in one another, whatever links say", async () => {
  await using place = await openPlace();
  await place.store.append(3);
  const store = place.pathOf("store");
  await Deno.mkdir(place.pathOf("outside"));
  await Deno.symlink(store, place.pathOf("outside/link"));
  await Deno.mkdir(place.pathOf("shell/.inner"), { recursive: true });
  const backUp = (directory: string, target: string) =>
    backupDirectory(
      { directory, target, version: "0.0.0", clock: CLOCK },
      CONTROL,
    );
  for (
    const [directory, target, why] of [
      [store, store, "the same directory"],
      [store, join(store, "backup"), "it is inside"],
      [store, join(store, "segments", "a", "b"), "it is inside"],
      [store, place.pathOf("outside/link"), "the same directory"],
      [store, place.pathOf("outside/link/new/../backup"), "it is inside"],
      [place.pathOf("outside/link"), join(store, "backup"), "it is inside"],
      [place.pathOf("shell/.inner"), place.pathOf("shell"), "is inside it"],
    ] as const
  ) {
    const error = await assertRejects(() => backUp(directory, target));
    assert(error instanceof QuipuError && error.code === "notWritable");
    assertStringIncludes(error.message, why);
  }
  assertEquals(
    (await Array.fromAsync(Deno.readDir(store))).some(({ name }) =>
      name === "backup"
    ),
    false,
  );
  await place.backUp();
  for (
    const [name, why] of [
      ["backup", "the same directory"],
      ["backup/restored", "it is inside"],
      ["store/.restored", "the directory of a store"],
    ] as const
  ) {
    const error = await assertRejects(() => place.restore(name), QuipuError);
    assertStringIncludes(error.message, why);
  }
  // Beside one another they may be, also where one name begins the other.
  await backUp(store, place.pathOf("store-backup"));
});
