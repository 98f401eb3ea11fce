/**
 * The way to the primary: a few sessions that all lead to the same server of
 * PostgreSQL, and go to the next together.
 *
 * A session counts only once it is known that its server is the primary and,
 * with synchronous replication, that the standbys still follow it: before
 * anything that it says is believed, it waits for a barrier. What a server says
 * whose successor was promoted is so never taken for the present.
 *
 * When a session is lost, or leads elsewhere than the others, all are closed:
 * what a barrier on one said holds on each.
 *
 * @module
 */

import { QuipuError } from "../../lib/model/errors.ts";
import type { Logger } from "../../lib/model/logger.ts";
import {
  connect,
  type Connection,
  DatabaseError,
  type DriverOptions,
  type Row,
} from "./driver.ts";
import { POSTGRES_LIMITS } from "./limits.ts";
import { SCHEMA_VERSION, SCHEMA_VERSION_LEAST } from "./schema.ts";

/** What is known of a store and the server of PostgreSQL that has it. */
export interface AboutStore {
  readonly storeId: string;
  readonly schemaVersion: number;
  readonly isStandby: boolean;
  /** `synchronous_standby_names`; empty: commits wait for no standby. */
  readonly standbyNames: string;
  readonly timeline: number;
  /** Which start of which server: differs after every change of primary. */
  readonly instance: string;
}

export interface DatabaseOptions extends DriverOptions {
  readonly logger: Logger;
  /** Sessions that read. */
  readonly readersMax: number;
  /** Whether sessions wait for the standbys before they count. */
  readonly isSynchronous: boolean;
  /** Whether a store without synchronous standbys is taken. */
  readonly mayBeLocal: boolean;
  /** Is asked of each new primary, before it counts; throws to refuse it. */
  readonly onPrimary: (connection: Connection) => Promise<void>;
}

const NO_STANDBYS = "The database has no synchronous standbys " +
  "(synchronous_standby_names): what is acknowledged could be lost. Give " +
  "--durability local to accept that";

/** Sessions by what they are for; a session does one thing at a time. */
type Purpose = number | "writer" | "listener";

