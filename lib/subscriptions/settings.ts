/**
 * Settings of a persistent subscription: what clients send, what is stored in
 * `$persistentSubscriptionConfig`, and what `/info` shows (spec: subscriptions
 * §1, §2). One table names every field.
 *
 * @module
 */

import {
  type EventFilter,
  filterOf,
  filterTextsOf,
} from "../model/event_filter.ts";

/** How messages are spread over the consumers that are pushed to. */
export type ConsumerStrategy = "RoundRobin" | "DispatchToSingle" | "Pinned";

const STRATEGIES: readonly ConsumerStrategy[] = [
  "RoundRobin",
  "DispatchToSingle",
  "Pinned",
];

/** Settings of a group. Counts and times may be negative, as recorded. */
export interface GroupSettings {
  readonly resolveLinks: boolean;
  /**
   * Place of the first message: an event number, for `$all` a log position; -1:
   * only what is written from now on.
   */
  readonly startFrom: number;
  readonly messageTimeoutMs: number;
  readonly hasExtraStatistics: boolean;
  readonly maxRetryCount: number;
  readonly liveBufferSize: number;
  /** Messages that are read ahead at most. */
  readonly bufferSize: number;
  readonly readBatchSize: number;
  readonly checkPointAfterMs: number;
  readonly minCheckPointCount: number;
  readonly maxCheckPointCount: number;
  /** Consumers that are pushed to at most; 0: any number. */
  readonly maxSubscriberCount: number;
  readonly strategy: ConsumerStrategy;
  /** An addition to the original: delivers only what the filter accepts. */
  readonly filter: EventFilter | undefined;
}

/** The settings of a group of which nothing was said. */
export const DEFAULT_SETTINGS: GroupSettings = {
  resolveLinks: false,
  startFrom: 0,
  messageTimeoutMs: 10_000,
  hasExtraStatistics: false,
  maxRetryCount: 10,
  liveBufferSize: 500,
  bufferSize: 500,
  readBatchSize: 20,
  checkPointAfterMs: 1_000,
  minCheckPointCount: 10,
  maxCheckPointCount: 500,
  maxSubscriberCount: 10,
  strategy: "RoundRobin",
  filter: undefined,
};

type NumberSetting = {
  [Name in keyof GroupSettings]: GroupSettings[Name] extends number ? Name
    : never;
}[keyof GroupSettings];

type BooleanSetting = "resolveLinks" | "hasExtraStatistics";

interface Field<Setting> {
  readonly setting: Setting;
  /** Name in requests, in any case, and in `/info`. */
  readonly name: string;
  /** Name in the stored configuration. */
  readonly storedName: string;
}

const BOOLEAN_FIELDS: readonly Field<BooleanSetting>[] = [
  {
    setting: "resolveLinks",
    name: "resolveLinktos",
    storedName: "resolveLinkTos",
  },
  field("hasExtraStatistics", "extraStatistics"),
];

const NUMBER_FIELDS: readonly Field<NumberSetting>[] = [
  {
    setting: "messageTimeoutMs",
    name: "messageTimeoutMilliseconds",
    storedName: "messageTimeout",
  },
  field("startFrom", "startFrom"),
  field("liveBufferSize", "liveBufferSize"),
  {
    setting: "bufferSize",
    name: "bufferSize",
    storedName: "historyBufferSize",
  },
  field("maxRetryCount", "maxRetryCount"),
  field("readBatchSize", "readBatchSize"),
  {
    setting: "checkPointAfterMs",
    name: "checkPointAfterMilliseconds",
    storedName: "checkPointAfter",
  },
  field("minCheckPointCount", "minCheckPointCount"),
  field("maxCheckPointCount", "maxCheckPointCount"),
  field("maxSubscriberCount", "maxSubscriberCount"),
];

function field<Setting>(setting: Setting, name: string): Field<Setting> {
  return { setting, name, storedName: name };
}

/** Settings as a request has them: its strategy may be one that is unknown. */
export type RequestedSettings = Omit<GroupSettings, "strategy"> & {
  readonly strategy: string;
};

