import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { SILENT_LOGGER } from "../../../lib/model/logger.ts";
import {
  exportDirectory,
  importDirectory,
} from "../../../storage/maintenance/transfer/directories.ts";
import {
  anEvent,
  createTestClock,
  createTestIds,
} from "../../support/events.ts";
import { TEST_INFO, TEST_LOGINS } from "../../support/test_app.ts";
import {
  type MaintenancePlace,
  openMaintenancePlace,
} from "../../support/maintenance_place.ts";

const CONTROL = { signal: new AbortController().signal, report: () => {} };

function ask(
  { test }: MaintenancePlace,
  query = "",
  options: { login?: string; method?: string } = {},
): Promise<Response> {
  const { login = TEST_LOGINS.admin, method = "GET" } = options;
  const request = new Request(`http://localhost/admin/export${query}`, {
    method,
    headers: { Host: "localhost", ...(login && { Authorization: login }) },
  });
  return Promise.resolve(test.app(request, TEST_INFO));
}

/** Lines but for the first and the last. */
function eventsOf(text: string): { stream: string; position: number }[] {
  return text.trimEnd().split("\n").slice(1, -1).map((line) =>
    JSON.parse(line)
  );
}

function optionsOf(directory: string) {
  return {
    directory,
    segmentSizeBytes: 2048,
    clock: createTestClock(),
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  };
}

Deno.test("GET /admin/export is what quipu export writes, up to where it began", async () => {
  await using place = await openMaintenancePlace();
  await place.append(700);
  await place.store.append({
    streamName: "mixed-1",
    expectedVersion: "any",
    events: [anEvent(9001), anEvent(9002), anEvent(9003)],
  });
  const { end } = await place.store.readEnd();
  const response = await ask(place);
  assertEquals(response.status, 200);
  const { headers } = response;
  assertEquals(headers.get("Content-Type"), "application/x-ndjson");
  assertEquals(headers.get("Cache-Control"), "no-store");
  assertEquals(
    headers.get("Content-Disposition"),
    `attachment; filename="quipu-${end}.ndjson"`,
  );
  // What is written from now on is no part of it.
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await reader?.read(); piece?.done === false;) {
    text += decoder.decode(piece.value, { stream: true });
    await place.append(3);
    piece = await reader?.read();
  }
  const lines = text.trimEnd().split("\n");
  assertEquals(lines.length, 705);
  assertEquals(JSON.parse(lines.at(-1) ?? ""), {
    quipuExportEnd: 1,
    events: 703,
    end,
  });
  assertStringIncludes(place.logged.at(-1) ?? "", '"outcome":"done"');
  await place.store.close();
  let offline = "";
  await exportDirectory({
    ...optionsOf(join(place.path, "store")),
    selection: { to: { position: end } },
    sink: (more) => {
      offline += more;
      return Promise.resolve();
    },
  }, CONTROL);
  assert(text === offline, "the same to the last byte");
  const { importedCount } = await importDirectory({
    withSystem: true,
    ...optionsOf(join(place.path, "other")),
    bytes: ReadableStream.from([new TextEncoder().encode(text)]),
    length: 0,
  }, CONTROL);
  assertEquals(importedCount, 703);
});

Deno.test("GET /admin/export selects by stream, category, time and position", async () => {
  await using place = await openMaintenancePlace();
  await place.append(30);
  await place.store.append({
    streamName: "odd name-ñ+&=",
    expectedVersion: "any",
    events: [anEvent(9001)],
  });
  const all = eventsOf(await (await ask(place)).text());
  const timeOf = (at: number) => (all[at] as unknown as { time: string }).time;
  const positionOf = (at: number) => all[at]?.position ?? 0;
  const cases: [string, (at: number, stream: string) => boolean][] = [
    ["?stream=cart-1", (_, stream) => stream === "cart-1"],
    ["?category=cart", (_, stream) => stream.startsWith("cart-")],
    [
      `?stream=${encodeURIComponent("odd name-ñ+&=")}`,
      (_, stream) => stream.startsWith("odd"),
    ],
    [`?from=${timeOf(10)}`, (at) => at >= 10],
    [`?from=${timeOf(10)}&to=${timeOf(20)}`, (at) => at >= 10 && at < 20],
    [`?from=${timeOf(10).replace("Z", "+00:00")}`, (at) => at >= 10],
    [`?to=${positionOf(7)}`, (at) => at < 7],
    [
      `?stream=cart-2&to=${positionOf(7)}&`,
      (at, stream) => at < 7 && stream === "cart-2",
    ],
  ];
  for (const [query, isWanted] of cases) {
    const response = await ask(place, query);
    assertEquals(response.status, 200, query);
    assertEquals(
      eventsOf(await response.text()),
      all.filter(({ stream }, at) => isWanted(at, stream)),
      query,
    );
  }
});