export class Database {
  readonly #options: DatabaseOptions;
  readonly #sessions = new Map<Purpose, Promise<Connection>>();
  /** Sessions that count, all of one server of PostgreSQL. */
  readonly #admitted = new Set<Connection>();
  readonly #busy: number[];
  #about: AboutStore | undefined;
  #hostIndex = 0;
  #isClosed = false;
  #failure: string | undefined;
  #failoverCount = -1;
  #isPooled = false;
  /** Ends the wait before the next attempt to connect. */
  #endWait = () => {};

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#busy = Array(options.readersMax).fill(0);
  }

  /** Of the primary that was reached last; undefined: none was. */
  get about(): AboutStore | undefined {
    return this.#about;
  }

  /** Why the primary cannot be reached; undefined: it can. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Whether sessions lead to a pooler, which gives one to each transaction. */
  get isPooled(): boolean {
    return this.#isPooled;
  }

  /** How often another primary, or the same one anew, took over. */
  get failoverCount(): number {
    return Math.max(0, this.#failoverCount);
  }

  /**
   * Calls a function that only reads; once more if the session is lost.
   *
   * @throws {QuipuError} `storeReadOnly` while the primary cannot be reached,
   * `storeClosed`.
   */
  async read(name: string, values: readonly unknown[]): Promise<Row[]> {
    for (let attempt = 0;; attempt++) {
      const reader = this.#leastBusy();
      this.#busy[reader] = (this.#busy[reader] ?? 0) + 1;
      try {
        return await (await this.session(reader)).call(name, values);
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        this.dropIfLost(error);
        if (attempt > 0 || !isLost(error)) throw refusalOfDatabase(error);
      } finally {
        this.#busy[reader] = (this.#busy[reader] ?? 0) - 1;
      }
    }
  }

  /**
   * A session that counts. Throws as `read` does.
   *
   * @param purpose Sessions of different purposes never wait for each other.
   */
  async session(purpose: Purpose): Promise<Connection> {
    for (;;) {
      if (this.#isClosed) throw closedError();
      let session = this.#sessions.get(purpose);
      if (session === undefined) {
        session = this.#connectInTime();
        this.#sessions.set(purpose, session);
      }
      try {
        const connection = await session;
        if (!connection.isClosed) return connection;
      } catch (error) {
        this.#forget(purpose, session);
        throw error;
      }
      this.#forget(purpose, session);
    }
  }

  /** Closes all sessions if an error says that their server is not to be asked. */
  dropIfLost(error: DatabaseError): void {
    if (isLost(error)) this.#dropAll();
  }

  /**
   * Behind a pooler sessions stay when another primary takes over: looks
   * whether one did, and begins anew. Throws as `read` does.
   */
  async lookForOtherPrimary(): Promise<void> {
    if (!this.#isPooled) return;
    try {
      const { instance } = await readAbout(await this.session(0));
      if (instance !== this.#about?.instance) this.#dropAll();
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.dropIfLost(error);
      throw refusalOfDatabase(error);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#endWait();
    this.#dropAll();
  }

  #leastBusy(): number {
    let least = 0;
    for (let index = 1; index < this.#busy.length; index++) {
      if ((this.#busy[index] ?? 0) < (this.#busy[least] ?? 0)) least = index;
    }
    return least;
  }

  #forget(purpose: Purpose, session: Promise<Connection>): void {
    if (this.#sessions.get(purpose) === session) this.#sessions.delete(purpose);
  }

  #dropAll(): void {
    for (const connection of this.#admitted) connection.destroy();
    this.#admitted.clear();
  }

  /** Tries host after host until one is the primary, or time is up. */
  async #connectInTime(): Promise<Connection> {
    const { timers, address, logger } = this.#options;
    const endMs = timers.nowMs() + POSTGRES_LIMITS.awayMs;
    let waitMs: number = POSTGRES_LIMITS.retryMsMin;
    for (let tried = 1;; tried++) {
      const host = address.hosts[this.#hostIndex % address.hosts.length];
      if (this.#isClosed || host === undefined) throw closedError();
      try {
        const connection = await connect(this.#options, host);
        await this.#admit(connection);
        if (this.#failure !== undefined) {
          logger.info("postgres.reached", { host: host.host, port: host.port });
          this.#failure = undefined;
        }
        return connection;
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        this.#hostIndex++;
        if (this.#failure === undefined) {
          logger.warn("postgres.unreachable", {
            host: host.host,
            port: host.port,
            reason: error.message,
          });
        }
        this.#failure = `The database cannot be reached: ${error.message}`;
        if (this.#isClosed) throw closedError();
        if (timers.nowMs() >= endMs) {
          throw new QuipuError("storeReadOnly", this.#failure);
        }
        if (tried % address.hosts.length !== 0) continue;
        await this.#wait(waitMs);
        waitMs = Math.min(2 * waitMs, POSTGRES_LIMITS.retryMsMax);
      }
    }
  }

  #wait(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const stopTimer = this.#options.timers.setTimer(durationMs, resolve);
      const endBefore = this.#endWait;
      this.#endWait = () => {
        endBefore();
        stopTimer();
        resolve();
      };
    });
  }

  /**
   * Whether a session leads to a pooler: it tells of a process that is not the
   * one that answers.
   */
  async #findPooler(connection: Connection): Promise<boolean> {
    const { notify } = this.#options.address;
    if (notify !== "auto") return notify === "off";
    const [row] = await connection.query("select pg_backend_pid()");
    return row?.[0] !== connection.processId;
  }

  /** Lets a new session count, or throws. */
  async #admit(connection: Connection): Promise<void> {
    const { isSynchronous, mayBeLocal, onPrimary, logger } = this.#options;
    try {
      const about = await readAbout(connection);
      if (about.isStandby) {
        throw new DatabaseError("this server is a standby", undefined);
      }
      if (!mayBeLocal && about.standbyNames === "") {
        // Of a server that takes over it may be an oversight: others are asked.
        if (this.#about !== undefined) {
          throw new DatabaseError("no synchronous standbys", undefined);
        }
        throw new QuipuError("storeReadOnly", NO_STANDBYS);
      }
      const isPooled = await this.#findPooler(connection);
      await setIsolation(connection, isPooled);
      const before = this.#about;
      if (before !== undefined && before.storeId !== about.storeId) {
        throw new QuipuError("storeReadOnly", "The database has another store");
      }
      if (isSynchronous) await connection.call("barrier_v1", []);
      if (before?.instance !== about.instance) await onPrimary(connection);
      if (connection.isClosed) {
        throw new DatabaseError("the connection was lost", undefined);
      }
      if (this.#about?.instance !== about.instance) {
        // Whatever leads elsewhere must not be asked any more.
        this.#dropAll();
        this.#about = about;
        this.#isPooled = isPooled;
        this.#failoverCount++;
        const { host, port } = connection.host;
        logger.info("postgres.connected", {
          host,
          port,
          timeline: about.timeline,
          standbys: about.standbyNames,
          pooler: isPooled,
        });
      }
      this.#admitted.add(connection);
      connection.onEnd(() => {
        // Sessions of a server that may be gone: the others are not waited for.
        if (this.#admitted.has(connection)) this.#dropAll();
      });
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }
}

/**
 * Has the transactions of a session see what was committed before each of their
 * statements. Behind a pooler a setting would stay with the next client.
 */
async function setIsolation(
  connection: Connection,
  isPooled: boolean,
): Promise<void> {
  if (!isPooled) {
    await connection.run(
      "set default_transaction_isolation = 'read committed'",
    );
    return;
  }
  const [row] = await connection.query("show transaction_isolation");
  if (row?.[0] === "read committed") return;
  throw new QuipuError(
    "storeReadOnly",
    `Transactions of the database are ${String(row?.[0]).toUpperCase()}, and ` +
      "behind a pooler a server cannot set that: alter role … set " +
      "default_transaction_isolation = 'read committed'",
  );
}

/** Reads what is to be known of a session's server, and whether it fits. */
export async function readAbout(connection: Connection): Promise<AboutStore> {
  let row: Row | undefined;
  try {
    [row] = await connection.call("about_v1", []);
  } catch (error) {
    if (error instanceof DatabaseError && isMissing(error)) {
      throw new QuipuError(
        "foreignFormat",
        "The database has no store here: run quipu postgres init",
      );
    }
    throw error;
  }
  const [storeId, schemaVersion, isStandby, standbyNames, timeline, instance] =
    row ?? [];
  const version = Number(schemaVersion);
  if (version < SCHEMA_VERSION_LEAST) {
    throw new QuipuError(
      "foreignFormat",
      `The store has schema version ${version}, and this program needs ` +
        `${SCHEMA_VERSION_LEAST}: run quipu postgres upgrade`,
    );
  }
  if (version > SCHEMA_VERSION + 1) {
    throw new QuipuError(
      "foreignFormat",
      `The store has schema version ${version}, and this program knows ` +
        `${SCHEMA_VERSION}: use a newer one`,
    );
  }
  return {
    storeId: String(storeId),
    schemaVersion: version,
    isStandby: isStandby === true,
    standbyNames: String(standbyNames),
    timeline: Number(timeline),
    instance: String(instance),
  };
}

/** Whether a schema or a function of it is not there. */
function isMissing({ state }: DatabaseError): boolean {
  return state === "3F000" || state === "42883" || state === "42P01";
}

/**
 * Whether an error says that its session, or its server, is of no more use:
 * lost, shutting down, read-only, without room for connections, or ended by
 * somebody else.
 */
export function isLost({ state }: DatabaseError): boolean {
  return state === undefined || state.startsWith("08") ||
    state.startsWith("57P") || state === "25006" || state === "53300" ||
    state === "57014";
}

/** What a client is told of an error of the database. */
export function refusalOfDatabase(error: DatabaseError): Error {
  const { state, message } = error;
  if (isLost(error)) {
    return new QuipuError(
      "storeReadOnly",
      `The database cannot be reached: ${message}`,
    );
  }
  if (state?.startsWith("53")) {
    return new QuipuError("storeFull", `The database is full: ${message}`);
  }
  if (state === "42501") {
    return new QuipuError(
      "storeReadOnly",
      `The database refuses the server's user: ${message}`,
    );
  }
  if (state?.startsWith("XX001")) {
    return new QuipuError("corruptRecord", `The database says: ${message}`);
  }
  return error;
}

export function closedError(): QuipuError {
  return new QuipuError("storeClosed", "The store is closed");
}
