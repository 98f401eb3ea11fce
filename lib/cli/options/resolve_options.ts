/**
 * Gives every option its value: from its flag, else its environment variable,
 * else the configuration file, else the default. Anything unknown or out of
 * range refuses the start; a silently ignored option could lose data.
 *
 * An environment variable that is set but empty counts as not set.
 *
 * @module
 */

import { suggestion } from "./nearest_name.ts";
import {
  type DecodedValue,
  decodeJson,
  decodeText,
  encodeValue,
  type OptionValue,
} from "./option_value.ts";
import {
  ENVIRONMENT_PREFIX,
  environmentNameOf,
  OPTION_NAMES,
  type OptionName,
  type OptionRow,
  OPTIONS,
  type OptionValues,
} from "./options.ts";
import { systemReasonOf } from "../../text/system_errors.ts";
import { readArguments } from "./read_flags.ts";
import { UsageError } from "./usage_error.ts";

/** Where options come from. */
export interface OptionSources {
  /** What follows the command on the command line. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Reads the configuration file; throws when it cannot. */
  readFile(path: string): string;
}

/** Which source an option's value came from. */
export type OptionOrigin = "flag" | "environment" | "file" | "default";

/** Every option's value and origin. */
export interface ResolvedOptions {
  readonly values: OptionValues;
  readonly origins: Readonly<Record<OptionName, OptionOrigin>>;
}

/** What a command takes on its command line. */
export interface CommandSyntax {
  /** Options of the program that it takes as flags. */
  readonly options: readonly OptionName[];
  /** Options of its own, which are flags alone. */
  readonly own: Readonly<Record<string, OptionRow>>;
  /** How many operands it may have at most. */
  readonly operandsMax: number;
}

/** What a command is called with. */
export interface CommandLine {
  readonly options: ResolvedOptions;
  /** The value of each of its own options. */
  readonly own: Readonly<Record<string, OptionValue>>;
  readonly operands: readonly string[];
}

interface Setting {
  readonly value: OptionValue;
  readonly origin: OptionOrigin;
}

/**
 * Resolves all options.
 *
 * @param accepted Options that the command takes as flags. Variables and keys
 * of the others are allowed, since commands share an environment and a file.
 * @throws {UsageError} For anything unknown, bad, given twice or excluded.
 */
export function resolveOptions(
  sources: OptionSources,
  accepted: readonly OptionName[] = OPTION_NAMES,
): ResolvedOptions {
  const syntax = { options: accepted, own: {}, operandsMax: 0 };
  return resolveCommandLine(sources, syntax).options;
}

/**
 * Resolves everything that a command is called with.
 *
 * @throws {UsageError} As `resolveOptions` does.
 */
export function resolveCommandLine(
  sources: OptionSources,
  syntax: CommandSyntax,
): CommandLine {
  const rows: Record<string, OptionRow> = { ...syntax.own };
  for (const name of syntax.options) rows[name] = OPTIONS[name];
  const { operandsMax } = syntax;
  const { flags, operands } = readArguments(sources.args, {
    rows,
    operandsMax,
  });
  return {
    options: resolveAll(sources, flags),
    own: resolveOwn(syntax.own, flags),
    operands,
  };
}

function resolveOwn(
  rows: Readonly<Record<string, OptionRow>>,
  flags: ReadonlyMap<string, string>,
): Record<string, OptionValue> {
  const values: Record<string, OptionValue> = {};
  refuseTogether(rows, flags);
  for (const [name, row] of Object.entries(rows)) {
    const text = flags.get(name);
    values[name] = text === undefined
      ? row.default
      : valueOf(row, decodeText(row, text), { text, source: `--${row.flag}` });
  }
  return values;
}