/**
 * Settings with a strategy that there is; undefined: it is unknown. Asked only
 * once the caller may change the group, as in the original.
 */
export function withKnownStrategy(
  settings: RequestedSettings,
): GroupSettings | undefined {
  const strategy = STRATEGIES.find((known) => known === settings.strategy);
  return strategy && { ...settings, strategy };
}

/** Settings that were read, or why they are refused: the text of a 400. */
export type SettingsOutcome =
  | { readonly kind: "settings"; readonly settings: RequestedSettings }
  | { readonly kind: "invalid"; readonly reason: string };

/** Reads a member by its name, whatever its case; undefined: it is missing. */
export type MemberReader = (name: string) => unknown;

/**
 * Reads settings from a request; what it leaves out, and what is 0, false or
 * null, has its default (spec: subscriptions §2, rules 1 and 2).
 *
 * @param read Gives JSON's values, or the text of an XML element.
 */
export function decodeSettings(read: MemberReader): SettingsOutcome {
  const settings: {
    -readonly [Name in keyof RequestedSettings]: RequestedSettings[Name];
  } = { ...DEFAULT_SETTINGS };
  try {
    for (const { setting, name } of BOOLEAN_FIELDS) {
      settings[setting] = booleanOf(name, read(name)) ??
        DEFAULT_SETTINGS[setting];
    }
    for (const { setting, name } of NUMBER_FIELDS) {
      const number = numberOf(name, read(name));
      settings[setting] = number || DEFAULT_SETTINGS[setting];
    }
    settings.strategy = strategyOf(read);
    settings.filter = readFilter(read);
  } catch (error) {
    if (!(error instanceof WrongMember)) throw error;
    return { kind: "invalid", reason: error.message };
  }
  const reason = sizeFaultOf(settings);
  return reason === undefined
    ? { kind: "settings", settings }
    : { kind: "invalid", reason };
}

/** A member of a request that cannot be read; stays in this file. */
class WrongMember extends Error {
  constructor(name: string, wanted: string) {
    super(`Request body invalid: ${name} must be ${wanted}`);
  }
}

function booleanOf(name: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  const text = typeof value === "string" ? value.trim().toLowerCase() : "";
  if (text === "true") return true;
  if (text === "false") return false;
  throw new WrongMember(name, "true or false");
}

const INT32_MAX = 2 ** 31 - 1;

function numberOf(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const isText = typeof value === "string" &&
    /^\s*[+-]?\d{1,16}\s*$/.test(value);
  const number = isText ? Number(value) : value;
  // An event number may be beyond 32 bits, as in the original.
  const max = name === "startFrom" ? Number.MAX_SAFE_INTEGER : INT32_MAX;
  const isWhole = typeof number === "number" && Number.isInteger(number) &&
    Math.abs(number) <= max;
  if (!isWhole) throw new WrongMember(name, `a whole number up to ${max}`);
  return number;
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new WrongMember(name, "a text");
}

/** The older `preferRoundRobin` counts only beside an empty name. */
function strategyOf(read: MemberReader): string {
  const name = textOf("namedConsumerStrategy", read("namedConsumerStrategy"));
  const prefersRoundRobin = booleanOf(
    "preferRoundRobin",
    read("preferRoundRobin"),
  );
  if (name !== "") return name ?? DEFAULT_SETTINGS.strategy;
  return prefersRoundRobin ? "RoundRobin" : "DispatchToSingle";
}

function readFilter(read: MemberReader): EventFilter | undefined {
  const filter = filterOf({
    type: textOf("filterType", read("filterType")),
    stream: textOf("filterStream", read("filterStream")),
    withSystem: booleanOf("system", read("system")),
  });
  if (typeof filter !== "string") return filter;
  const name = filter === "unreadableType" ? "filterType" : "filterStream";
  throw new WrongMember(name, "a name, or its beginning and a *");
}

