/**
 * Gives every option its value: from its flag, else its environment variable,
 * else the configuration file, else the default. Anything unknown or out of
 * range refuses the start; a silently ignored option could lose data.
 *
 * An environment variable that is set but empty counts as not set.
 *
 * @module
 */

import { systemReasonOf } from "../../text/system_errors.ts";
import { UsageError } from "../failures.ts";
import { CLIENT_VARIABLES } from "./client_options.ts";
import { suggestion } from "./nearest_name.ts";
import {
  type DecodedValue,
  decodeJson,
  decodeText,
  encodeValue,
} from "./option_value.ts";
import {
  defaultOf,
  ENVIRONMENT_PREFIX,
  environmentNameOf,
  OPTION_NAMES,
  type OptionName,
  type OptionRow,
  OPTIONS,
  type OptionValue,
  type OptionValues,
} from "./options.ts";
import { readArguments } from "./read_flags.ts";

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
  /**
   * Options of the program that it takes as flags. Variables and keys of the
   * others are allowed, since commands share an environment and a file.
   */
  readonly options: readonly OptionName[];
  /** Options of its own, which are flags alone. */
  readonly own?: Rows;
  /** How many operands it may have at most; default: 0. */
  readonly operandsMax?: number;
}

type Rows = Readonly<Record<string, OptionRow>>;

interface Setting {
  readonly value: OptionValue;
  readonly origin: OptionOrigin;
}

/**
 * Resolves everything that a command is called with.
 *
 * @returns The values of all options, those of the command included.
 * @throws {UsageError} For anything unknown, bad, given twice or excluded.
 */
export function resolveOptions(
  sources: OptionSources,
  syntax: CommandSyntax = { options: OPTION_NAMES },
): ResolvedOptions & { readonly operands: readonly string[] } {
  const { own = {}, operandsMax = 0 } = syntax;
  const accepted: Record<string, OptionRow> = { ...own };
  for (const name of syntax.options) accepted[name] = OPTIONS[name];
  const { flags, operands } = readArguments(sources.args, {
    rows: accepted,
    operandsMax,
  });
  const rows: Rows = { ...OPTIONS, ...own };
  const settings = readSettings(sources, { rows, flags });
  refuseTogether(rows, settings);
  return { ...completed(rows, settings), operands };
}

function readSettings(
  sources: OptionSources,
  { rows, flags }: {
    readonly rows: Rows;
    readonly flags: ReadonlyMap<string, string>;
  },
): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  const variables = readEnvironment(sources);
  const configFile = flags.get("configFile") ?? variables.get("configFile");
  if (configFile !== undefined) {
    const path = decode(OPTIONS.configFile, configFile, "--config");
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
    const row = rows[name];
    // A variable of commands that this one is not.
    if (row === undefined || row !== VARIABLES[name]) continue;
    const value = decode(row, text, environmentNameOf(row.flag));
    settings.set(name, { value, origin: "environment" });
  }
  for (const [name, row] of Object.entries(rows)) {
    const text = flags.get(name);
    if (text === undefined) continue;
    const value = decode(row, text, `--${row.flag}`);
    settings.set(name, { value, origin: "flag" });
  }
  return settings;
}

function decode(row: OptionRow, text: string, source: string): OptionValue {
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

/** Options that have variables. */
const VARIABLES: Rows = { ...OPTIONS, ...CLIENT_VARIABLES };

function readEnvironment(
  { environment, readFile }: OptionSources,
): Map<string, string> {
  const nameByVariable = new Map(
    Object.entries(VARIABLES).map(([name, { flag }]) => [
      environmentNameOf(flag),
      name,
    ]),
  );
  const values = new Map<string, string>();
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX)) continue;
    const name = nameByVariable.get(variable);
    const secret = variable.endsWith(FILE_SUFFIX)
      ? nameByVariable.get(variable.slice(0, -FILE_SUFFIX.length))
      : undefined;
    if (secret !== undefined && VARIABLES[secret]?.kind === "secret") {
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
    throw new UsageError(
      `Cannot read "${path}", the file that ${variable} names: ` +
        systemReasonOf(error),
      { cause: error },
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
      `Cannot read the configuration file "${path}": ${systemReasonOf(error)}`,
      { cause: error },
    );
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `Cannot read the configuration file "${path}": it is not JSON: ${reason}`,
      { cause: error },
    );
  }
  if (
    typeof document !== "object" || document === null ||
    Array.isArray(document)
  ) {
    throw new UsageError(
      `Cannot read the configuration file "${path}": expected a JSON object`,
    );
  }
  return document;
}

/** Refuses options that exclude each other, or need one that is not there. */
function refuseTogether(
  rows: Rows,
  settings: ReadonlyMap<string, Setting>,
): void {
  const nameOf = (flag: string | undefined) =>
    Object.keys(rows).find((name) => rows[name]?.flag === flag) ?? "";
  const said = (name: string) => nameIn(settings, name, rows[name]?.flag);
  for (const [name, { value }] of settings) {
    if (value === false) continue;
    const { excludes, needs } = rows[name] ?? {};
    const excluded = nameOf(excludes);
    if (excludes !== undefined && settings.has(excluded)) {
      throw new UsageError(
        `Options ${said(excluded)} and ${said(name)} exclude each other: ` +
          "give one",
      );
    }
    if (needs !== undefined && !settings.has(nameOf(needs))) {
      throw new UsageError(
        `Option ${said(name)} needs --${needs}: give both`,
      );
    }
  }
}

/** What the user wrote to set the option. */
function nameIn(
  settings: ReadonlyMap<string, Setting>,
  name: string,
  flag = "",
): string {
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
  rows: Rows,
  settings: ReadonlyMap<string, Setting>,
): ResolvedOptions {
  const values: Record<string, OptionValue> = {};
  const origins: Record<string, OptionOrigin> = {};
  for (const [name, row] of Object.entries(rows)) {
    const { value, origin } = settings.get(name) ??
      { value: defaultOf(row), origin: "default" };
    values[name] = value;
    origins[name] = origin;
  }
  // Each value was decoded by its own row, whose kind decides its type.
  return {
    values: values as unknown as OptionValues,
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
    if (value === defaultOf(row)) continue;
    changed.push({
      flag: row.flag,
      value: encodeValue(row, value) ?? "",
      origin: options.origins[name],
    });
  }
  return changed;
}
