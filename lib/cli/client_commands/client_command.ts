/**
 * What commands that are clients of a server share: options, login, failures,
 * and the end by a signal.
 *
 * @module
 */

import type { Client, ClientError, Credentials } from "../../client/mod.ts";
import { listenForStopSignals } from "../../runtime/signals.ts";
import {
  type Command,
  type CommandCall,
  type CommandRow,
  defineCommand,
} from "../command.ts";
import { ConflictError, type ExitCode, RunError } from "../failures.ts";
import { firstLineOf, readOptionFile } from "../named_files.ts";
import { CLIENT_OPTIONS } from "../options/client_options.ts";
import type { ValuesOf } from "../options/options.ts";
import { isInputTerminal, printNote, readSecret } from "../terminal.ts";
import { storedTokenFor } from "./stored_logins.ts";

/** The row of such a command. */
interface ClientRow extends Omit<CommandRow, "options"> {
  /** Tries in a row that may fail; by default `TRIES_MAX`. */
  readonly triesMax?: number;
}

/** Tries of a request: some two seconds. */
const TRIES_MAX = 5;

/** Values of the options that all of them have. */
export type ClientValues = ValuesOf<typeof CLIENT_OPTIONS>;

/** What such a command works with. */
export interface ClientCall<Row> {
  readonly client: Client;
  readonly values: CommandCall<Row>["values"] & ClientValues;
  readonly operands: CommandCall<Row>["operands"];
  readonly environment: CommandCall<Row>["environment"];
  /** Is aborted by the first signal that asks the program to stop. */
  readonly signal: AbortSignal;
}

/** Makes a command that is a client. */
export function defineClientCommand<const Row extends ClientRow>(
  row: Row,
  run: (call: ClientCall<Row>) => Promise<ExitCode | void>,
): Command {
  const own = { ...row.own, ...CLIENT_OPTIONS };
  return defineCommand({ ...row, options: [], own }, async (call) => {
    const values = call.values as ClientCall<Row>["values"];
    const { environment } = call;
    const operands = call.operands as ClientCall<Row>["operands"];
    const stopping = new AbortController();
    using signals = listenForStopSignals();
    signals.first.then((signal) =>
      stopping.abort(new RunError(`Stopped by ${signal}`))
    );
    const { signal } = stopping;
    return await withClient(
      { values, environment, triesMax: row.triesMax },
      (client) => run({ client, values, operands, environment, signal }),
    );
  });
}

/** Where a client comes from. */
interface ClientSource {
  readonly values: ClientValues;
  readonly environment: Readonly<Record<string, string>>;
  readonly triesMax?: number | undefined;
  /** Instead of those that the options say. */
  readonly credentials?: Credentials;
}

/**
 * Makes a client by the options, and has it used.
 *
 * @throws {RunError} For whatever the client cannot do.
 */
export async function withClient<Result>(
  source: ClientSource,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { values, environment, triesMax = TRIES_MAX } = source;
  // Loaded here: a server needs none.
  const { Client, ClientError } = await import("../../client/mod.ts");
  using http = httpClientOf(values.caCertFile);
  const credentials = source.credentials ??
    await credentialsOf(values, environment);
  try {
    return await use(
      new Client({
        url: values.url.split(","),
        credentials,
        ...(http && {
          fetch: (input, init) =>
            fetch(
              input,
              init && {
                ...init,
                client: http,
              },
            ),
        }),
        retry: { onRetry: noteRetry, triesMax },
      }),
    );
  } catch (error) {
    throw error instanceof ClientError
      ? runErrorOf(error, credentials !== undefined)
      : error;
  }
}

/** The failure of a command that a client's error is. */
function runErrorOf(error: ClientError, hasLogin: boolean): Error {
  if (error.code === "wrongExpectedVersion") {
    const { currentVersion } = error;
    return new ConflictError(
      "The stream is not at the expected version" +
        (currentVersion === undefined
          ? ""
          : currentVersion < 0
          ? ": it has no events"
          : `: its last event is number ${currentVersion}`),
    );
  }
  if (error.code === "aborted" && error.cause instanceof Error) {
    return error.cause;
  }
  const hint = error.code !== "unauthorized"
    ? ""
    : hasLogin
    ? "; the login is wrong, or may not do this: take another with --user"
    : "; log in with --user, a token, or quipu login";
  return new RunError(error.message + hint, { cause: error });
}

/** Whether something ended because a signal asked for it. */
export function isAborted(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && error instanceof Error &&
    (error === signal.reason || error.name === "ClientError");
}

/** A try that failed is said on a terminal alone: scripts see the end. */
function noteRetry({ message }: ClientError, delayMs: number): void {
  if (delayMs >= NOTED_DELAY_MS) printNote(`quipu: ${message}; trying again\n`);
}

/** Shorter waits are not worth a line. */
const NOTED_DELAY_MS = 1_000;

export function httpClientOf(
  caCertFile: string | undefined,
): Deno.HttpClient | undefined {
  return caCertFile === undefined
    ? undefined
    : Deno.createHttpClient({ caCerts: [readOptionFile(caCertFile)] });
}

/** Who the options say that the user is; undefined: nobody. */
export async function credentialsOf(
  values: ClientValues,
  environment: Readonly<Record<string, string>>,
): Promise<Credentials | undefined> {
  const { login, token, tokenFile } = values;
  if (tokenFile !== undefined) return { token: firstLineOf(tokenFile) };
  if (token !== undefined) return { token };
  if (login !== undefined) {
    return { login, password: await passwordOf(values, login) };
  }
  const [url = ""] = values.url.split(",");
  const stored = storedTokenFor(url, environment);
  return stored === undefined ? undefined : { token: stored };
}

/**
 * The password of the login: from a file, a variable, or typed.
 *
 * @throws {RunError} If there is none.
 */
export async function passwordOf(
  { password, passwordFile }: ClientValues,
  login: string,
): Promise<string> {
  if (passwordFile !== undefined && passwordFile !== "-") {
    return firstLineOf(passwordFile);
  }
  if (passwordFile === undefined && password !== undefined) return password;
  if (passwordFile === undefined && !isInputTerminal()) {
    throw new RunError(
      `The password of ${login} is missing: set QUIPU_PASSWORD, or give ` +
        "--password-file",
    );
  }
  return await readSecret(`Password of ${login}: `);
}