/** Refuses flags that exclude each other, or need one that is not there. */
function refuseTogether(
  rows: Readonly<Record<string, OptionRow>>,
  flags: ReadonlyMap<string, string>,
): void {
  const given = new Set<string | undefined>();
  for (const [name, { flag }] of Object.entries(rows)) {
    if (flags.has(name)) given.add(flag);
  }
  for (const { flag, excludes, needs } of Object.values(rows)) {
    if (!given.has(flag)) continue;
    if (excludes !== undefined && given.has(excludes)) {
      throw new UsageError(
        `Options --${flag} and --${excludes} exclude each other: give one`,
      );
    }
    if (needs !== undefined && !given.has(needs)) {
      throw new UsageError(`Option --${flag} needs --${needs}: give both`);
    }
  }
}

function resolveAll(
  sources: OptionSources,
  flags: ReadonlyMap<string, string>,
): ResolvedOptions {
  const settings = new Map<OptionName, Setting>();
  const variables = readEnvironment(sources);
  const configFile = flags.get("configFile") ?? variables.get("configFile");
  if (configFile !== undefined) {
    const path = decodeOf("configFile", configFile, "--config");
    for (const [name, json] of readConfigFile(sources, String(path))) {
      const row = OPTIONS[name];
      const value = valueOf(row, decodeJson(row, json), {
        text: typeof json === "string" ? json : JSON.stringify(json),
        source: `"${row.flag}" in ${path}`,
      });
      settings.set(name, { value, origin: "file" });
    }
  }
  for (const [name, text] of variables) {
    const value = decodeOf(name, text, environmentNameOf(OPTIONS[name].flag));
    settings.set(name, { value, origin: "environment" });
  }
  for (const name of OPTION_NAMES) {
    const text = flags.get(name);
    if (text === undefined) continue;
    const value = decodeOf(name, text, `--${OPTIONS[name].flag}`);
    settings.set(name, { value, origin: "flag" });
  }
  refuseExclusions(settings);
  refuseMissing(settings);
  return completed(settings);
}

function decodeOf(name: OptionName, text: string, source: string): OptionValue {
  const row = OPTIONS[name];
  return valueOf(row, decodeText(row, text), { text, source });
}

function valueOf(
  row: OptionRow,
  decoded: DecodedValue,
  given: { readonly text: string; readonly source: string },
): OptionValue {
  if (decoded.kind === "value") return decoded.value;
  const value = row.kind === "secret" ? "value" : `value "${given.text}"`;
  throw new UsageError(
    `Bad ${value} for ${given.source}: expected ${decoded.wanted}`,
  );
}

/** What ends a variable that names a file with a secret in its first line. */
const FILE_SUFFIX = "_FILE";

function readEnvironment(
  { environment, readFile }: OptionSources,
): Map<OptionName, string> {
  const nameByVariable = new Map(
    OPTION_NAMES.map((name) => [environmentNameOf(OPTIONS[name].flag), name]),
  );
  const values = new Map<OptionName, string>();
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX)) continue;
    const name = nameByVariable.get(variable);
    const secret = variable.endsWith(FILE_SUFFIX)
      ? nameByVariable.get(variable.slice(0, -FILE_SUFFIX.length))
      : undefined;
    if (secret !== undefined && OPTIONS[secret].kind === "secret") {
      if (text === "") continue;
      const other = variable.slice(0, -FILE_SUFFIX.length);
      if ((environment[other] ?? "") !== "") {
        throw new UsageError(
          `Variables ${other} and ${variable} exclude each other: set one`,
        );
      }
      values.set(secret, readSecret(variable, text, readFile));
      continue;
    }
    if (name === undefined) {
      const known = [...nameByVariable.keys()];
      throw new UsageError(
        `Unknown environment variable ${variable}` +
          suggestion(variable, known),
      );
    }
    if (text !== "") values.set(name, text);
  }
  return values;
}

function readSecret(
  variable: string,
  path: string,
  readFile: OptionSources["readFile"],
): string {
  try {
    return readFile(path).split(/\r?\n/)[0] ?? "";
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `Cannot read "${path}", which ${variable} names: ${reason}`,
    );
  }
}

