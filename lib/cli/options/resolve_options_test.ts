import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  environmentNameOf,
  OPTION_NAMES,
  type OptionName,
  type OptionRow,
  OPTIONS,
} from "./options.ts";
import { changedOptions, resolveOptions } from "./resolve_options.ts";
import { UsageError } from "../failures.ts";

interface Given {
  readonly args?: readonly string[];
  readonly environment?: Record<string, string>;
  /** Text of the configuration file `quipu.json`. */
  readonly file?: string;
  readonly accepted?: readonly OptionName[];
}

function resolve(given: Given) {
  return resolveOptions({
    args: given.args ?? [],
    environment: given.environment ?? {},
    readFile(path) {
      if (path !== "quipu.json" || given.file === undefined) {
        throw new Deno.errors.NotFound(`No such file: ${path}`);
      }
      return given.file;
    },
  }, { options: given.accepted ?? OPTION_NAMES });
}

function refusalOf(given: Given): string {
  return assertThrows(() => resolve(given), UsageError).message;
}

Deno.test("resolveOptions() without anything gives the documented defaults", () => {
  const options = resolve({ environment: { PATH: "/bin", HOME: "/" } });
  assertEquals(options.values, {
    directory: "./data",
    databasePassword: undefined,
    consistency: "strict",
    durability: "standbys",
    isInMemory: false,
    isReadOnly: false,
    segmentSizeBytes: 268_435_456,
    scavengeHistoryDays: 30,
    host: "127.0.0.1",
    port: 2113,
    publicUrl: undefined,
    advertisedUrl: undefined,
    trustedProxies: undefined,
    allowedHosts: undefined,
    tlsCertificate: undefined,
    tlsKey: undefined,
    reasonPhrases: false,
    adminPassword: undefined,
    isTrustedAuthEnabled: false,
    corsOrigins: undefined,
    areMetricsPublic: false,
    runProjections: "all",
    startsStandardProjections: false,
    requestBytesMax: 16_777_216,
    eventBytesMax: 4_194_304,
    batchEventsMax: 100_000,
    jsonDepthMax: 200,
    xmlDepthMax: 200,
    streamNameBytesMax: 1024,
    eventTypeBytesMax: 256,
    namesBytesMax: 1024 ** 3,
    pageEventsMax: 4096,
    longPollsMax: 20_000,
    longPollsPerAddressMax: 1_000,
    longPollsPerUserMax: 10_000,
    liveFeedsMax: 20_000,
    liveFeedsPerAddressMax: 1_000,
    liveFeedsPerUserMax: 10_000,
    subscriptionGroupsMax: 2_000,
    subscriptionBytesMax: 268_435_456,
    subscriptionBufferMax: 10_000,
    subscriptionOutstandingMax: 8_000,
    subscriptionConsumersMax: 1_000,
    subscriptionConsumersPerAddressMax: 100,
    projectionsMax: 1_000,
    projectionsRunningMax: 200,
    projectionEventMs: 1_000,
    projectionBatchMs: 5_000,
    projectionMemoryBytesMax: 67_108_864,
    projectionsMemoryBytesMax: 4 * 1024 ** 3,
    projectionStateLengthMax: 1_048_576,
    projectionEmitLengthMax: 4_194_304,
    projectionPartitionsLiveMax: 1_000,
    requestsInFlightMax: 8192,
    appendQueueEventsMax: 200_000,
    appendQueueBytesMax: 134_217_728,
    bodyReadMs: 15_000,
    receiveBufferBytesMax: 268_435_456,
    sendStallMs: 30_000,
    sendBufferBytesMax: 268_435_456,
    logLevel: "info",
    logFormat: "text",
    logRequests: false,
    slowRequestMs: 1000,
    slowSyncMs: 500,
    configFile: undefined,
  });
  assertEquals(new Set(Object.values(options.origins)), new Set(["default"]));
  assertEquals(changedOptions(options), []);
});

