import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { generatedStore } from "../../bench/migrate/generated_store.ts";
import {
  serveStandIn,
  STAND_IN_DOCUMENTS,
} from "../support/event_store_server.ts";
import { runProgram } from "../support/program.ts";

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
  await using source = await serveStandIn({
    ...events,
    at: events.at,
    documents: STAND_IN_DOCUMENTS,
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
  await using other = await serveStandIn(generatedStore(3_000, "byte"));
  const refuted = await place.run(other.url, "--verify");
  assertEquals(refuted.exitCode, 1);
  assertStringIncludes(refuted.output, "Both sides differ in 1 stream");
});

Deno.test("quipu migrate says what keeps it from working", async () => {
  await using source = await serveStandIn(generatedStore(1));
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
