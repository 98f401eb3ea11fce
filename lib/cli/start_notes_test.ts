import { assert, assertEquals } from "@std/assert";
import { type LogFields, SILENT_LOGGER } from "../model/logger.ts";
import { resolveOptions } from "./options/resolve_options.ts";
import {
  addressOf,
  announceDefaultUsers,
  logBug,
  logStart,
  startBanner,
  type StartFacts,
} from "./start_notes.ts";

function createCollector() {
  const lines: [event: string, fields: LogFields][] = [];
  const collect = (event: string, fields: LogFields = {}) => {
    lines.push([event, fields]);
  };
  const logger = { ...SILENT_LOGGER, info: collect, error: collect };
  return { lines, logger };
}

Deno.test("logStart() names the version and each option that was changed", () => {
  const { lines, logger } = createCollector();
  const options = resolveOptions({
    args: ["--port=8080"],
    environment: { QUIPU_SEGMENT_SIZE: "1MiB", QUIPU_HOST: "127.0.0.1" },
    readFile: () => "{}",
  });
  logStart(logger, { version: "1.2.3", options });
  assertEquals(lines.map(([event]) => event), [
    "program.started",
    "option.set",
    "option.set",
  ]);
  assertEquals(lines[0]?.[1].version, "1.2.3");
  assertEquals(lines[1]?.[1], {
    option: "segment-size",
    value: "1MiB",
    origin: "environment",
  });
  assertEquals(lines[2]?.[1], {
    option: "port",
    value: "8080",
    origin: "flag",
  });
});

Deno.test("logBug() says where the error came from", () => {
  const { lines, logger } = createCollector();
  logBug(logger, new RangeError("odd"));
  logBug(logger, "thrown text");
  const [first, second] = lines;
  assertEquals(first?.[0], "program.bugMet");
  const text = String(first?.[1].error);
  assert(
    text.startsWith("RangeError: odd") && text.includes("start_notes_test"),
  );
  assertEquals(second?.[1], { error: "thrown text" });
});

Deno.test("addressOf() puts brackets around IPv6 addresses", () => {
  assertEquals(addressOf({ host: "127.0.0.1", port: 1 }), "127.0.0.1:1");
  assertEquals(addressOf({ host: "::1", port: 2113 }), "[::1]:2113");
});

type Report = Awaited<Parameters<typeof announceDefaultUsers>[0]>;

async function announced(report: Promise<Report>) {
  const lines: string[] = [];
  let output = "";
  const collect = (event: string, fields = {}) => {
    lines.push(`${event} ${JSON.stringify(fields)}`);
  };
  await announceDefaultUsers(report, {
    logger: { ...SILENT_LOGGER, info: collect, warn: collect, error: collect },
    print: (text) => output += text,
  });
  return { lines, output };
}

Deno.test("a generated password is printed and not logged", async () => {
  const { lines, output } = await announced(Promise.resolve({
    generated: [{ login: "admin", password: "s3cret" }],
    withDefaultPassword: [],
  }));
  assertEquals(output, "Password of admin, shown only now: s3cret\n");
  assertEquals(lines, ['user.passwordGenerated {"login":"admin"}']);
});

Deno.test("published passwords are warned of", async () => {
  const { lines, output } = await announced(Promise.resolve({
    generated: [],
    withDefaultPassword: ["admin", "ops"],
  }));
  assertEquals(output, "");
  assertEquals(lines, [
    'user.hasDefaultPassword {"login":"admin"}',
    'user.hasDefaultPassword {"login":"ops"}',
  ]);
});

Deno.test("users that could not be made are an error in the log", async () => {
  const { lines } = await announced(Promise.reject(new Error("disk full")));
  assert(lines[0]?.startsWith("user.defaultsNotMade"), lines[0]);
});