Deno.test("resolveOptions() prefers flag to environment to file to default", () => {
  const file = JSON.stringify({ port: 1, host: "::1", "log-level": "warn" });
  const options = resolve({
    args: ["--port", "3", "--config=quipu.json"],
    environment: { QUIPU_PORT: "2", QUIPU_HOST: "0.0.0.0" },
    file,
  });
  assertEquals(options.values.port, 3);
  assertEquals(options.values.host, "0.0.0.0");
  assertEquals(options.values.logLevel, "warn");
  assertEquals(options.values.directory, "./data");
  assertEquals(changedOptions(options), [
    { flag: "host", value: "0.0.0.0", origin: "environment" },
    { flag: "port", value: "3", origin: "flag" },
    { flag: "log-level", value: "warn", origin: "file" },
    { flag: "config", value: "quipu.json", origin: "flag" },
  ]);
});

Deno.test("resolveOptions() takes the configuration file from the environment too", () => {
  const environment = { QUIPU_CONFIG: "quipu.json" };
  const options = resolve({ environment, file: '{"segment-size":"2MiB"}' });
  assertEquals(options.values.segmentSizeBytes, 2_097_152);
  assertEquals(options.origins.segmentSizeBytes, "file");
});

Deno.test("every option can be set by flag, environment and file", () => {
  const samples: Record<OptionName, [text: string, value: unknown]> = {
    directory: ["/srv/events", "/srv/events"],
    databasePassword: ["s3cret", "s3cret"],
    consistency: ["bounded", "bounded"],
    durability: ["local", "local"],
    isInMemory: ["true", true],
    isReadOnly: ["true", true],
    segmentSizeBytes: ["1MiB", 1_048_576],
    scavengeHistoryDays: ["7", 7],
    host: ["::", "::"],
    port: ["0", 0],
    publicUrl: ["https://events.example.org", "https://events.example.org"],
    advertisedUrl: ["http://10.0.0.1:2113", "http://10.0.0.1:2113"],
    trustedProxies: ["10.0.0.0/8,::1", "10.0.0.0/8,::1"],
    allowedHosts: ["a.example,b:1", "a.example,b:1"],
    tlsCertificate: ["cert.pem", "cert.pem"],
    tlsKey: ["key.pem", "key.pem"],
    reasonPhrases: ["true", true],
    adminPassword: ["s3cret", "s3cret"],
    isTrustedAuthEnabled: ["true", true],
    corsOrigins: ["https://a.example", "https://a.example"],
    areMetricsPublic: ["true", true],
    runProjections: ["none", "none"],
    startsStandardProjections: ["true", true],
    requestBytesMax: ["1MiB", 1_048_576],
    eventBytesMax: ["64KiB", 65_536],
    batchEventsMax: ["100", 100],
    jsonDepthMax: ["10", 10],
    xmlDepthMax: ["10", 10],
    streamNameBytesMax: ["100", 100],
    eventTypeBytesMax: ["100", 100],
    namesBytesMax: ["100MiB", 100 * 1024 * 1024],
    pageEventsMax: ["50", 50],
    longPollsMax: ["7", 7],
    longPollsPerAddressMax: ["7", 7],
    longPollsPerUserMax: ["7", 7],
    liveFeedsMax: ["7", 7],
    liveFeedsPerAddressMax: ["7", 7],
    liveFeedsPerUserMax: ["7", 7],
    subscriptionGroupsMax: ["7", 7],
    subscriptionBytesMax: ["64MiB", 67_108_864],
    subscriptionBufferMax: ["7", 7],
    subscriptionOutstandingMax: ["7", 7],
    subscriptionConsumersMax: ["7", 7],
    subscriptionConsumersPerAddressMax: ["7", 7],
    projectionsMax: ["7", 7],
    projectionsRunningMax: ["7", 7],
    projectionEventMs: ["500", 500],
    projectionBatchMs: ["500", 500],
    projectionMemoryBytesMax: ["16MiB", 16_777_216],
    projectionsMemoryBytesMax: ["64MiB", 67_108_864],
    projectionStateLengthMax: ["1KiB", 1_024],
    projectionEmitLengthMax: ["1MiB", 1_048_576],
    projectionPartitionsLiveMax: ["7", 7],
    requestsInFlightMax: ["7", 7],
    appendQueueEventsMax: ["7", 7],
    appendQueueBytesMax: ["32MiB", 33_554_432],
    bodyReadMs: ["500", 500],
    receiveBufferBytesMax: ["64MiB", 67_108_864],
    sendStallMs: ["500", 500],
    sendBufferBytesMax: ["64MiB", 67_108_864],
    logLevel: ["debug", "debug"],
    logFormat: ["json", "json"],
    logRequests: ["true", true],
    slowRequestMs: ["7", 7],
    slowSyncMs: ["7", 7],
    configFile: ["quipu.json", "quipu.json"],
  };
  for (const name of OPTION_NAMES) {
    const [text, value] = samples[name];
    const row: OptionRow = OPTIONS[name];
    const { flag, kind, needs } = row;
    const partner = OPTION_NAMES.find((other) => OPTIONS[other].flag === needs);
    const given = partner === undefined
      ? {}
      : { [environmentNameOf(OPTIONS[partner].flag)]: samples[partner][0] };
    if (kind !== "secret") {
      const byFlag = resolve({
        args: [`--${flag}=${text}`],
        environment: given,
        file: "{}",
      });
      assertEquals(byFlag.values[name], value as never, flag);
    }
    const environment = { ...given, [environmentNameOf(flag)]: text };
    const byVariable = resolve({ environment, file: "{}" });
    assertEquals(byVariable.values[name], value as never, flag);
    if (name === "configFile") continue;
    const json = kind === "boolean" || kind === "integer" ? value : text;
    const file = JSON.stringify({ [flag]: json });
    const byFile = resolve({
      args: ["--config", "quipu.json"],
      environment: given,
      file,
    });
    assertEquals(byFile.values[name], value as never, flag);
    assertEquals(byFile.origins[name], "file");
  }
});