/** In the original's order; the first that fails is the answer. */
function sizeFaultOf(
  { bufferSize, liveBufferSize, readBatchSize }: RequestedSettings,
): string | undefined {
  const sizes = [
    ["Buffer Size", bufferSize],
    ["Live Buffer Size", liveBufferSize],
    ["Read Batch Size", readBatchSize],
  ] as const;
  for (const [label, size] of sizes) {
    if (size <= 0) return `${label} (${size}) must be positive`;
  }
  return bufferSize > readBatchSize
    ? undefined
    : `BufferSize (${bufferSize}) must be larger than ReadBatchSize ` +
      `(${readBatchSize})`;
}

/** Members of a document in their order. */
export type SettingMembers = readonly (readonly [
  name: string,
  value: string | number | boolean,
])[];

/**
 * The members of `config` in `/info`, in the original's order; what it does
 * not know comes last, if there is any.
 */
export function infoMembersOf(settings: RequestedSettings): SettingMembers {
  return [
    ["resolveLinktos", settings.resolveLinks],
    ["startFrom", settings.startFrom],
    ["messageTimeoutMilliseconds", settings.messageTimeoutMs],
    ["extraStatistics", settings.hasExtraStatistics],
    ["maxRetryCount", settings.maxRetryCount],
    ["liveBufferSize", settings.liveBufferSize],
    ["bufferSize", settings.bufferSize],
    ["readBatchSize", settings.readBatchSize],
    ["preferRoundRobin", settings.strategy === "RoundRobin"],
    ["checkPointAfterMilliseconds", settings.checkPointAfterMs],
    ["minCheckPointCount", settings.minCheckPointCount],
    ["maxCheckPointCount", settings.maxCheckPointCount],
    ["maxSubscriberCount", settings.maxSubscriberCount],
    ["namedConsumerStrategy", settings.strategy],
    ...filterMembersOf(settings),
  ];
}

function filterMembersOf({ filter }: RequestedSettings): SettingMembers {
  if (filter === undefined) return [];
  const { type, stream, withSystem } = filterTextsOf(filter);
  return [
    ...(type === undefined ? [] : [["filterType", type] as const]),
    ...(stream === undefined ? [] : [["filterStream", stream] as const]),
    ["system", withSystem],
  ];
}

/**
 * The members of a group's entry in the stored configuration, without its
 * names; 0 and false are left out, as the original does.
 */
export function storedMembersOf(settings: GroupSettings): SettingMembers {
  const fields = [...BOOLEAN_FIELDS, ...NUMBER_FIELDS];
  const members = fields.flatMap(({ setting, storedName }) => {
    const value = settings[setting];
    return value ? [[storedName, value] as const] : [];
  });
  return [
    ...members,
    ["namedConsumerStrategy", settings.strategy],
    ...filterMembersOf(settings),
  ];
}

/**
 * Reads the settings of a stored entry: a missing number is 0, and so is one
 * that cannot be read. Sizes that do not fit count as the default ones.
 */
export function settingsOfStored(
  entry: Readonly<Record<string, unknown>>,
): GroupSettings {
  const settings: {
    -readonly [Name in keyof GroupSettings]: GroupSettings[Name];
  } = { ...DEFAULT_SETTINGS };
  for (const { setting, storedName } of BOOLEAN_FIELDS) {
    settings[setting] = entry[storedName] === true;
  }
  for (const { setting, storedName } of NUMBER_FIELDS) {
    const value = entry[storedName];
    settings[setting] = Number.isSafeInteger(value) ? Number(value) : 0;
  }
  const strategy = STRATEGIES.find((known) =>
    known === entry.namedConsumerStrategy
  );
  settings.strategy = strategy ?? DEFAULT_SETTINGS.strategy;
  const text = (value: unknown) =>
    typeof value === "string" ? value : undefined;
  const filter = filterOf({
    type: text(entry.filterType),
    stream: text(entry.filterStream),
    withSystem: typeof entry.system === "boolean" ? entry.system : undefined,
  });
  settings.filter = typeof filter === "string" ? undefined : filter;
  if (sizeFaultOf(settings) === undefined) return settings;
  const { bufferSize, liveBufferSize, readBatchSize } = DEFAULT_SETTINGS;
  return { ...settings, bufferSize, liveBufferSize, readBatchSize };
}
