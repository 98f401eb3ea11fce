import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { generatedStore } from "../../bench/migrate/generated_store.ts";
import {
  serveStandIn,
  STAND_IN_DOCUMENTS,
} from "../support/event_store_server.ts";
import { runProgram, startReading } from "../support/program.ts";

async function openPlace() {
  const path = await Deno.makeTempDir({ prefix: "quipu-migrate-" });
  const passwordFile = join(path, "password");
  await Deno.writeTextFile(passwordFile, "changeit\n");
  const argumentsOf = (from: string, args: readonly string[]) => [
    "migrate",
    `--from=${from}`,
    `--from-password-file=${passwordFile}`,
    `--to=${join(path, "store")}`,
    `--state=${join(path, "state.json")}`,
    ...args,
  ];
  return {
    run: (from: string, ...args: string[]) =>
      runProgram(argumentsOf(from, args)),
    start: (from: string, ...args: string[]) =>
      startReading(argumentsOf(from, args)),
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

Deno.test("quipu migrate that was killed three times ends with everything, once", async () => {
  const count = 3_000;
  const gate = new Gate();
  await using source = await serveStandIn(
    generatedStore(count),
    (handle) => (request) => gate.pass(request.url, () => handle(request)),
  );
  await using place = await openPlace();
  for (let kill = 0; kill < 3; kill++) {
    // The next pages come once the program is gone.
    const isReached = gate.holdAfter(2);
    const program = place.start(source.url, "--page=300");
    await isReached;
    program.kill("SIGKILL");
    await program.input.abort();
    await program.end;
    gate.open();
  }
  const { exitCode, output, log } = await place.run(source.url, "--json");
  assertEquals(exitCode, 0, log);
  const { copied, proof } = JSON.parse(output);
  assert(copied.importedCount < count, "it went on where it was");
  assertEquals([proof.isProven, proof.eventCount], [true, count]);
});

/** Holds requests for pages of events back. */
class Gate {
  #left = Infinity;
  #reached: () => void = () => {};
  #opened = Promise.withResolvers<void>();

  /** Lets so many pages through; settles when one more is asked for. */
  holdAfter(pages: number): Promise<void> {
    this.#left = pages;
    this.#opened = Promise.withResolvers();
    return new Promise((resolve) => this.#reached = resolve);
  }

  /** Answers what was held, and lets everything through. */
  open(): void {
    this.#left = Infinity;
    this.#opened.resolve();
  }

  async pass(
    url: string,
    answer: () => Response | Promise<Response>,
  ): Promise<Response> {
    if (url.includes("/forward/") && --this.#left < 0) {
      this.#reached();
      await this.#opened.promise;
    }
    return await answer();
  }
}

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
