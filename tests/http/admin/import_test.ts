import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { TEST_LOGINS, type TestApp } from "../../support/test_app.ts";
import { openTestApp } from "../../support/test_app.ts";
import {
  type MaintenancePlace,
  openMaintenancePlace,
} from "../../support/maintenance_place.ts";

function lineOf(number: number, other: Record<string, unknown> = {}): string {
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  return JSON.stringify({
    stream: "orders-1",
    number,
    id,
    type: "placed",
    time: `2020-01-01T00:00:0${number}.123456Z`,
    isJson: true,
    data: `{"n":${number}}`,
    ...other,
  }) + "\n";
}

function send(
  test: TestApp,
  body: string,
  { query = "", login = TEST_LOGINS.admin }: {
    query?: string;
    login?: string;
  } = {},
) {
  return test.send(`/admin/import${query}`, {
    method: "POST",
    headers: {
      ...(login !== "" && { Authorization: login }),
      "Content-Type": "application/x-ndjson",
    },
    body,
  });
}

async function timesIn({ store }: MaintenancePlace): Promise<number[]> {
  const { entries } = await store.readStream({
    streamName: "orders-1",
    from: 0,
    count: 10,
    direction: "forward",
    withBodies: true,
  });
  return entries.map(({ event }) => event.createdAtUs);
}

Deno.test("POST /admin/import keeps numbers, ids and times, and knows what was imported", async () => {
  await using place = await openMaintenancePlace();
  const text = lineOf(3) + lineOf(4);
  const first = await send(place.test, text);
  assertEquals(first.status, 200, first.body);
  const { importedCount, knownCount } = JSON.parse(first.body);
  assertEquals([importedCount, knownCount], [2, 0]);
  const again = await send(place.test, text + lineOf(5));
  const report = JSON.parse(again.body);
  assertEquals([report.importedCount, report.knownCount], [1, 2]);
  assertEquals(
    await timesIn(place),
    [3, 4, 5].map((second) =>
      Date.parse(`2020-01-01T00:00:0${second}Z`) * 1000 + 123_456
    ),
  );
  const read = await place.test.get(
    "/streams/orders-1/4",
    "application/json",
  );
  assertEquals(JSON.parse(read.body), { n: 4 });
  assertEquals(
    place.logged.filter((line) => line.startsWith("store.imported")).length,
    2,
  );
});

Deno.test("POST /admin/import refuses another event, and a number that does not follow", async () => {
  await using place = await openMaintenancePlace();
  await send(place.test, lineOf(0));
  const other = await send(place.test, lineOf(0, { data: '{"n":1}' }));
  assertEquals(other.status, 400);
  assertStringIncludes(other.body, "another event with number 0");
  const gap = await send(place.test, lineOf(1) + lineOf(3));
  assertEquals(gap.status, 400);
  assertStringIncludes(gap.body, "line 2");
  assertEquals((await timesIn(place)).length, 2);
  assertEquals((await send(place.test, "no line")).status, 400);
  assertEquals((await send(place.test, "")).status, 400);
});

Deno.test("POST /admin/import leaves streams of the system out unless it is asked for", async () => {
  await using place = await openMaintenancePlace();
  const acl = lineOf(0, {
    stream: "$$orders-1",
    type: "$metadata",
    data: '{"$acl":{"$r":["jane"]}}',
  });
  const without = JSON.parse((await send(place.test, acl)).body);
  assertEquals([without.importedCount, without.leftOutCount], [0, 1]);
  const query = "?with-system=true";
  const report = JSON.parse((await send(place.test, acl, { query })).body);
  assertEquals([report.importedCount, report.rightsCount], [1, 1]);
  await send(place.test, lineOf(0));
  const read = (login: string) =>
    place.test.get("/streams/orders-1/0", "application/json", {
      Authorization: login,
    });
  assertEquals((await read(TEST_LOGINS.user)).status, 401);
  assertEquals((await read(TEST_LOGINS.admin)).status, 200);
});

Deno.test("/admin/import is for $admins alone", async () => {
  await using place = await openMaintenancePlace();
  for (const login of ["", TEST_LOGINS.ops, TEST_LOGINS.backup]) {
    const { status } = await send(place.test, lineOf(0), { login });
    assertEquals(status, 401);
  }
  const other = await send(place.test, lineOf(0), { query: "?with-users=1" });
  assertEquals(other.status, 400);
  const neither = await send(place.test, lineOf(0), {
    query: "?with-system=yes",
  });
  assertEquals(neither.status, 400);
  assertEquals((await timesIn(place)).length, 0);
});

Deno.test("/admin/import of a store that cannot import is 501", async () => {
  await using test = openTestApp();
  const { status, body } = await send(test, lineOf(0));
  assertEquals(status, 501);
  assert(body.includes("cannot import"));
});
