import { assertEquals } from "@std/assert";
import {
  decodeSettings,
  DEFAULT_SETTINGS,
  type GroupSettings,
  infoMembersOf,
  type SettingMembers,
  settingsOfStored,
  storedMembersOf,
  withKnownStrategy,
} from "./settings.ts";

/** Reads members as a body does: names in any case. */
function decode(members: Readonly<Record<string, unknown>>) {
  const byName = new Map(
    Object.entries(members).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return decodeSettings((name) => byName.get(name.toLowerCase()));
}

function settingsOf(members: Readonly<Record<string, unknown>>) {
  const outcome = decode(members);
  return outcome.kind === "settings" ? outcome.settings : outcome.reason;
}

Deno.test("decodeSettings() gives what is not sent, or sent as nothing, its default", () => {
  const names = infoMembersOf(DEFAULT_SETTINGS).map(([name]) => name);
  assertEquals(settingsOf({}), DEFAULT_SETTINGS);
  for (const name of names) {
    if (name === "namedConsumerStrategy") continue;
    const isFlag = ["resolveLinktos", "extraStatistics", "preferRoundRobin"]
      .includes(name);
    const nothings = isFlag ? [null, false, "false"] : [null, 0, "0"];
    for (const value of nothings) {
      assertEquals(settingsOf({ [name]: value }), DEFAULT_SETTINGS, name);
    }
  }
});

Deno.test("decodeSettings() reads numbers, flags and names in each spelling", () => {
  const table: [Record<string, unknown>, Partial<GroupSettings>][] = [
    [{ MAXRETRYCOUNT: 7 }, { maxRetryCount: 7 }],
    [{ maxRetryCount: "7" }, { maxRetryCount: 7 }],
    [{ maxRetryCount: " +7 " }, { maxRetryCount: 7 }],
    [{ maxRetryCount: -1 }, { maxRetryCount: -1 }],
    [{ startFrom: -1 }, { startFrom: -1 }],
    [{ startFrom: 2 ** 40 }, { startFrom: 2 ** 40 }],
    [{ resolveLinkTos: true }, { resolveLinks: true }],
    [{ resolveLinktos: "True" }, { resolveLinks: true }],
    [{ extraStatistics: true }, { hasExtraStatistics: true }],
    [{ messageTimeoutMilliseconds: 5 }, { messageTimeoutMs: 5 }],
    [{ namedConsumerStrategy: "Pinned" }, { strategy: "Pinned" }],
    [{ namedConsumerStrategy: "" }, { strategy: "DispatchToSingle" }],
    [
      { namedConsumerStrategy: "", preferRoundRobin: true },
      { strategy: "RoundRobin" },
    ],
    [{ preferRoundRobin: false }, { strategy: "RoundRobin" }],
    [
      { bufferSize: 11, readBatchSize: 10 },
      { bufferSize: 11, readBatchSize: 10 },
    ],
    [{ filterType: "Order*" }, {
      filter: {
        eventType: { text: "Order", isPrefix: true },
        streamName: undefined,
        excludesSystem: true,
      },
    }],
    [{ filterStream: "a", system: "true" }, {
      filter: {
        eventType: undefined,
        streamName: { text: "a", isPrefix: false },
        excludesSystem: false,
      },
    }],
    [{ unknown: [1] }, {}],
  ];
  for (const [members, expected] of table) {
    const label = JSON.stringify(members);
    assertEquals(
      settingsOf(members),
      { ...DEFAULT_SETTINGS, ...expected },
      label,
    );
  }
});

Deno.test("decodeSettings() refuses what cannot be meant, in the original's order", () => {
  const whole = "a whole number up to 2147483647";
  const table: [Record<string, unknown>, string][] = [
    [
      { bufferSize: -1, liveBufferSize: -1, readBatchSize: -1 },
      "Buffer Size (-1) must be positive",
    ],
    [
      { liveBufferSize: -1, readBatchSize: -1 },
      "Live Buffer Size (-1) must be positive",
    ],
    [{ readBatchSize: -1 }, "Read Batch Size (-1) must be positive"],
    [
      { readBatchSize: 500 },
      "BufferSize (500) must be larger than ReadBatchSize (500)",
    ],
    [
      { bufferSize: 20 },
      "BufferSize (20) must be larger than ReadBatchSize (20)",
    ],
    [
      { maxRetryCount: "x" },
      `Request body invalid: maxRetryCount must be ${whole}`,
    ],
    [
      { maxRetryCount: 1.5 },
      `Request body invalid: maxRetryCount must be ${whole}`,
    ],
    [
      { maxRetryCount: 2 ** 31 },
      `Request body invalid: maxRetryCount must be ${whole}`,
    ],
    [
      { maxRetryCount: true },
      `Request body invalid: maxRetryCount must be ${whole}`,
    ],
    [
      { startFrom: 1e20 },
      "Request body invalid: startFrom must be a whole number up to 9007199254740991",
    ],
    [
      { startFrom: [1] },
      "Request body invalid: startFrom must be a whole number up to 9007199254740991",
    ],
    [
      { resolveLinktos: 1 },
      "Request body invalid: resolveLinktos must be true or false",
    ],
    [
      { resolveLinktos: "yes" },
      "Request body invalid: resolveLinktos must be true or false",
    ],
    [
      { namedConsumerStrategy: 1 },
      "Request body invalid: namedConsumerStrategy must be a text",
    ],
    [
      { filterType: "*" },
      "Request body invalid: filterType must be a name, or its beginning and a *",
    ],
    [
      { filterStream: "" },
      "Request body invalid: filterStream must be a name, or its beginning and a *",
    ],
  ];
  for (const [members, reason] of table) {
    assertEquals(decode(members), { kind: "invalid", reason });
  }
});

Deno.test("withKnownStrategy() knows three strategies, in this case alone", () => {
  const known = (strategy: string) =>
    withKnownStrategy({ ...DEFAULT_SETTINGS, strategy })?.strategy;
  assertEquals(["RoundRobin", "DispatchToSingle", "Pinned"].map(known), [
    "RoundRobin",
    "DispatchToSingle",
    "Pinned",
  ]);
  assertEquals(
    ["roundrobin", "", "Unknown"].map(known),
    Array(3).fill(undefined),
  );
});

const ALL_SET: GroupSettings = {
  resolveLinks: true,
  startFrom: 2,
  messageTimeoutMs: 3_000,
  hasExtraStatistics: true,
  maxRetryCount: 3,
  liveBufferSize: 100,
  bufferSize: 50,
  readBatchSize: 10,
  checkPointAfterMs: 500,
  minCheckPointCount: 5,
  maxCheckPointCount: 60,
  maxSubscriberCount: 4,
  strategy: "Pinned",
  filter: {
    eventType: { text: "Order", isPrefix: true },
    streamName: { text: "cart-1", isPrefix: false },
    excludesSystem: true,
  },
};

function documentOf(members: SettingMembers): Record<string, unknown> {
  return Object.fromEntries(members);
}

Deno.test("settings are stored and read back, and shown as they are asked for", () => {
  for (const settings of [DEFAULT_SETTINGS, ALL_SET]) {
    const stored = documentOf(storedMembersOf(settings));
    assertEquals(
      settingsOfStored(JSON.parse(JSON.stringify(stored))),
      settings,
    );
    assertEquals(settingsOf(documentOf(infoMembersOf(settings))), settings);
  }
});

Deno.test("storedMembersOf() has the original's names and order, without nothings", () => {
  const names = storedMembersOf(ALL_SET).map(([name]) => name);
  assertEquals(names, [
    "resolveLinkTos",
    "extraStatistics",
    "messageTimeout",
    "startFrom",
    "liveBufferSize",
    "historyBufferSize",
    "maxRetryCount",
    "readBatchSize",
    "checkPointAfter",
    "minCheckPointCount",
    "maxCheckPointCount",
    "maxSubscriberCount",
    "namedConsumerStrategy",
    "filterType",
    "filterStream",
    "system",
  ]);
  const { length } = storedMembersOf(DEFAULT_SETTINGS);
  assertEquals(length, 10);
});

Deno.test("settingsOfStored() reads any entry as settings that work", () => {
  for (
    const entry of [{}, { readBatchSize: 9, historyBufferSize: 3 }, {
      readBatchSize: "x",
    }]
  ) {
    const { bufferSize, readBatchSize, liveBufferSize } = settingsOfStored(
      entry,
    );
    assertEquals([bufferSize, readBatchSize, liveBufferSize], [500, 20, 500]);
  }
});