Deno.test("a boolean flag has four spellings and takes no argument after it", () => {
  const cases: [string, boolean][] = [
    ["--log-requests", true],
    ["--log-requests=true", true],
    ["--log-requests=false", false],
    ["--no-log-requests", false],
  ];
  for (const [flag, value] of cases) {
    const environment = { QUIPU_LOG_REQUESTS: value ? "no" : "1" };
    const options = resolve({ args: [flag], environment });
    assertEquals(options.values.logRequests, value, flag);
    assertEquals(options.origins.logRequests, "flag");
  }
  assertEquals(
    refusalOf({ args: ["--log-requests", "true"] }),
    'Unexpected argument "true": expected an option',
  );
  assertEquals(
    refusalOf({ args: ["--no-log-requests=true"] }),
    "Option --no-log-requests takes no value",
  );
});

Deno.test("resolveOptions() refuses unknown names and names the nearest", () => {
  const cases: [Given, string][] = [
    [{ args: ["--prot", "1"] }, "Unknown option --prot; did you mean --port?"],
    [{ args: ["-p"] }, "Unknown option -p"],
    [{ args: ["--no-port"] }, "Unknown option --no-port"],
    [{ args: ["--"] }, "Unknown option --"],
    [
      { environment: { QUIPU_LOGLEVEL: "info" } },
      "Unknown environment variable QUIPU_LOGLEVEL; " +
      "did you mean QUIPU_LOG_LEVEL?",
    ],
    [
      { args: ["--config=quipu.json"], file: '{"mem_db":true}' },
      'Unknown option "mem_db" in quipu.json; did you mean mem-db?',
    ],
    [
      { args: ["--config=quipu.json"], file: '{"__proto__":1}' },
      'Unknown option "__proto__" in quipu.json',
    ],
    [
      { args: ["--config=quipu.json"], file: '{"config":"x"}' },
      'Option "config" cannot be set in quipu.json itself',
    ],
  ];
  for (const [given, message] of cases) {
    const refusal = refusalOf(given);
    assert(refusal.startsWith(message), refusal);
  }
});