Deno.test("GET /admin/export of what makes no sense is 400, of what never was 404", async () => {
  await using place = await openMaintenancePlace();
  await place.append(3);
  const cases: [string, number, string][] = [
    ["?stream=cart-1&category=cart", 400, "not both"],
    ["?FROM=2026-01-01T00:00:00Z", 400, "Wanted no parameters but"],
    ["?to=1&to=1", 400, "to must be"],
    ["?stream=$ce-cart", 400, "?category="],
    ["?stream=%24all", 400, "is everything"],
    ["?stream=", 400, "stream is empty"],
    ["?stream", 400, "stream is empty"],
    ["?streams=cart-1", 400, "no parameters but stream, category, from, to"],
    ["?from=soon", 400, "from must be a time"],
    ["?from=17", 400, "from must be a time"],
    ["?to=soon", 400, "to must be a log position or a time"],
    ["?to=99999999999999999", 400, "to must be a log position or a time"],
    ["?from=2026-01-02&to=2026-01-01", 400, "end before it begins"],
    ["?stream=cart", 404, "no stream"],
    ["?category=shop", 404, "no stream of category"],
  ];
  for (const [query, status, text] of cases) {
    const response = await ask(place, query);
    const body = await response.text();
    assertEquals(response.status, status, `${query}: ${body}`);
    assertStringIncludes(body, text);
    assert(response.headers.get("Content-Type")?.startsWith("text/plain"));
  }
  assertEquals(place.logged, []);
});

Deno.test("/admin/export is for $admins and $backup alone, and is only read", async () => {
  await using place = await openMaintenancePlace();
  await place.append(3);
  for (const login of ["", TEST_LOGINS.user, TEST_LOGINS.ops]) {
    for (const query of ["", "?stream=cart-1", "?stream=none", "?x=y"]) {
      const response = await ask(place, query, { login });
      assertEquals(response.status, 401);
      await response.text();
    }
  }
  const response = await ask(place, "", { login: TEST_LOGINS.backup });
  assertEquals(response.status, 200);
  assertEquals(eventsOf(await response.text()).length, 3);
  for (const method of ["POST", "DELETE", "PUT"]) {
    const refused = await ask(place, "", { method });
    assertEquals(refused.status, 405);
    await refused.text();
  }
  const head = await ask(place, "", { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  assertEquals(head.headers.get("Content-Length"), null);
  // It reads nothing: an export is not made for its length.
  assertStringIncludes(place.logged.at(-1) ?? "", '"outcome":"cancelled"');
});

Deno.test("an export ends when its client leaves, and so does one that finds nothing to send", async () => {
  await using place = await openMaintenancePlace({ exportsMax: 2 });
  await place.append(600);
  await place.store.append({
    streamName: "last-1",
    expectedVersion: "any",
    events: [anEvent(9001)],
  });
  const first = await ask(place);
  const second = await ask(place, "?category=last");
  const third = await ask(place);
  assertEquals([first.status, second.status, third.status], [200, 200, 503]);
  assertStringIncludes(await third.text(), "Too many exports");
  await first.body?.cancel();
  const reader = second.body?.getReader();
  await reader?.read();
  // Nothing is there to send yet: the log is being looked through.
  const pending = reader?.read();
  await reader?.cancel();
  assertEquals((await pending)?.done, true);
  assertEquals(
    place.logged.filter((line) => line.includes('"outcome":"cancelled"'))
      .length,
    2,
  );
  for (let count = 0; count < 4; count++) {
    const text = await (await ask(place, "?category=last")).text();
    assertEquals(eventsOf(text).map(({ stream }) => stream), ["last-1"]);
  }
});

Deno.test("an export that meets damage breaks off without its last line", async () => {
  await using place = await openMaintenancePlace();
  await place.append(300);
  const path = join(place.path, "store", "segments", "00000003.g1.seg");
  const bytes = await Deno.readFile(path);
  bytes[300] = (bytes[300] ?? 0) ^ 1;
  await Deno.writeFile(path, bytes);
  const response = await ask(place);
  assertEquals(response.status, 200);
  let text = "";
  let error: unknown;
  try {
    for await (const piece of response.body ?? []) {
      text += new TextDecoder().decode(piece);
    }
  } catch (thrown) {
    error = thrown;
  }
  assert(error !== undefined);
  assert(!text.includes("quipuExportEnd"));
  assert(
    place.logged.at(-1)?.startsWith("export.failed "),
    place.logged.at(-1),
  );
});
