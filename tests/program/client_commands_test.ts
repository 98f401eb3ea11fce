/**
 * Commands that are clients of a running server, as scripts call them.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  type ProgramEnd,
  runProgram,
  startReading,
  startServer,
} from "../support/program.ts";

const encoder = new TextEncoder();

/** A server, a directory for files and logins, and commands that ask it. */
async function openPlace() {
  const server = await startServer(["--mem-db"]);
  const directory = await Deno.makeTempDir();
  const variables = { QUIPU_URL: server.url, XDG_CONFIG_HOME: directory };
  const ADMIN = { QUIPU_USER: "admin", QUIPU_PASSWORD: "changeit" };
  return {
    server,
    directory,
    variables,
    path: (name: string) => join(directory, name),
    /** Runs a command without a login. */
    run: (...args: string[]) => runProgram(args, variables),
    /** Runs a command as the administrator. */
    asAdmin: (...args: string[]) =>
      runProgram(args, { ...variables, ...ADMIN }),
    /** Runs a command with an input. */
    async feed(input: string, ...args: string[]): Promise<ProgramEnd> {
      const program = startReading(args, {}, variables);
      await program.input.write(encoder.encode(input)).catch(() => {});
      await program.input.close().catch(() => {});
      return await program.end;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

function assertDone(end: ProgramEnd): string {
  assertEquals(end.exitCode, 0, end.log);
  return end.output;
}

function linesOf(output: string): Readonly<Record<string, unknown>>[] {
  return output.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("append takes lines, documents and arrays, and read gives them back as they were", async () => {
  await using place = await openPlace();
  const { feed, run } = place;
  assertEquals(
    assertDone(
      await feed(
        '{"n":12345678901234567890}\n\n{"n":1.50}\n',
        "append",
        "s",
        "--type=T",
      ),
    ),
    "Appended 2 events; the last is number 1\n",
  );
  const array = '[{"eventType":"A","data":[1],"metadata":{"by":"me"}},\n' +
    '{"eventType":"B","data":"text"}]';
  assertEquals(
    linesOf(assertDone(await feed(array, "append", "s", "--json"))),
    [
      { streamName: "s", appended: 2, lastEventNumber: 3 },
    ],
  );
  await Deno.writeTextFile(place.path("one.json"), '{\n"eventType": "C"\n}\n');
  assertDone(await run("append", "s", place.path("one.json"), "--expect=3"));

  const json = assertDone(await run("read", "s", "--json"));
  assertStringIncludes(json, '"data":{"n": 12345678901234567890}}');
  assertStringIncludes(json, '"data":{"n": 1.50}}');
  // What read prints is what append takes.
  assertDone(await feed(json, "append", "copy"));
  const copied = linesOf(assertDone(await run("read", "copy", "--json")));
  const shown = ({ eventId, eventType, data, dataBase64, metadata }: Readonly<
    Record<string, unknown>
  >) => ({ eventId, eventType, data, dataBase64, metadata });
  assertEquals(copied.map(shown), linesOf(json).map(shown));

  const plain = assertDone(
    await run("read", "s", "--backward", "--count=2", "--filter-type=A"),
  );
  const [number, , stream, type, data] = plain.trim().split("\t");
  assertEquals([number, stream, type, data], ["2", "s", "A", "[1]"]);
});

Deno.test("append says what it refuses, and what was appended before", async () => {
  await using place = await openPlace();
  const { feed } = place;
  const event = '{"eventType":"T","data":{}}\n';
  const conflict = await feed(event, "append", "s", "--expect=5");
  assertEquals(conflict.exitCode, 4);
  assertEquals(
    conflict.log,
    "quipu: The stream is not at the expected version: it has no events\n",
  );
  const cases: [input: string, message: string][] = [
    [
      event + '{"amount":1}\n',
      'Line 2 of the input: an event has no "amount"; give --type for bare data',
    ],
    [event + '{"data":1}', "Line 2 of the input: eventType is missing"],
    [event + '{"eventType":"T"', "Line 2 of the input: it is not JSON"],
    [
      event + '{"eventType":"T","eventId":"x"}',
      "Line 2 of the input: eventId is no UUID",
    ],
  ];
  for (const [input, message] of cases) {
    const end = await feed(input, "append", "s", "--batch=1");
    assertEquals(end.exitCode, 1);
    assertEquals(
      end.log,
      `Appended 1 event before it failed\nquipu: ${message}\n`,
    );
  }
  const usage = await feed("", "append", "s", "--expect=newest");
  assertEquals(usage.exitCode, 2);
});

Deno.test("append with a seed writes once, however often it runs", async () => {
  await using place = await openPlace();
  const input = Array.from({ length: 250 }, (_, n) => `{"n":${n}}`).join("\n");
  for (let run = 0; run < 2; run++) {
    const end = await place.feed(
      input,
      ...["append", "s", "--type=T", "--id-seed=mine", "--batch=100"],
    );
    assertEquals(
      assertDone(end),
      "Appended 250 events; the last is number 249\n",
    );
  }
  const events = linesOf(assertDone(await place.run("read", "s", "--json")));
  assertEquals(
    events.map(({ data }) => (data as { n: number }).n),
    Array.from({ length: 250 }, (_, n) => n),
  );
});

Deno.test("append that is stopped has appended what it read, and says so", async () => {
  await using place = await openPlace();
  const program = startReading(
    ["append", "s", "--type=T", "--quiet"],
    {},
    place.variables,
  );
  await program.input.write(encoder.encode('{"n":1}\n{"n":2}\n{"n":'));
  // The pause of the input sends what was read.
  while ((await place.run("read", "s")).exitCode !== 0) {
    // Not there yet.
  }
  program.kill("SIGINT");
  const { exitCode, output, log } = await program.end;
  await program.input.abort().catch(() => {});
  assertEquals(exitCode, 1);
  assertEquals(output, "Appended 2 events; the last is number 1\n");
  assertEquals(
    log,
    "quipu: Stopped by SIGINT before the end: later input " +
      "was not read\n",
  );
});

Deno.test("a login is stored as a token that nobody else may read, and forgotten", async () => {
  await using place = await openPlace();
  const { run, asAdmin } = place;
  assertEquals((await run("read", "$all")).exitCode, 1);
  const missing = await runProgram(["login", "--user=admin"], place.variables);
  assertEquals(missing.exitCode, 1);
  assertStringIncludes(missing.log, "set QUIPU_PASSWORD");
  assertDone(await asAdmin("login"));
  const file = place.path("quipu/logins.json");
  const text = await Deno.readTextFile(file);
  assert(!text.includes("changeit"));
  if (Deno.build.os !== "windows") {
    assertEquals(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  }
  assertDone(await run("read", "$all", "--count=1"));
  // Another server has no login.
  const other = await run("read", "$all", "--url=http://127.0.0.1:9");
  assertEquals(other.exitCode, 1);

  const token = assertDone(await asAdmin("token", "create", "--scopes=read"));
  await Deno.writeTextFile(place.path("token"), token);
  assertDone(await asAdmin("logout"));
  assertEquals((await run("read", "$all")).exitCode, 1);
  const byFile = `--token-file=${place.path("token")}`;
  assertDone(await run("read", "$all", "--count=1", byFile));
  assertEquals(
    (await run("append", "s", byFile, "--type=T", token)).exitCode,
    1,
  );
  const [listed, ...others] = linesOf(
    assertDone(await asAdmin("token", "list", "--json")),
  );
  assertEquals(others, []);
  assertDone(await asAdmin("token", "revoke", String(listed?.["tokenId"])));
  assertEquals((await run("read", "$all", byFile)).exitCode, 1);
});

Deno.test("stream shows and changes metadata and rights, truncates and deletes", async () => {
  await using place = await openPlace();
  const { feed, run, asAdmin } = place;
  await feed('{"n":1}\n{"n":2}\n{"n":3}', "append", "s-1", "--type=T");
  await Deno.writeTextFile(place.path("meta"), '{"$maxCount":9,"own":1.50}');
  assertDone(await run("stream", "meta", "s-1", `--set=${place.path("meta")}`));
  assertDone(await run("stream", "truncate", "s-1", "--before=1"));
  assertDone(
    await asAdmin(
      ...["stream", "acl", "s-1", "--writers=anna, $ops", "--deleters=none"],
    ),
  );
  assertEquals(
    assertDone(await asAdmin("stream", "meta", "s-1", "--json")),
    '{"$maxCount":9,"own":1.50,"$tb":1,' +
      '"$acl":{"$w":["anna","$ops"],"$d":[]}}\n',
  );
  const [info] = linesOf(
    assertDone(await run("stream", "info", "s-1", "--json")),
  );
  assertEquals([info?.["firstEventNumber"], info?.["lastEventNumber"]], [1, 2]);
  assertEquals((await run("stream", "delete", "s-1")).exitCode, 1);
  assertDone(await asAdmin("stream", "acl", "s-1", "--deleters=default"));
  const early = await asAdmin("stream", "delete", "s-1", "--expect=7");
  assertEquals(early.exitCode, 4);
  assertDone(await asAdmin("stream", "delete", "s-1", "--expect=2"));
  assertEquals((await run("read", "s-1")).exitCode, 1);
  await feed("{}", "append", "t", "--type=T");
  assertEquals(assertDone(await run("streams", "t")).split("\t")[0], "t");
  const unknown = await run("stream", "drop", "t");
  assertEquals(unknown.exitCode, 2);
  assertStringIncludes(unknown.log, 'Unknown action "drop": expected one of');
});

Deno.test("subscribe runs a command for each message, and its exit code answers", async () => {
  await using place = await openPlace();
  const { feed, run, asAdmin } = place;
  await feed('{"n":0}\n{"n":1}\n{"n":2}\n', "append", "s", "--type=T");
  assertDone(
    await asAdmin("subscription", "create", "s", "g", "--set=maxRetryCount=5"),
  );
  const file = place.path("seen");
  // 1 is retried once, 2 is parked; the last one stops the consumer.
  const exec = `read line; echo "$EVENT_NUMBER $line" >> ${file}; ` +
    `case $EVENT_NUMBER in 1) test $(grep -c "^1 " ${file}) -gt 1;; ` +
    `2) exit 65;; 3) kill -INT $PPID;; esac`;
  const running = run("subscribe", "s", "g", `--exec=${exec}`);
  while (!(await textOf(file)).includes("2 ")) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await feed('{"n":3}', "append", "s", "--type=T");
  assertDone(await running);
  const numbers = (await textOf(file)).trim().split("\n")
    .map((line) => line.split(" ")[0]);
  assertEquals(numbers.toSorted(), ["0", "1", "1", "2", "3"]);
  const info = JSON.parse(assertDone(
    await run("subscription", "info", "s", "g", "--json"),
  ));
  assertEquals(info.parkedMessagesCount, 1);
  assertEquals(info.totalInFlightMessages, 0);
  assertEquals(info.config.maxRetryCount, 5);
  assertDone(
    await asAdmin("subscription", "update", "s", "g", "--set=readBatchSize=7"),
  );
  const updated = JSON.parse(assertDone(
    await run("subscription", "info", "s", "g", "--json"),
  ));
  assertEquals(
    [updated.config.maxRetryCount, updated.config.readBatchSize],
    [5, 7],
  );
  assertDone(await asAdmin("subscription", "delete", "s", "g"));
  assertEquals(assertDone(await run("subscription", "list")), "");
});

Deno.test("subscribe without a group stops at a failure, and goes on from its position", async () => {
  await using place = await openPlace();
  const { feed, run } = place;
  await feed('{"n":0}\n{"n":1}\n{"n":2}\n', "append", "s", "--type=T");
  const seen = place.path("seen");
  const args = (test: string) => [
    "subscribe",
    "s",
    `--position=${place.path("position")}`,
    `--exec=echo $EVENT_NUMBER >> ${seen}; ${test}`,
  ];
  const failed = await run(...args("test $EVENT_NUMBER != 1"));
  assertEquals(failed.exitCode, 1);
  assertStringIncludes(failed.log, "The command ended with 1 for event 1 of s");
  const stop = "test $EVENT_NUMBER != 2 || kill -INT $PPID";
  assertDone(await run(...args(stop)));
  assertEquals(await textOf(seen), "0\n1\n1\n2\n");
  assertEquals(await textOf(place.path("position")), "2\n");
});

async function textOf(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

Deno.test("projection creates, shows, stops and deletes a projection", async () => {
  await using place = await openPlace();
  const { feed, asAdmin } = place;
  await feed('{"n":1}\n{"n":2}\n', "append", "count-1", "--type=T");
  const query = place.path("query.js");
  await Deno.writeTextFile(
    query,
    "fromStream('count-1').when({ $init: () => ({ sum: 0 }), " +
      "T: (s, e) => ({ sum: s.sum + e.data.n }) })",
  );
  const projection = (...args: string[]) => asAdmin("projection", ...args);
  assertDone(await projection("create", "sum", `--query=${query}`));
  while (!assertDone(await projection("state", "sum")).includes('"sum":3')) {
    // Not there yet.
  }
  const list = linesOf(assertDone(await projection("list", "--json")));
  assert(
    list.some(({ name, mode }) => name === "sum" && mode === "Continuous"),
  );
  assertStringIncludes(assertDone(await projection("query", "sum")), "$init");
  const again = await projection("create", "sum", `--query=${query}`);
  assertEquals(again.exitCode, 1);
  assertDone(await projection("disable", "sum"));
  assertDone(await projection("reset", "sum"));
  assertDone(await projection("enable", "sum"));
  assertDone(await projection("disable", "sum"));
  assertDone(await projection("delete", "sum", "--checkpoints"));
  assertEquals((await projection("info", "sum")).exitCode, 1);
  const missing = await projection("info");
  assertEquals(missing.exitCode, 2);
});

Deno.test("status and bench tell how a server is", async () => {
  await using place = await openPlace();
  const status = assertDone(await place.run("status", "--json"));
  assertEquals(linesOf(status)[0]?.["status"], "ok");
  const [load] = linesOf(assertDone(
    await place.run("bench", "--seconds=1", "--writers=2", "--json", "--quiet"),
  ));
  assert(Number(load?.["eventsPerSecond"]) > 0);
  assert(Number(load?.["p50Ms"]) <= Number(load?.["maxMs"]));
  assertEquals(assertDone(await place.run("streams", "bench-")), "");
  const gone = await place.run("status", "--url=http://127.0.0.1:9");
  assertEquals(gone.exitCode, 1);
  assertStringIncludes(gone.log, "Cannot reach http://127.0.0.1:9");
});

Deno.test("tail to a file goes on after its last whole line", async () => {
  await using place = await openPlace();
  const { feed } = place;
  const file = place.path("events");
  await feed('{"n":0}\n{"n":1}\n', "append", "s", "--type=T");
  const tailTo = async (count: number, path = file) => {
    const tail = startReading(
      ["tail", "s", "--from=0", `--output=${path}`],
      {},
      place.variables,
    );
    while ((await textOf(path)).split("\n").length <= count) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    tail.kill("SIGINT");
    await tail.input.close().catch(() => {});
    assertDone(await tail.end);
  };
  await tailTo(2);
  // Cut off by a kill.
  await Deno.writeTextFile(file, '{"streamName":"s","eve', { append: true });
  await feed('{"n":2}\n', "append", "s", "--type=T");
  await tailTo(3);
  const events = linesOf(await textOf(file));
  assertEquals(events.map(({ eventNumber }) => eventNumber), [0, 1, 2]);

  const foreign = place.path("letter");
  await Deno.writeTextFile(foreign, "Dear Anna,");
  const refused = await place.run("tail", "s", `--output=${foreign}`);
  assertEquals(refused.exitCode, 1);
  assertEquals(await textOf(foreign), "Dear Anna,");
});
