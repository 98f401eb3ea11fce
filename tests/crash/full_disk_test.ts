/**
 * A real full disk: a small file system in memory, filled to the brim and
 * emptied again. Needs the right to mount; skipped where that is not given.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { createFileDisk } from "../../storage/disk/file_disk.ts";
import {
  type RunningServer,
  runProgram,
  startServer,
} from "../support/program.ts";
import { mountSmallDisk } from "../support/small_disk.ts";
import { StoreDirectory } from "../support/store_directory.ts";

const SIZE_MIB = 40;

const probe = await mountSmallDisk(SIZE_MIB);
await probe?.[Symbol.asyncDispose]();

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function append(server: RunningServer, bytes: number): Promise<Answer> {
  const response = await fetch(`${server.url}/streams/s`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "ES-EventType": "tested",
      "ES-EventId": crypto.randomUUID(),
    },
    body: JSON.stringify("x".repeat(bytes)),
  });
  return { status: response.status, text: await response.text() };
}

async function get(server: RunningServer, path: string): Promise<Answer> {
  const response = await fetch(server.url + path, {
    headers: { Accept: "application/json" },
  });
  return { status: response.status, text: await response.text() };
}

async function untilHealthy(server: RunningServer): Promise<void> {
  let answer: Answer | undefined;
  for (let attempt = 0; attempt < 1200; attempt++) {
    answer = await get(server, "/health");
    if (answer.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`Not healthy again: ${answer?.text}`);
}

/** Takes all the room that is left. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, append: true });
  let hasGrown = true;
  while (hasGrown) {
    hasGrown = await takeAll(file, 1 << 20) || await takeAll(file, PAGE_BYTES);
    // The rest of a page and no more: what a server gives up meanwhile would
    // take minutes byte by byte.
    await takeAll(file, 1, PAGE_BYTES);
  }
}

const PAGE_BYTES = 4096;

/** Writes pieces until there is no room; tells whether there was any. */
async function takeAll(
  file: Deno.FsFile,
  size: number,
  countMax = Infinity,
): Promise<boolean> {
  const piece = new Uint8Array(size);
  let count = 0;
  try {
    while (count < countMax) {
      await file.write(piece);
      count++;
    }
  } catch {
    // Full.
  }
  return count > 0;
}

Deno.test({
  name:
    "a full disk ends writing with 507, reading goes on, and room brings writing back",
  ignore: probe === undefined,
  async fn() {
    await using disk = await mountSmallDisk(SIZE_MIB);
    assert(disk !== undefined);
    const directory = new StoreDirectory(`${disk.path}/data`);
    const args = [`--db=${directory.path}`, "--segment-size=1MiB"];
    const filler = `${disk.path}/filler`;
    let acknowledged = 0;

    /** Appends until that is refused. */
    async function appendUntilRefused(server: RunningServer): Promise<Answer> {
      while (true) {
        const answer = await append(server, 50_000);
        if (answer.status !== 201) return answer;
        acknowledged++;
      }
    }

    async function assertWrites(server: RunningServer): Promise<void> {
      const { status, text } = await append(server, 1000);
      assertEquals(status, 201, text);
      acknowledged++;
    }

    const server = await startServer(args);
    for (let count = 0; count < 20; count++) await assertWrites(server);
    for (let round = 0; round < 2; round++) {
      await fill(filler);
      const refused = await appendUntilRefused(server);
      assertEquals(refused.status, 507, refused.text);
      assertStringIncludes(refused.text, "Cannot append");
      const health = await get(server, "/health");
      assertEquals([health.status, JSON.parse(health.text).status], [
        503,
        "readOnly",
      ]);
      const info = await get(server, "/info");
      // It is the log that has no space, or the database behind it.
      assertMatch(JSON.parse(info.text).readOnlyReason, /space|disk is full/);
      assertEquals((await get(server, "/streams/s/0")).status, 200);
      await Deno.remove(filler);
      await untilHealthy(server);
      await assertWrites(server);
    }
    // Killed while the disk is full, and started on a full disk.
    await fill(filler);
    await appendUntilRefused(server);
    await fill(filler);
    server.kill("SIGKILL");
    const { log } = await server.end;
    assertStringIncludes(log, "store.write_failed");
    assertStringIncludes(log, "store.writing_again");
    {
      await using next = await startServer(args);
      assertEquals((await get(next, "/streams/s/0")).status, 200);
      await Deno.remove(filler);
      await untilHealthy(next);
      await assertWrites(next);
    }
    await using opened = await directory.open(1 << 20);
    assertEquals(opened.verdict, "CLEAN");
    const { head } = await opened.store.readState("s");
    // What was refused may be there all the same: nobody was told that it is not.
    assert(head + 1 >= acknowledged && head + 1 <= acknowledged + 3, `${head}`);
  },
});

Deno.test({
  name:
    "a store that starts on a full disk gives up its ballast, which lets a scavenge make room",
  ignore: probe === undefined,
  async fn() {
    for (const how of ["server", "command"]) {
      await using disk = await mountSmallDisk(SIZE_MIB);
      assert(disk !== undefined);
      const args = [`--db=${disk.path}/data`, "--segment-size=1MiB"];
      {
        await using server = await startServer(args);
        for (let count = 0; count < 60; count++) await append(server, 50_000);
        const { status } = await fetch(`${server.url}/streams/s`, {
          method: "DELETE",
        });
        assertEquals(status, 204);
      }
      await fill(`${disk.path}/filler`);
      if (how === "command") {
        const { exitCode, log } = await runProgram(["scavenge", ...args]);
        assertEquals(exitCode, 0, log);
      } else {
        await using server = await startServer(args);
        // That the device is full shows a moment after the start.
        let refused = await append(server, 50_000);
        for (let tries = 0; tries < 3000 && refused.status === 503; tries++) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          refused = await append(server, 50_000);
        }
        assertEquals(refused.status, 507, refused.text);
        const asAdmin = { Authorization: `Basic ${btoa("admin:changeit")}` };
        const ask = (path: string, method: string) =>
          fetch(`${server.url}/admin/scavenge${path}`, {
            method,
            headers: asAdmin,
          });
        await (await ask("", "POST")).body?.cancel();
        let state = "running";
        while (state === "running") {
          await new Promise((resolve) => setTimeout(resolve, 50));
          ({ state } = await (await ask("/current", "GET")).json());
        }
        assertEquals(state, "done");
      }
      const free = createFileDisk().freeBytes?.(disk.path) ?? 0;
      assert(free > 2 ** 21, `${how}: ${free} bytes are free`);
    }
  },
});

Deno.test({
  name:
    "a new store that starts on a full disk gets its users once there is room",
  ignore: probe === undefined,
  async fn() {
    await using disk = await mountSmallDisk(SIZE_MIB);
    assert(disk !== undefined);
    const filler = `${disk.path}/filler`;
    const data = `${disk.path}/data`;
    await Deno.mkdir(data);
    await fill(filler);
    await using server = await startServer([`--db=${data}`]);
    assertEquals((await get(server, "/health")).status, 503);
    const asAdmin = { Authorization: `Basic ${btoa("admin:changeit")}` };
    const logIn = async (): Promise<number> => {
      const url = `${server.url}/users/$current`;
      const response = await fetch(url, { headers: asAdmin });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await logIn(), 401);
    await Deno.remove(filler);
    await untilHealthy(server);
    let status = 0;
    for (let attempt = 0; attempt < 1200 && status !== 200; attempt++) {
      status = await logIn();
      if (status !== 200) await new Promise((go) => setTimeout(go, 100));
    }
    assertEquals(status, 200);
  },
});
