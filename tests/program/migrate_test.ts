import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { generatedStore } from "../../bench/migrate/generated_store.ts";
import {
  createStandIn,
  type StandInStore,
} from "../support/event_store_stand_in.ts";
import { runProgram } from "../support/program.ts";

const CHECKPOINT =
  "/streams/$persistentsubscription-orders-1::mail-checkpoint/head";
const CONFIG = {
  resolveLinktos: true,
  startFrom: 0,
  messageTimeoutMilliseconds: 5000,
  extraStatistics: false,
  maxRetryCount: 3,
  liveBufferSize: 500,
  bufferSize: 500,
  readBatchSize: 20,
  preferRoundRobin: true,
  checkPointAfterMilliseconds: 1000,
  minCheckPointCount: 10,
  maxCheckPointCount: 500,
  maxSubscriberCount: 10,
  namedConsumerStrategy: "RoundRobin",
};
/** As 4.0.2 answers. */
const DOCUMENTS: StandInStore["documents"] = {
  "/users/": JSON.stringify({
    data: [
      { loginName: "admin", groups: ["$admins"], disabled: false },
      { loginName: "jane", fullName: "Jane", groups: ["a"], disabled: true },
    ],
    success: true,
    error: "Success",
  }),
  "/subscriptions": JSON.stringify([
    { eventStreamId: "orders-1", groupName: "mail" },
  ]),
  "/subscriptions/orders-1/mail/info": JSON.stringify({ config: CONFIG }),
  [CHECKPOINT]: "1",
  "/projections/any": JSON.stringify({
    projections: [
      { name: "$by_category", mode: "Continuous" },
      { name: "count", mode: "Continuous" },
      { name: "Probe", mode: "Transient" },
    ],
  }),
  "/projection/count/query": "fromAll().when({$any:function(s,e){return s}})",
  "/projection/count/config": JSON.stringify({ emitEnabled: true }),
};

async function openSource(store: StandInStore) {
  const { handle } = createStandIn(store);
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => resolve(port),
  }, handle);
  return {
    url: `http://127.0.0.1:${await promise}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function openPlace() {
  const path = await Deno.makeTempDir({ prefix: "quipu-migrate-" });
  const passwordFile = join(path, "password");
  await Deno.writeTextFile(passwordFile, "changeit\n");
  return {
    run: (from: string, ...args: string[]) =>
      runProgram([
        "migrate",
        `--from=${from}`,
        `--from-password-file=${passwordFile}`,
        `--to=${join(path, "store")}`,
        `--state=${join(path, "state.json")}`,
        ...args,
      ]),
    exported: () =>
      runProgram(["export", "--with-system", "--db", join(path, "store")]),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("quipu migrate fills a directory with events, users, subscriptions and projections", async () => {
  const events = generatedStore(3_000);
  await using source = await openSource({
    ...events,
    at: events.at,
    documents: DOCUMENTS,
  });
  await using place = await openPlace();
  const { exitCode, output, log } = await place.run(source.url);
  assertEquals(exitCode, 0, log);
  assertStringIncludes(output, "Copied 3,000 events");
  assertStringIncludes(output, "1 user, 1 subscription and 1 projection");
  assertStringIncludes(output, 'New password of "jane": ');
  assertStringIncludes(output, "the same 3,000 events in 1,000 streams");
  const { output: stored } = await place.exported();
  for (
    const part of [
      '\\"group\\":\\"mail\\"',
      '\\"startFrom\\":2',
      '\\"disabled\\": true',
      '\\"emitEnabled\\":true',
    ]
  ) assert(stored.includes(part), part);
  // Created, and never started.
  assert(!stored.includes('\\"enabled\\":true'));
  const again = await place.run(source.url, "--json", "--verify");
  assertEquals(again.exitCode, 0, again.log);
  const { proof } = JSON.parse(again.output);
  assert(output.includes(proof.checksum));
  await using other = await openSource(generatedStore(3_000, "byte"));
  const refuted = await place.run(other.url, "--verify");
  assertEquals(refuted.exitCode, 1);
  assertStringIncludes(refuted.output, "Both sides differ in 1 stream");
});

Deno.test("quipu migrate says what keeps it from working", async () => {
  await using source = await openSource(generatedStore(1));
  await using place = await openPlace();
  const rows: [string[], number, string][] = [
    [["--from-user=jane"], 1, "the user of --from-user must be in $admins"],
    [["--plain"], 2, "--plain writes to an Event Store"],
    [["--verify", "--skip-proof"], 2, "exclude each other"],
  ];
  for (const [args, code, said] of rows) {
    const { exitCode, log } = await place.run(source.url, ...args);
    assertEquals(exitCode, code, log);
    assertStringIncludes(log, said);
  }
  const none = await runProgram(["migrate", `--from=${source.url}`]);
  assertEquals(none.exitCode, 2);
  assertStringIncludes(none.log, "--to TARGET");
});