Deno.test("resolveOptions() refuses bad values and says what was wanted", () => {
  const port = "expected a whole number from 0 to 65535";
  const size = "expected a size from 1MiB to 4294967295B such as 256MiB";
  const cases: [Given, string][] = [
    [{ args: ["--port=x"] }, `Bad value "x" for --port: ${port}`],
    [{ args: ["--port=65536"] }, `Bad value "65536" for --port: ${port}`],
    [{ args: ["--port=-1"] }, `Bad value "-1" for --port: ${port}`],
    [{ args: ["--port=1.5"] }, `Bad value "1.5" for --port: ${port}`],
    [{ args: ["--port=0x10"] }, `Bad value "0x10" for --port: ${port}`],
    [{ args: ["--port="] }, `Bad value "" for --port: ${port}`],
    [{ args: ["--port"] }, `Option --port lacks its value: ${port}`],
    [
      { args: ["--port", "--mem-db"] },
      `Option --port lacks its value: ${port}`,
    ],
    [{ args: ["--port=1", "--port=1"] }, "Option --port is given twice"],
    [
      { args: ["--mem-db", "--no-mem-db"] },
      "Option --mem-db is given twice",
    ],
    [
      { args: ["--segment-size=1048575"] },
      `Bad value "1048575" for --segment-size: ${size}`,
    ],
    [
      { args: ["--segment-size=4GiB"] },
      `Bad value "4GiB" for --segment-size: ${size}`,
    ],
    [
      { args: ["--log-level=inof"] },
      'Bad value "inof" for --log-level: ' +
      "expected one of debug, info, warn, error; did you mean info?",
    ],
    [
      { environment: { QUIPU_MEM_DB: "maybe" } },
      'Bad value "maybe" for QUIPU_MEM_DB: expected true or false',
    ],
    [
      { args: ["--host=a\nb"] },
      'Bad value "a\nb" for --host: expected text without control characters',
    ],
    [
      { args: ["--config=quipu.json"], file: '{"port":"2113"}' },
      `Bad value "2113" for "port" in quipu.json: ${port}`,
    ],
    [
      { args: ["--config=quipu.json"], file: '{"mem-db":"yes"}' },
      'Bad value "yes" for "mem-db" in quipu.json: expected true or false',
    ],
    [
      { args: ["--config=quipu.json"], file: '{"db":["a"]}' },
      'Bad value "["a"]" for "db" in quipu.json: ' +
      "expected text without control characters",
    ],
  ];
  for (const [given, message] of cases) {
    assertEquals(refusalOf(given), message);
  }
});

Deno.test("resolveOptions() takes the least and the most of each range", () => {
  for (const bytes of [1_048_576, 4_294_967_295]) {
    const options = resolve({ args: [`--segment-size=${bytes}`] });
    assertEquals(options.values.segmentSizeBytes, bytes);
  }
  assertEquals(resolve({ args: ["--port=65535"] }).values.port, 65_535);
});

Deno.test("resolveOptions() refuses a configuration file that it cannot read", () => {
  const start = 'Cannot read the configuration file "quipu.json": ';
  const args = ["--config=quipu.json"];
  for (const given of [{ args }, { args, file: "{" }, { args, file: "" }]) {
    assert(refusalOf(given).startsWith(start), refusalOf(given));
  }
  for (const file of ["[]", "null", "1", '"text"']) {
    assertEquals(refusalOf({ args, file }), start + "expected a JSON object");
  }
});

Deno.test("--db together with --mem-db is refused, wherever they come from", () => {
  const file = '{"db":"/srv/events"}';
  const cases: [Given, string][] = [
    [
      { args: ["--db=x", "--mem-db"] },
      "Options --db and --mem-db exclude each other: give one",
    ],
    [
      { args: ["--mem-db"], environment: { QUIPU_DB: "x" } },
      "Options QUIPU_DB and --mem-db exclude each other: give one",
    ],
    [
      {
        args: ["--config=quipu.json"],
        environment: { QUIPU_MEM_DB: "1" },
        file,
      },
      'Options "db" of the configuration file and QUIPU_MEM_DB ' +
      "exclude each other: give one",
    ],
  ];
  for (const [given, message] of cases) assertEquals(refusalOf(given), message);

  const off = { args: ["--no-mem-db", "--db=x"] };
  assertEquals(resolve(off).values.directory, "x");
});