const OPEN = { reads: true, writes: true };
const FACTS: StartFacts = {
  version: "1.2.3",
  directory: "./data",
  isReadOnly: false,
  host: "127.0.0.1",
  port: 2113,
  isInMemory: false,
  tlsCertificate: undefined,
  publicUrl: undefined,
  trustedProxies: undefined,
  defaultUsers: { generated: [], withDefaultPassword: ["admin", "ops"] },
  anonymous: OPEN,
};

Deno.test("startBanner() says where the server is and how to log in", () => {
  assertEquals(
    startBanner(FACTS, false),
    `
Quipu 1.2.3
  Store    ./data
  Web      http://127.0.0.1:2113/web
  Login    admin with the published password changeit, from this machine only
  Reached  from this machine only

`,
  );
});

Deno.test("startBanner() names what its facts say", () => {
  const generated = [{ login: "admin", password: "not-to-be-shown" }];
  const cases: readonly (readonly [Partial<StartFacts>, string])[] = [
    [{ isInMemory: true }, "in memory: gone when the server stops"],
    [{ isReadOnly: true }, "./data, read-only"],
    [{ directory: "a\x1b[31m" }, "a\\u001b[31m"],
    [{ host: "::1", tlsCertificate: "c.pem" }, "https://[::1]:2113/web"],
    [{ host: "0.0.0.0" }, "http://localhost:2113/web"],
    [{ host: "0.0.0.0" }, "from every network of this machine, on port 2113"],
    [{ host: "10.0.0.5" }, "from the network, at 10.0.0.5:2113"],
    [{ publicUrl: "https://e.example/x/" }, "https://e.example/x/web"],
    [
      { publicUrl: "https://e.example" },
      "from this machine only; by proxy at https://e.example",
    ],
    [
      { defaultUsers: { generated, withDefaultPassword: [] } },
      "admin; the password is printed once",
    ],
    [
      { defaultUsers: { generated: [], withDefaultPassword: [] } },
      "admin, or any other user of the store",
    ],
  ];
  for (const [facts, wanted] of cases) {
    const banner = startBanner({ ...FACTS, ...facts }, false);
    assert(banner.includes(wanted), banner);
    assert(!banner.includes("not-to-be-shown"));
  }
});

/** What is open → whether plain HTTP, and which open streams, are warned of. */
const WARNINGS: readonly (readonly [
  Partial<StartFacts>,
  isPlain: boolean,
  open: string | undefined,
])[] = [
  [{}, false, undefined],
  [{ host: "localhost" }, false, undefined],
  [{ host: "0.0.0.0" }, true, "read and write"],
  [{ host: "10.0.0.5" }, true, "read and write"],
  [{ host: "::", tlsCertificate: "c.pem" }, false, "read and write"],
  [{ host: "10.0.0.5", trustedProxies: "10.0.0.4" }, false, "read and write"],
  [{ publicUrl: "https://e.example" }, false, "read and write"],
  [{ publicUrl: "http://e.example" }, true, "read and write"],
  [
    { host: "::", anonymous: { reads: true, writes: false } },
    true,
    "can read streams",
  ],
  [
    {
      host: "::",
      tlsCertificate: "c.pem",
      anonymous: { reads: false, writes: false },
    },
    false,
    undefined,
  ],
];

for (const [facts, isPlain, open] of WARNINGS) {
  Deno.test(`startBanner() warns of what is open: ${JSON.stringify(facts)}`, () => {
    const banner = startBanner({ ...FACTS, ...facts }, false);
    assertEquals(banner.includes("! Plain HTTP"), isPlain, banner);
    assertEquals(banner.includes("! Open streams"), open !== undefined, banner);
    if (open !== undefined) assert(banner.includes(open), banner);
  });
}

Deno.test("startBanner() has colours only where they are wanted", () => {
  const facts = { ...FACTS, host: "0.0.0.0" };
  const coloured = startBanner(facts, true);
  assert(coloured.includes("\x1b[33m  ! Plain HTTP"));
  const plain = startBanner(facts, false);
  assert(!plain.includes("\x1b"));
  // deno-lint-ignore no-control-regex
  assertEquals(coloured.replaceAll(/\x1b\[\d+m/g, ""), plain);
});
