import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { SILENT_LOGGER } from "../../../lib/model/logger.ts";
import { restoreDirectory } from "../../../storage/maintenance/backup/directories.ts";
import { createTestClock, createTestIds } from "../../support/events.ts";
import { TEST_LOGINS } from "../../support/test_app.ts";
import {
  type MaintenancePlace,
  openMaintenancePlace,
} from "../../support/maintenance_place.ts";

const PATH = "/admin/backup";

function backUp(
  { test }: MaintenancePlace,
  options: { login?: string; body?: string; method?: string } = {},
): Promise<Response> {
  const { login = TEST_LOGINS.admin, body, method } = options;
  const headers: Record<string, string> = { Host: "localhost" };
  if (login !== "") headers["Authorization"] = login;
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["Content-Length"] = String(body.length);
  }
  const request = new Request(`http://localhost${PATH}`, {
    headers,
    method: method ?? (body === undefined ? "GET" : "POST"),
    ...(body === undefined ? {} : { body }),
  });
  return Promise.resolve(test.app(request, {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 50_000 },
    completed: Promise.resolve(),
  }));
}

async function tarOf(archive: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("tar", {
    args: [...args, "-f", archive],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function countIn(
  place: MaintenancePlace,
  archive: string,
): Promise<{ end: number; directory: string }> {
  const directory = join(place.path, "restored");
  const { end } = await restoreDirectory({
    backup: archive,
    directory,
    point: undefined,
    segmentSizeBytes: 2048,
    clock: createTestClock(),
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  }, { signal: new AbortController().signal, report: () => {} });
  return { end, directory };
}

Deno.test("GET /admin/backup is a tar archive that GNU tar reads and restore takes", async () => {
  await using place = await openMaintenancePlace();
  await place.append(90);
  const { end } = await place.store.readEnd();
  const response = await backUp(place);
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("Content-Type"), "application/x-tar");
  assertEquals(
    response.headers.get("Content-Disposition"),
    `attachment; filename="quipu-${end}.tar"`,
  );
  // What is written now is no part of it.
  await place.append(90);
  const bytes = await response.bytes();
  assertEquals(response.headers.get("Content-Length"), String(bytes.length));
  const archive = join(place.path, "backup.tar");
  await Deno.writeFile(archive, bytes);
  const names = (await tarOf(archive, "-t")).trim().split("\n");
  assertEquals(names[names.length - 1], "manifest.json");
  assert(names.length > 5);
  assert(names.slice(0, -1).every((name) => name.startsWith("segments/")));
  const restored = await countIn(place, archive);
  assertEquals(restored.end, end);
});

Deno.test("HEAD /admin/backup tells the length and reads nothing", async () => {
  await using place = await openMaintenancePlace();
  await place.append(90);
  const { headers, body } = await backUp(place, { method: "HEAD" });
  assertEquals(body, null);
  const bytes = await (await backUp(place)).bytes();
  assertEquals(headers.get("Content-Length"), String(bytes.length));
});

Deno.test("an archive that was cut anywhere is not restored", async () => {
  await using place = await openMaintenancePlace();
  await place.append(12);
  const bytes = await (await backUp(place)).bytes();
  const archive = join(place.path, "backup.tar");
  for (let cut = 0; cut < bytes.length - 1024 - 512; cut += 700) {
    await Deno.writeFile(archive, bytes.subarray(0, cut));
    let message = "";
    await countIn(place, archive).catch((error) => message = String(error));
    assertStringIncludes(message, "Cannot restore");
  }
});

Deno.test("POST /admin/backup leaves out what the client has", async () => {
  await using place = await openMaintenancePlace();
  await place.append(90);
  const whole = await (await backUp(place)).bytes();
  const archive = join(place.path, "backup.tar");
  await Deno.writeFile(archive, whole);
  const manifest = JSON.parse(await tarOf(archive, "-xO", "manifest.json"));
  const have = manifest.segments.map(
    ({ name, crc32 }: { name: string; crc32: string }) => ({ name, crc32 }),
  );
  await place.append(10);
  const response = await backUp(place, { body: JSON.stringify({ have }) });
  const part = await response.bytes();
  assertEquals(response.headers.get("Content-Length"), String(part.length));
  assert(part.length < whole.length * 0.6);
  await Deno.writeFile(archive, part);
  const second = JSON.parse(await tarOf(archive, "-xO", "manifest.json"));
  assertEquals(second.end, (await place.store.readEnd()).end);
  assertEquals(second.segments[0], manifest.segments[0]);
  const names = (await tarOf(archive, "-t")).trim().split("\n");
  assert(!names.includes(`segments/${manifest.segments[0].name}`));
});

Deno.test("POST /admin/backup with a body that says nothing is 400", async () => {
  await using place = await openMaintenancePlace();
  for (
    const body of [
      "",
      "[]",
      "{}",
      '{"have":[{}]}',
      '{"have":[{"name":"../x","crc32":"00000000"}]}',
    ]
  ) {
    const response = await backUp(place, { body });
    assertEquals(response.status, 400, body);
    await response.text();
  }
});

Deno.test("/admin/backup is for $admins and $backup alone", async () => {
  await using place = await openMaintenancePlace();
  for (const login of ["", TEST_LOGINS.user, TEST_LOGINS.ops]) {
    for (const body of [undefined, '{"have":[]}']) {
      const response = await backUp(place, {
        login,
        ...(body === undefined ? {} : { body }),
      });
      assertEquals(response.status, 401);
      await response.text();
    }
  }
  const response = await backUp(place, { login: TEST_LOGINS.backup });
  assertEquals(response.status, 200);
  await response.body?.cancel();
});

Deno.test("of too many backups at a time the last is 503, until one ends", async () => {
  await using place = await openMaintenancePlace({ backupsMax: 2 });
  await place.append(10);
  const first = await backUp(place);
  const second = await backUp(place);
  const third = await backUp(place);
  assertEquals([first.status, second.status, third.status], [200, 200, 503]);
  assertStringIncludes(await third.text(), "Too many backups");
  await first.body?.cancel();
  const fourth = await backUp(place);
  assertEquals(fourth.status, 200);
  assertEquals((await fourth.bytes()).length, (await second.bytes()).length);
  const head = await backUp(place, { method: "HEAD" });
  assertEquals(head.status, 200);
  assert(Number(head.headers.get("Content-Length")) > 512);
  await head.body?.cancel();
  for (let count = 0; count < 4; count++) {
    assertEquals((await (await backUp(place)).bytes()).length > 512, true);
  }
});

/** Reads until the answer ends, or breaks off. */
async function readOn(
  response: Response,
): Promise<{ bytes: number; error: unknown }> {
  let bytes = 0;
  try {
    for await (const piece of response.body ?? []) bytes += piece.length;
  } catch (error) {
    return { bytes, error };
  }
  return { bytes, error: undefined };
}

Deno.test("GET /admin/backup of a damaged store breaks off before the damage, and the log says where it is", async () => {
  await using place = await openMaintenancePlace();
  await place.append(90);
  const directory = join(place.path, "store", "segments");
  const whole = (await (await backUp(place)).bytes()).length;
  for (const name of ["00000000.g1.seg", "00000003.g1.seg"]) {
    const path = join(directory, name);
    const before = await Deno.readFile(path);
    // In the header, in a record, and in the end of the last one.
    for (const at of [20, 300, before.length - 10]) {
      const bytes = before.slice();
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await Deno.writeFile(path, bytes);
      // Damage that no snapshot can be taken over is told at once.
      const response = await backUp(place);
      if (response.status !== 200) {
        assertEquals([response.status, at], [500, 20]);
        await response.text();
        continue;
      }
      const { bytes: sent, error } = await readOn(response);
      assert(error !== undefined, `${name} at ${at}`);
      assert(sent < whole, `${name} at ${at}`);
      const last = place.logged.at(-1) ?? "";
      assert(last.startsWith("backup.failed "), last);
      assertStringIncludes(last, `segment ${Number(name.slice(0, 8))}: `);
    }
    await Deno.writeFile(path, before);
  }
  // Nothing of it is left open.
  const { bytes, error } = await readOn(await backUp(place));
  assertEquals([bytes, error], [whole, undefined]);
  assertStringIncludes(place.logged.at(-1) ?? "", '"outcome":"done"');
});

Deno.test("a backup of which nothing is taken is given up, and another may begin", async () => {
  await using place = await openMaintenancePlace({
    backupsMax: 1,
    sendStallMs: 2000,
  });
  await place.append(90);
  const stalled = await backUp(place);
  const reader = stalled.body?.getReader();
  await reader?.read();
  assertEquals((await backUp(place)).status, 503);
  while (!place.logged.some((line) => line.includes('"outcome":"stalled"'))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await reader?.read().then(
    () => assert(false, "it went on"),
    (error) => assertStringIncludes(String(error), "takes nothing"),
  );
  assertEquals((await readOn(await backUp(place))).error, undefined);
});
