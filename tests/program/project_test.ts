/**
 * `quipu project`: a projection over the events of an export.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import {
  type RunningServer,
  runProgram,
  startReading,
  startServer,
} from "../support/program.ts";

const QUERY = `fromCategory('cart').foreachStream().when({
  $init: () => ({ n: 0 }),
  added(s, e) {
    s.n += e.data.n;
    linkTo('large', e);
    log('took', e.data);
  },
}).transformBy((s) => ({ total: s.n }));
`;

function line(stream: string, number: number, data: unknown): string {
  return JSON.stringify({
    stream,
    number,
    id: `a1000001-0000-4000-8000-${String(number).padStart(12, "0")}`,
    type: "added",
    time: "2026-03-01T12:00:00Z",
    isJson: true,
    data: JSON.stringify(data),
  }) + "\n";
}

const EVENTS = line("cart-1", 0, { n: 1 }) + line("cart-2", 0, { n: 5 }) +
  line("cart-1", 1, { n: 2 });

async function withFiles(
  files: Readonly<Record<string, string>>,
  work: (pathOf: (name: string) => string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "quipu-project-" });
  const pathOf = (name: string) => join(directory, name);
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(pathOf(name)), { recursive: true });
      await Deno.writeTextFile(pathOf(name), text);
    }
    await work(pathOf);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a projection over an export: states, results, emitted, log", async () => {
  await withFiles({ "q.js": QUERY, "e.ndjson": EVENTS }, async (pathOf) => {
    const args = ["project", pathOf("q.js"), "--events", pathOf("e.ndjson")];
    const all = await runProgram(args);
    assertEquals(all.exitCode, 0, all.log);
    const shown = JSON.parse(all.output);
    assertEquals(shown.events, 3);
    assertEquals(shown.partitions, {
      "cart-1": { state: { n: 3 }, result: { total: 3 } },
      "cart-2": { state: { n: 5 }, result: { total: 5 } },
    });
    assertEquals(shown.emitted[1], {
      stream: "large",
      type: "$>",
      isJson: false,
      data: "0@cart-2",
      causedBy: "0@cart-2",
    });
    assertEquals(shown.log, ['took {"n":1}', 'took {"n":5}', 'took {"n":2}']);
    const one = await runProgram([...args, "--partition", "cart-2"]);
    const { state, result } = JSON.parse(one.output);
    assertEquals([state, result], [{ n: 5 }, { total: 5 }]);
    const none = await runProgram([...args, "--partition", "cart-9"]);
    assertEquals(JSON.parse(none.output).state, null);
  });
});

const QUERY_A = "fromStream('a').when({$init: () => ({ n: 0 }), up(s, e) {" +
  "s.n += e.data.n; s.by = e.metadata.by }})";
const REPORT_A = {
  events: 2,
  state: { n: 3, by: "me" },
  result: { n: 3, by: "me" },
  emitted: [],
  log: [],
};

async function appendToA({ url }: RunningServer): Promise<void> {
  const response = await fetch(`${url}/streams/a`, {
    method: "POST",
    headers: { "Content-Type": "application/vnd.eventstore.events+json" },
    body: JSON.stringify([1, 2].map((n) => ({
      eventId: `a1000001-0000-4000-8000-00000000000${n}`,
      eventType: "up",
      data: { n },
      metadata: { by: "me" },
    }))),
  });
  await response.body?.cancel();
  assertEquals(response.status, 201);
}

Deno.test("a projection over an export, a store and a running server", async () => {
  await withFiles({
    "q.js": QUERY_A,
    "p.js": "fromStream('a').when({up(s, e) { throw 'no' }})",
    "password": "changeit",
  }, async (pathOf) => {
    const db = `--db=${pathOf("db")}`;
    const project = ["project", pathOf("q.js")];
    {
      await using server = await startServer([db]);
      await appendToA(server);
      const login = [
        `--url=${server.url}`,
        `--password-file=${pathOf("password")}`,
      ];
      const { output, log } = await runProgram([...project, ...login]);
      assertEquals(log, "");
      assertEquals(JSON.parse(output), REPORT_A);
      const failed = await runProgram(["project", pathOf("p.js"), ...login]);
      assertEquals(failed.exitCode, 1);
      assertStringIncludes(failed.log, "p.js: no; at event 0@a (up)");
      const refused = await runProgram([...project, ...login, "--user=ops"]);
      assertEquals(refused.exitCode, 1);
      assertStringIncludes(refused.log, "an administrator's login is needed");
      const busy = await runProgram([...project, db]);
      assertEquals(busy.exitCode, 1, "a server has it open");
    }
    const events = pathOf("e.ndjson");
    const exported = await runProgram(["export", db, events]);
    assertEquals(exported.exitCode, 0, exported.log);
    for (const source of [`--events=${events}`, db]) {
      const { output, log } = await runProgram([...project, source]);
      assertEquals(log, "");
      assertEquals(JSON.parse(output), REPORT_A);
    }
  });
});

Deno.test("a projection that is watched runs again when its file changes", async () => {
  await withFiles({
    "q.js": "fromAll().when({added(s) { s.n = 1 }})",
    "e.ndjson": line("a", 0, {}),
    "out": "",
  }, async (pathOf) => {
    const program = startReading(
      ["project", pathOf("q.js"), `--events=${pathOf("e.ndjson")}`, "--watch"],
      { outputFile: pathOf("out") },
    );
    const shown = async (count: number) => {
      while (true) {
        const lines = (await Deno.readTextFile(pathOf("out"))).split("\n");
        if (lines.length > count) return JSON.parse(lines[count - 1] ?? "");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    assertEquals((await shown(1)).state, { n: 1 });
    await Deno.writeTextFile(pathOf("q.js"), "fromAll().when({added() {");
    await Deno.writeTextFile(
      pathOf("q.js"),
      "fromAll().when({added(s) { s.n = 'two' }})",
    );
    assertEquals((await shown(2)).state, { n: "two" });
    program.kill("SIGTERM");
    const { exitCode, log } = await program.end;
    await program.input.close();
    assertEquals(exitCode, 1);
    assertStringIncludes(log, "Stopped by SIGTERM");
  });
});

Deno.test("deploy creates what is missing, and updates what differs", async () => {
  const emits = "// quipu: emit=yes\nfromStream('a').when({up(s, e) {" +
    "emit('o', 't', e.data) }})";
  await withFiles({
    "password": "changeit",
    "queries/adds up.js": QUERY_A,
    "queries/emits.js": emits,
    "queries/once.js": "// quipu: mode=onetime checkpoints=yes\n" + QUERY_A,
    "queries/notes.txt": "no query",
  }, async (pathOf) => {
    await using server = await startServer(["--mem-db"]);
    await appendToA(server);
    const deploy = [
      "project",
      "deploy",
      pathOf("queries"),
      `--url=${server.url}`,
      `--password-file=${pathOf("password")}`,
    ];
    const run = async (...args: string[]) => {
      const { output, exitCode, log } = await runProgram([...deploy, ...args]);
      return [exitCode, log, output.trimEnd().split("\n")];
    };
    assertEquals(await run("--dry-run"), [0, "", [
      "Would create adds up",
      "Would create emits",
      "Would create once",
    ]]);
    const created = ["Created adds up", "Created emits", "Created once"];
    assertEquals(await run(), [0, "", created]);
    const unchanged = [
      "Unchanged: adds up",
      "Unchanged: emits",
      "Unchanged: once",
    ];
    assertEquals(await run(), [0, "", unchanged]);
    await Deno.writeTextFile(pathOf("queries/emits.js"), emits + "\n");
    assertEquals(await run("--dry-run"), [0, "", [
      "Unchanged: adds up",
      "Would update emits",
      "Unchanged: once",
    ]]);
    const updated = ["Unchanged: adds up", "Updated emits", "Unchanged: once"];
    assertEquals(await run(), [0, "", updated]);
    await Deno.writeTextFile(pathOf("queries/once.js"), QUERY_A);
    const refused = await runProgram(deploy);
    assertEquals(refused.exitCode, 1);
    assertStringIncludes(refused.log, 'the projection "once" is there as');
    for (
      const [query, named] of [
        ["fromStream('a').when({\nup(s {}})", "once.js:2: SyntaxError"],
        ["// quipu: mode=twice\n", 'once.js: "mode=twice" has a bad value'],
        ["// quipu: emits=yes\n", 'once.js: "emits=yes" is unknown'],
      ] as const
    ) {
      await Deno.writeTextFile(pathOf("queries/emits.js"), emits);
      await Deno.writeTextFile(pathOf("queries/once.js"), query);
      const { exitCode, output, log } = await runProgram(deploy);
      assertEquals([exitCode, output], [1, ""], "nothing was changed");
      assertStringIncludes(log, named);
    }
  });
});

Deno.test("local times are UTC, in whatever zone the program runs", async () => {
  await withFiles({
    "q.js": "fromAll().when({added(){ return [new Date().toString(), " +
      "new Date(2020, 0, 1).toISOString()] }})",
    "e.ndjson": line("a", 0, {}),
  }, async (pathOf) => {
    const { output, log } = await runProgram(
      ["project", pathOf("q.js"), `--events=${pathOf("e.ndjson")}`],
      { TZ: "America/New_York" },
    );
    assertEquals(log, "");
    assertEquals(JSON.parse(output).state, [
      "Sun Mar 01 2026 12:00:00 GMT+0000",
      "2020-01-01T00:00:00.000Z",
    ]);
  });
});

/** A query or events that are wrong, and what the message names. */
const FAILURES: readonly [
  query: string,
  events: string,
  exitCode: number,
  named: readonly string[],
][] = [
  [
    QUERY.replace("e.data.n;", "e.data.x.n;"),
    EVENTS,
    1,
    ["q.js:4: TypeError: ", "event 0@cart-1 (added), line 1 of ", "e.ndjson"],
  ],
  ["let a;\n+;", EVENTS, 1, ["q.js:2: SyntaxError: "]],
  ["({})", EVENTS, 1, ["q.js: None of streams and categories are included"]],
  [
    "fromAll().when({\nadded(s, e) { if (e.data.n === 2) throw 'two' }})",
    EVENTS,
    1,
    ["q.js: two; at event 1@cart-1 (added), line 3 of "],
  ],
  [QUERY, EVENTS + "no JSON\n", 1, ["line 4 of ", "not valid JSON"]],
  [
    "fromAll().when({added() { throw 'a\\nb\\u001b[1m' }})",
    EVENTS,
    1,
    ["a\\u000ab\\u001b[1m; at event"],
  ],
];