Deno.test("an empty environment variable counts as not set", () => {
  const environment = { QUIPU_PORT: "", QUIPU_DB: "", QUIPU_MEM_DB: "true" };
  const options = resolve({ environment });
  assertEquals(options.values.port, 2113);
  assertEquals(options.origins.directory, "default");
});

Deno.test("an option of other commands is no flag here, but may be in the environment", () => {
  const accepted: OptionName[] = ["directory", "configFile"];
  const message = refusalOf({ args: ["--port=1"], accepted });
  assertEquals(message, "Option --port is not one of this command");
  const environment = { QUIPU_PORT: "9" };
  const options = resolve({ args: ["--db=x"], environment, accepted });
  assertEquals(options.values.directory, "x");
});

Deno.test("a secret has no flag and is shown in no message or log line", () => {
  const noFlag = "Option --admin-password is a secret, and command lines are " +
    "seen by others: set QUIPU_ADMIN_PASSWORD instead";
  for (const args of [["--admin-password=x"], ["--admin-password", "x"]]) {
    assertEquals(refusalOf({ args }), noFlag);
  }
  assertEquals(
    refusalOf({ environment: { QUIPU_ADMIN_PASSWORD: "s3\ncret" } }),
    "Bad value for QUIPU_ADMIN_PASSWORD: expected text without control characters",
  );
  const given = { environment: { QUIPU_ADMIN_PASSWORD: "s3cret" } };
  assertEquals(changedOptions(resolve(given)), [
    { flag: "admin-password", value: "(hidden)", origin: "environment" },
  ]);
});

Deno.test("a secret may stand in the first line of a file", () => {
  const environment = { QUIPU_ADMIN_PASSWORD_FILE: "/run/secret" };
  const readFile = (path: string) => {
    assertEquals(path, "/run/secret");
    return "from a file\r\nmore";
  };
  const sources = { args: [], environment, readFile };
  assertEquals(resolveOptions(sources).values.adminPassword, "from a file");
  const both = { ...environment, QUIPU_ADMIN_PASSWORD: "x" };
  assertThrows(
    () => resolveOptions({ ...sources, environment: both }),
    UsageError,
    "exclude each other",
  );
  const missing = () => {
    throw new Error("no such file");
  };
  assertThrows(
    () => resolveOptions({ ...sources, readFile: missing }),
    UsageError,
    'Cannot read "/run/secret", the file that QUIPU_ADMIN_PASSWORD_FILE names',
  );
});

Deno.test("an option that needs another one is refused without it", () => {
  const cases: [Given, string][] = [
    [
      { args: ["--tls-cert=cert.pem"] },
      "Option --tls-cert needs --tls-key: give both",
    ],
    [
      { environment: { QUIPU_TLS_KEY: "key.pem" } },
      "Option QUIPU_TLS_KEY needs --tls-cert: give both",
    ],
    [
      { args: ["--enable-trusted-auth"] },
      "Option --enable-trusted-auth needs --trusted-proxy: give both",
    ],
  ];
  for (const [given, message] of cases) assertEquals(refusalOf(given), message);
  resolve({ args: ["--no-enable-trusted-auth"] });
});

Deno.test("texts of a form are refused in another", () => {
  const cases: [string, string][] = [
    [
      "--trusted-proxy=proxy.local",
      "addresses or ranges such as 10.0.0.0/8,::1",
    ],
    ["--public-url=events", "an address such as https://events.example.org"],
    [
      "--cors-origin=all",
      "origins such as https://app.example.org, *, or none",
    ],
    [
      "--allowed-host=https://a.example",
      "hosts such as events.example.org or 10.0.0.5:2113",
    ],
  ];
  for (const [flag, wanted] of cases) {
    const message = refusalOf({ args: [flag] });
    assertEquals(message.split(": expected ")[1], wanted);
  }
});

Deno.test("a repeatable flag adds to its list", () => {
  const args = ["--allowed-host=a.example", "--allowed-host", "b:1,c"];
  assertEquals(resolve({ args }).values.allowedHosts, "a.example,b:1,c");
});