function readConfigFile(
  sources: OptionSources,
  path: string,
): [OptionName, unknown][] {
  const document = parseConfigFile(sources, path);
  const nameByKey = new Map(
    OPTION_NAMES.map((name) => [OPTIONS[name].flag as string, name]),
  );
  return Object.entries(document).map(([key, json]) => {
    const name = nameByKey.get(key);
    if (name === undefined) {
      throw new UsageError(
        `Unknown option "${key}" in ${path}` +
          suggestion(key, [...nameByKey.keys()]),
      );
    }
    if (name === "configFile") {
      throw new UsageError(`Option "${key}" cannot be set in ${path} itself`);
    }
    return [name, json];
  });
}

function parseConfigFile(sources: OptionSources, path: string): object {
  let text: string;
  try {
    text = sources.readFile(path);
  } catch (error) {
    throw new UsageError(
      `Cannot read the configuration file ${path}: ${systemReasonOf(error)}`,
      { cause: error },
    );
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `Cannot read the configuration file ${path}: it is not JSON: ${reason}`,
      { cause: error },
    );
  }
  if (
    typeof document !== "object" || document === null ||
    Array.isArray(document)
  ) {
    throw new UsageError(
      `Cannot read the configuration file ${path}: expected a JSON object`,
    );
  }
  return document;
}

function refuseExclusions(settings: ReadonlyMap<OptionName, Setting>): void {
  for (const [name, { value }] of settings) {
    const row: OptionRow = OPTIONS[name];
    if (row.excludes === undefined || value === false) continue;
    const excluded = OPTION_NAMES.find((other) =>
      OPTIONS[other].flag === row.excludes
    );
    if (excluded !== undefined && settings.has(excluded)) {
      throw new UsageError(
        `Options ${nameIn(settings, excluded)} and ${nameIn(settings, name)} ` +
          "exclude each other: give one",
      );
    }
  }
}

function refuseMissing(settings: ReadonlyMap<OptionName, Setting>): void {
  for (const [name, { value }] of settings) {
    const row: OptionRow = OPTIONS[name];
    if (row.needs === undefined || value === false) continue;
    const needed = OPTION_NAMES.find((other) =>
      OPTIONS[other].flag === row.needs
    );
    if (needed !== undefined && !settings.has(needed)) {
      throw new UsageError(
        `Option ${nameIn(settings, name)} needs --${row.needs}: give both`,
      );
    }
  }
}

/** What the user wrote to set the option. */
function nameIn(
  settings: ReadonlyMap<OptionName, Setting>,
  name: OptionName,
): string {
  const { flag } = OPTIONS[name];
  switch (settings.get(name)?.origin) {
    case "environment":
      return environmentNameOf(flag);
    case "file":
      return `"${flag}" of the configuration file`;
    default:
      return `--${flag}`;
  }
}

function completed(
  settings: ReadonlyMap<OptionName, Setting>,
): ResolvedOptions {
  const values: Partial<Record<OptionName, OptionValue>> = {};
  const origins: Partial<Record<OptionName, OptionOrigin>> = {};
  for (const name of OPTION_NAMES) {
    const setting = settings.get(name);
    values[name] = setting === undefined
      ? OPTIONS[name].default
      : setting.value;
    origins[name] = setting?.origin ?? "default";
  }
  // Each value was decoded by its own row, whose kind decides its type.
  return {
    values: values as OptionValues,
    origins: origins as Record<OptionName, OptionOrigin>,
  };
}

/** An option that somebody set, for the log line at start. */
export interface ChangedOption {
  readonly flag: string;
  readonly value: string;
  readonly origin: OptionOrigin;
}

/** The options that do not have their default, in the order of the table. */
export function changedOptions(options: ResolvedOptions): ChangedOption[] {
  const changed: ChangedOption[] = [];
  for (const name of OPTION_NAMES) {
    const row = OPTIONS[name];
    const value = options.values[name];
    if (value === row.default) continue;
    changed.push({
      flag: row.flag,
      value: encodeValue(row, value) ?? "",
      origin: options.origins[name],
    });
  }
  return changed;
}