Deno.test("a projection that fails ends with 1, and says where", async (t) => {
  for (const [query, events, exitCode, named] of FAILURES) {
    await t.step(named.join(" "), async () => {
      const files = { "q.js": query, "e.ndjson": events };
      await withFiles(files, async (pathOf) => {
        const end = await runProgram([
          "project",
          pathOf("q.js"),
          `--events=${pathOf("e.ndjson")}`,
        ]);
        assertEquals([end.exitCode, end.output], [exitCode, ""], end.log);
        assertEquals(end.log.trimEnd().split("\n").length, 1);
        for (const part of named) assertStringIncludes(end.log, part);
      });
    });
  }
});

Deno.test("files that are missing or no files are refused", async () => {
  await withFiles({ "q.js": QUERY, "e.ndjson": EVENTS }, async (pathOf) => {
    const query = pathOf("q.js");
    const events = pathOf("e.ndjson");
    for (
      const [args, exitCode, text] of [
        [[query], 2, "No events are named"],
        [["deploy"], 2, "DIR is missing"],
        [["deploy", pathOf("")], 2, "--url is missing"],
        [[query, "there"], 2, "only deploy takes a directory"],
        [[query, `--events=${events}`, "--db=x"], 2, "exclude each other"],
        [[query, `--events=${events}`, "--dry-run"], 2, "is for quipu project"],
        [[query, "--url=http://127.0.0.1:1"], 2, "needs --password-file"],
        [[`--events=${events}`], 2, "FILE.js is missing"],
        [[query, "--events=-"], 1, "it must be a file"],
        [[query, `--events=${pathOf("none")}`], 1, "Cannot read"],
        [[pathOf("none"), `--events=${events}`], 1, "Cannot read the query"],
      ] as const
    ) {
      const end = await runProgram(["project", ...args]);
      assertEquals(end.exitCode, exitCode, end.log);
      assertStringIncludes(end.log, text);
      assert(end.output === "");
    }
  });
});
