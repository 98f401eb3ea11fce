/**
 * The driver: the only file that calls `pg`. Everything else asks a connection
 * for functions of the schema by name.
 *
 * A call is one round trip without a prepared statement, so it works behind a
 * pooler in transaction mode: the session keeps the plans of the functions.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import pg from "pg";
import type { Timers } from "../../lib/model/clock.ts";
import type {
  DatabaseAddress,
  DatabaseHost,
} from "../../lib/store/database_url.ts";
import { explainFailure, requireBinding, tlsOptions } from "./login.ts";

/** A row: the columns of a function's result, in their order. */
export type Row = readonly unknown[];

/** What PostgreSQL, or the way to it, says against a call. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  /** SQLSTATE; undefined: the connection is lost, and what was asked in doubt. */
  readonly state: string | undefined;

  constructor(message: string, state: string | undefined) {
    super(message);
    this.state = state;
  }
}

/** What is needed to connect. */
export interface DriverOptions {
  readonly address: DatabaseAddress;
  /** Undefined: none is needed. */
  readonly password: string | undefined;
  /** Certificates to trust, PEM; undefined: those of the system. */
  readonly rootCertificates: string | undefined;
  readonly timers: Timers;
  /** Longest time to connect, and to wait for an answer, in milliseconds. */
  readonly connectMs: number;
  readonly answerMs: number;
}

/** One session. After its first lost call it is closed. */
export interface Connection {
  readonly host: DatabaseHost;
  readonly isClosed: boolean;
  /** Process of the server, as it was said when the session began. */
  readonly processId: number | null;
  /**
   * Calls a function of the schema; arguments as PostgreSQL reads them.
   *
   * @throws {DatabaseError}
   */
  call(name: string, values: readonly unknown[]): Promise<Row[]>;
  /** Runs one statement. Throws as `call` does. */
  query(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs statements without arguments. Throws as `call` does. */
  run(sql: string): Promise<void>;
  /** Listens to a channel for as long as the session lasts. */
  listen(channel: string, heard: (text: string) => void): Promise<void>;
  /** Ends the session, and waits until it has. */
  close(): Promise<void>;
  /** Ends the session at once. What is under way is lost. */
  destroy(): void;
  /** Is called once the session has ended, whatever ended it. */
  onEnd(call: () => void): void;
}

/**
 * Opens a session on one host.
 *
 * @throws {DatabaseError}
 */
export async function connect(
  options: DriverOptions,
  host: DatabaseHost,
): Promise<Connection> {
  const { address, password, rootCertificates, connectMs } = options;
  const { database, user, channelBinding } = address;
  const client = new pg.Client({
    ...host,
    database,
    user,
    password,
    ...tlsOptions(address, rootCertificates),
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    application_name: "quipu",
    types: { getTypeParser: (oid) => PARSERS.get(oid) ?? asText },
  });
  if (channelBinding === "require") requireBinding(client);
  const connection = new PgConnection(client, host, options);
  try {
    await client.connect();
    return connection;
  } catch (error) {
    connection.destroy();
    const { message, state } = asDatabaseError(error);
    const code = error instanceof Error && "code" in error ? error.code : "";
    throw new DatabaseError(explainFailure(message, code, address), state);
  }
}

class PgConnection implements Connection {
  readonly host: DatabaseHost;
  readonly #client: InstanceType<typeof pg.Client>;
  readonly #options: DriverOptions;
  readonly #ended = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(
    client: InstanceType<typeof pg.Client>,
    host: DatabaseHost,
    options: DriverOptions,
  ) {
    this.host = host;
    this.#client = client;
    this.#options = options;
    // Calls that are under way are told; without a listener it would be thrown.
    client.on("error", () => this.destroy());
    client.on("end", () => {
      this.#isClosed = true;
      this.#ended.resolve();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get processId(): number | null {
    return this.#client.processID;
  }

  call(name: string, values: readonly unknown[]): Promise<Row[]> {
    const marks = values.map((_, index) => `$${index + 1}`).join(",");
    return this.query(
      `select * from "${this.#options.address.schema}".${name}(${marks})`,
      values,
    );
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { rows } = await this.#answer(
      this.#client.query({ text, values, rowMode: "array" }),
    );
    return rows;
  }

  async run(sql: string): Promise<void> {
    await this.#answer(this.#client.query(sql));
  }

  async listen(channel: string, heard: (text: string) => void): Promise<void> {
    this.#client.on("notification", ({ payload = "" }) => heard(payload));
    await this.run(`listen "${channel}"`);
  }

  async close(): Promise<void> {
    if (!this.#isClosed) await this.#client.end();
    await this.#ended.promise;
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.connection.stream.destroy();
  }

  onEnd(call: () => void): void {
    this.#ended.promise.then(call);
  }

  /** An answer, or an error once it took too long: then the session is closed. */
  async #answer<Answer>(asked: Promise<Answer>): Promise<Answer> {
    const { timers, answerMs } = this.#options;
    const late = Promise.withResolvers<never>();
    const stopTimer = timers.setTimer(answerMs, () => {
      this.destroy();
      late.reject(
        new DatabaseError(`no answer within ${answerMs} ms`, undefined),
      );
    });
    try {
      return await Promise.race([asked, late.promise]);
    } catch (error) {
      asked.catch(() => {});
      throw asDatabaseError(error);
    } finally {
      stopTimer();
    }
  }
}

function asDatabaseError(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? error.code : "";
  const isState = typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) &&
    /\d/.test(code);
  return new DatabaseError(message, isState ? code : undefined);
}

function asText(text: string): string {
  return text;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.fromHex(text.slice(2));
}

const asBoolean = (text: string) => text === "t";

/** An array of numbers or booleans: without quotes in it. */
function arrayOf(
  parse: (text: string) => unknown,
): (text: string) => unknown[] {
  return (text) => text === "{}" ? [] : text.slice(1, -1).split(",").map(parse);
}

/** By the type's number: `pg_type.oid`. */
const PARSERS: ReadonlyMap<number, (text: string) => unknown> = new Map<
  number,
  (text: string) => unknown
>([
  [16, asBoolean],
  [17, bytesOf],
  [20, Number],
  [21, Number],
  [23, Number],
  [1000, arrayOf(asBoolean)],
  [1007, arrayOf(Number)],
  [1016, arrayOf(Number)],
]);

/** Numbers, booleans, UUIDs or nothing, as the text of an array. */
export function arrayText(
  values: readonly (number | bigint | boolean | string | undefined)[],
): string {
  let text = "{";
  for (let index = 0; index < values.length; index++) {
    if (index > 0) text += ",";
    text += values[index] ?? "null";
  }
  return text + "}";
}

/** Byte strings, as the text of an array. */
export function bytesArrayText(values: readonly Uint8Array[]): string {
  return `{${values.map((bytes) => `"\\\\x${bytes.toHex()}"`).join(",")}}`;
}

/** Bytes as an argument: they are sent as they are. */
export function bytesArgument(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
