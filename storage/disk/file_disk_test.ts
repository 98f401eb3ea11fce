import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createMemoryDisk } from "../memory/memory_platform.ts";
import type { Disk } from "./disk.ts";
import { readExactly } from "./disk.ts";
import { createFileDisk } from "./file_disk.ts";

interface Place {
  readonly disk: Disk;
  readonly directory: string;
}

/** What every disk does. */
function diskTest(
  title: string,
  body: (place: Place) => Promise<void>,
): void {
  Deno.test(`memory disk: ${title}`, () =>
    body({ disk: createMemoryDisk(), directory: "store" }));
  fileDiskTest(title, body);
}

function fileDiskTest(
  title: string,
  body: (place: Place) => Promise<void>,
): void {
  Deno.test(`file disk: ${title}`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "quipu-disk-" });
    try {
      await body({ disk: createFileDisk(), directory });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

diskTest("a file is read where it was written", async ({ disk, directory }) => {
  await disk.makeDirectory(directory);
  const path = join(directory, "file");
  const file = await disk.create(path);
  await file.writeAt(textBytes("0123456789"), 0);
  await file.writeAt(textBytes("ab"), 3);
  await file.writeAt(textBytes("end"), 12);
  await file.sync();
  assertEquals(file.size(), 15);
  const whole = readExactly(file, 0, 15);
  assertEquals(whole, textBytes("012ab56789\0\0end"));
  assertEquals(readExactly(file, 4, 3), textBytes("b56"));
  assertEquals(readExactly(file, 13, 3), undefined);
  assertEquals(file.readAt(new Uint8Array(4), 13), 2);
  assertEquals(file.readAt(new Uint8Array(4), 15), 0);
  await file.truncate(4);
  assertEquals(readExactly(file, 0, 4), textBytes("012a"));
  await file.writeAt(textBytes("z"), 5);
  assertEquals(readExactly(file, 0, 6), textBytes("012a\0z"));
  file.close();
  file.close();
});

diskTest("reads beside writes don't move them", async ({ disk, directory }) => {
  await disk.makeDirectory(directory);
  const path = join(directory, "file");
  const writer = await disk.create(path);
  const reader = disk.open(path, "read");
  const chunk = new Uint8Array(5_000);
  for (let index = 0; index < 50; index++) {
    const writing = writer.writeAt(chunk.fill(index), index * chunk.length);
    for (const file of [writer, reader]) {
      if (index === 0) continue;
      const before = readExactly(file, (index - 1) * chunk.length, 10);
      assertEquals(before, new Uint8Array(10).fill(index - 1));
    }
    await writing;
  }
  for (let index = 0; index < 50; index++) {
    const found = readExactly(reader, index * chunk.length, chunk.length);
    assert(found?.every((byte) => byte === index), `chunk ${index}`);
  }
  writer.close();
  reader.close();
});

diskTest(
  "a file is opened again and written on",
  async ({ disk, directory }) => {
    await disk.makeDirectory(directory);
    const path = join(directory, "file");
    const created = await disk.create(path);
    await created.writeAt(textBytes("abc"), 0);
    created.close();
    const opened = disk.open(path, "write");
    await opened.writeAt(textBytes("def"), 3);
    await opened.sync();
    assertEquals(readExactly(opened, 0, 6), textBytes("abcdef"));
    opened.close();
  },
);

diskTest(
  "files are listed, renamed and removed",
  async ({ disk, directory }) => {
    const inner = join(directory, "a", "b");
    assertEquals(await disk.list(inner), []);
    await disk.makeDirectory(inner);
    await disk.makeDirectory(inner);
    for (const name of ["two", "one"]) {
      (await disk.create(join(inner, name))).close();
    }
    assertEquals(await disk.list(inner), ["one", "two"]);
    await disk.rename(join(inner, "one"), join(inner, "two"));
    assertEquals(await disk.list(inner), ["two"]);
    await disk.syncDirectory(inner);
    await disk.remove(join(inner, "two"));
    assertEquals(await disk.list(inner), []);
  },
);

diskTest(
  "what is there is not created, what is not is not opened",
  async ({ disk, directory }) => {
    await disk.makeDirectory(directory);
    const path = join(directory, "file");
    for (const mode of ["read", "write"] as const) {
      assertThrows(() => disk.open(path, mode), Deno.errors.NotFound);
    }
    (await disk.create(path)).close();
    await assertRejects(() => disk.create(path), Deno.errors.AlreadyExists);
  },
);

diskTest(
  "a lock is had once, and again when released",
  async ({ disk, directory }) => {
    await disk.makeDirectory(directory);
    const path = join(directory, "lock");
    const first = await disk.lock(path, "process 1");
    assert("release" in first);
    assertEquals(await disk.lock(path, "process 2"), { heldBy: "process 1" });
    first.release();
    const second = await disk.lock(path, "process 3");
    assert("release" in second);
    assertEquals(await disk.lock(path, "process 4"), { heldBy: "process 3" });
    second.release();
  },
);

fileDiskTest(
  "a file opened for reading is not written",
  async ({ disk, directory }) => {
    const path = join(directory, "file");
    (await disk.create(path)).close();
    const file = disk.open(path, "read");
    for (
      const write of [
        () => file.writeAt(textBytes("a"), 0),
        () => file.sync(),
        () => file.truncate(0),
      ]
    ) await assertRejects(write, TypeError);
    file.close();
  },
);

/** Takes a lock, says so, and keeps it until its input ends. */
const LOCKING_PROGRAM = `
const { createFileDisk } = await import(Deno.args[0]);
const lock = await createFileDisk().lock(Deno.args[1], "process " + Deno.pid);
await Deno.stdout.write(new TextEncoder().encode("release" in lock ? "y" : "n"));
await Deno.stdin.read(new Uint8Array(1));
`;

fileDiskTest(
  "a lock keeps other processes out until theirs ends",
  async ({ disk, directory }) => {
    const program = join(directory, "program.ts");
    const path = join(directory, "lock");
    await Deno.writeTextFile(program, LOCKING_PROGRAM);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-check",
        "--allow-read",
        "--allow-write",
        "--config",
        new URL("../../deno.json", import.meta.url).pathname,
        program,
        new URL("./file_disk.ts", import.meta.url).href,
        path,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = child.stdout.getReader();
    const said = await output.read();
    assertEquals(said.value, textBytes("y"));
    assertEquals(
      await disk.lock(path, "the test"),
      { heldBy: `process ${child.pid}` },
    );
    child.kill("SIGKILL");
    await child.status;
    await output.cancel();
    await child.stdin.abort();
    const lock = await disk.lock(path, "the test");
    assert("release" in lock);
    assertEquals(await Deno.readTextFile(path), "the test\n");
    lock.release();
  },
);
