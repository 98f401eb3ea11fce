import { assert, assertEquals, assertMatch } from "@std/assert";
import { StoreMetrics } from "../../lib/telemetry/store_metrics.ts";
import { readProcessUsage } from "../../lib/runtime/process.ts";
import { openTestApp, TEST_BASE_URL } from "../support/test_app.ts";

const JSON_TYPE = "application/json";

Deno.test("/stats shows what the node knows, under the names of the original", async () => {
  const storeMetrics = new StoreMetrics();
  storeMetrics.groupEncoded(2, 3, 400);
  storeMetrics.synced(5);
  await using test = openObserved(storeMetrics);
  await test.get("/ping");
  const answer = await test.get("/stats", JSON_TYPE);
  assertEquals(answer.headers.get("Cache-Control"), "max-age=1, public");
  assertEquals(answer.headers.get("Vary"), "Accept");
  const { proc, sys, es } = JSON.parse(answer.body);
  assertEquals(proc.id, Deno.pid);
  assert(proc.mem > 10_000_000 && proc.cpu > 0 && sys.freeMem >= 0);
  assertMatch(proc.startTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/);
  assertEquals(es.writer.lastFlushSize, 400);
  assertEquals(es.writer.maxFlushDelayMs, 5);
  assertEquals(es.queue.mainQueue.totalItemsProcessed, 1);
  assertEquals(es.queue.storageWriterQueue.totalItemsProcessed, 2);
});

Deno.test("a part of /stats is found by its path, whatever its case", async () => {
  await using test = openObserved();
  const part = await test.get("/stats/ES/Queue/mainqueue", JSON_TYPE);
  assertEquals(JSON.parse(part.body).queueName, "MainQueue");
  const spaced = await test.get("/stats/es/queue/storage%20chaser", JSON_TYPE);
  assertEquals(JSON.parse(spaced.body).queueName, "Storage Chaser");
  const whole = await test.get("/stats/", JSON_TYPE);
  assertEquals(Object.keys(JSON.parse(whole.body)), ["proc", "sys", "es"]);
  for (
    const path of [
      "/stats/nothing",
      "/stats/proc/",
      "/stats/proc/mem",
      "/stats/proc/x/y",
    ]
  ) {
    assertEquals((await test.get(path, JSON_TYPE)).status, 404, path);
  }
});

Deno.test("?group=false and ?metadata=true change the form of /stats", async () => {
  await using test = openObserved();
  const flat = JSON.parse((await test.get("/stats?group=false")).body);
  assert(typeof flat["proc-diskIo-readOps"] === "number");
  assertEquals(flat["es-queue-mainQueue-queueName"], "MainQueue");
  const charted = JSON.parse(
    (await test.get("/stats/proc?metadata=true")).body,
  );
  assertEquals(charted.cpu.title, "Process Cpu Usage");
  assertEquals(charted.mem.drawChart, true);
  const both = JSON.parse(
    (await test.get("/stats?group=False&metadata=True")).body,
  );
  assertEquals(both["proc-mem"].category, "Process");
  assertEquals((await test.get("/stats/?group=false")).status, 200);
  const refused = await test.get("/stats/proc?group=false");
  assertEquals([refused.status, refused.body], [
    400,
    "Dynamic stats selection works only with grouping enabled",
  ]);
});

Deno.test("/gossip names this node alone, in every type", async () => {
  await using test = openTestApp();
  const json = JSON.parse((await test.get("/gossip", JSON_TYPE)).body);
  assertEquals([json.serverIp, json.serverPort], ["127.0.0.1", 2113]);
  assertEquals(json.members.length, 1);
  const [member] = json.members;
  assertEquals([member.state, member.isAlive], ["Master", true]);
  assertEquals(member.externalHttpPort, 2113);
  const again = JSON.parse((await test.get("/gossip", JSON_TYPE)).body);
  assertEquals(again.members[0].instanceId, member.instanceId);
  const xml = await test.get("/gossip", "text/xml");
  assert(xml.body.includes(`<InstanceId>${member.instanceId}</InstanceId>`));
  const text = await test.get("/gossip", "text/plain");
  assert(text.body.startsWith("Server: 127.0.0.1:2113, Members: ["));
  assertEquals((await test.get("/gossip", "text/html")).status, 406);
});

Deno.test("browsers land on a page whose links lead somewhere", async () => {
  await using test = openTestApp();
  for (const path of ["/", "/web", "/web/"]) {
    const { status, headers } = await test.get(path);
    assertEquals(status, 302, path);
    assertEquals(headers.get("Location"), TEST_BASE_URL + "/web/index.html");
  }
  const eventId = "11111111-1111-4111-8111-111111111111";
  await test.append("orders-1", [{ eventId, eventType: "happened" }]);
  const page = await test.get("/web/index.html", "text/html");
  assertEquals(page.status, 200);
  assert(page.headers.get("Content-Security-Policy")?.includes("'none'"));
  const links = [...page.body.matchAll(/(?:href|src)="(\/[^"]+)"/g)];
  assert(links.length >= 8);
  for (const [, path = ""] of links) {
    // What this app has no services for is another test's.
    if (/^\/(users\/|subscriptions|web\/projections)$/.test(path)) continue;
    const { status } = await test.get(path, "text/html,*/*;q=0.8");
    assert([200, 401].includes(status), `${path}: ${status}`);
  }
  for (const path of ["/web/app.js", "/web/../info", "/web/a/index.html"]) {
    assertEquals((await test.get(path)).status, 404, path);
  }
});

Deno.test("subsystems are the projections, if they run", async () => {
  await using without = openTestApp();
  assertEquals((await without.get("/sys/subsystems")).body, "[]");
  await using test = openTestApp({
    app: { node: { version: "0.0.0", projectionsMode: "System" } },
  });
  const answer = await test.get("/sys/subsystems");
  assertEquals(JSON.parse(answer.body), ["Projections"]);
});

function openObserved(storeMetrics = new StoreMetrics()) {
  return openTestApp({
    app: { observation: { processUsage: readProcessUsage, storeMetrics } },
  });
}
