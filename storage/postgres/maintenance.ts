/**
 * What an operator may have done to an open store: verifying and scavenging, on
 * a session of their own. Backups and vacuum are PostgreSQL's.
 *
 * Both look into the tables, which the role of servers may not by default.
 *
 * @module
 */

import type { Clock, Timers } from "../../lib/model/clock.ts";
import { QuipuError } from "../../lib/model/errors.ts";
import type { DatabaseAddress } from "../../lib/store/database_url.ts";
import type {
  Finding,
  JobControl,
  ScavengeReport,
  ScavengeRequest,
  StoreMaintenance,
  VerifyReport,
  VerifyRequest,
} from "../../lib/store/maintenance.ts";
import { showCount } from "../../lib/text/quantities.ts";
import { refusalOfDatabase } from "./database.ts";
import { type Connection, DatabaseError } from "./driver.ts";
import { connectOwner } from "./migrate.ts";
import { scavengeDatabase } from "./scavenge.ts";
import { verifyDatabase } from "./verify.ts";

export interface PostgresMaintenanceOptions {
  readonly address: DatabaseAddress;
  readonly password: string | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly isReadOnly: boolean;
}

/** Error of PostgreSQL: the role lacks a right. */
const INSUFFICIENT_PRIVILEGE = "42501";

export class PostgresMaintenance implements StoreMaintenance {
  readonly isReadOnly: boolean;
  readonly #options: PostgresMaintenanceOptions;

  constructor(options: PostgresMaintenanceOptions) {
    this.#options = options;
    this.isReadOnly = options.isReadOnly;
  }

  /** See `StoreMaintenance`; there is but one depth. */
  async verify(
    { isDeep }: VerifyRequest,
    control: JobControl,
  ): Promise<VerifyReport> {
    const { schema } = this.#options.address;
    const report = await this.#withSession(
      "verify",
      control,
      (owner) => verifyDatabase(owner, schema, control),
    );
    const findings = report.findings.map(({ what, count }): Finding => ({
      kind: "database",
      severity: "broken",
      what: showCount(count) + " " + what,
      advice: "Check the database with pg_amcheck; restore a backup of it",
    }));
    return {
      isDeep,
      isClean: report.isClean,
      findings,
      damageCount: 0,
      brokenCount: findings.length,
      noticeCount: 0,
      segmentCount: 0,
      eventCount: report.eventCount,
      checkedBytes: 0,
      endPosition: report.endPosition,
    };
  }

  async scavenge(
    _request: ScavengeRequest,
    control: JobControl,
  ): Promise<ScavengeReport> {
    const { address: { schema }, clock } = this.#options;
    const { removedCount } = await this.#withSession(
      "scavenge",
      control,
      (owner) =>
        scavengeDatabase(owner, { schema, nowUs: clock.nowUs(), control }),
    );
    return {
      segmentCount: 0,
      scavengedCount: 0,
      removedCount,
      freedBytes: 0,
      isActiveSealed: false,
      isComplete: true,
      skipped: [],
    };
  }

  /** Works on a session that ends when the job is told to. */
  async #withSession<Result>(
    command: string,
    { signal }: JobControl,
    work: (owner: Connection) => Promise<Result>,
  ): Promise<Result> {
    signal.throwIfAborted();
    const owner = await connectOwner(this.#options);
    const stop = () => owner.destroy();
    signal.addEventListener("abort", stop);
    try {
      return await work(owner);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof DatabaseError)) throw error;
      if (error.state !== INSUFFICIENT_PRIVILEGE) {
        throw refusalOfDatabase(error);
      }
      throw new QuipuError(
        "notWritable",
        "The role of this server may only call functions: run quipu " +
          `${command} --db URL as the owner of the schema`,
        { cause: error },
      );
    } finally {
      signal.removeEventListener("abort", stop);
      if (!owner.isClosed) await owner.close().catch(() => {});
    }
  }
}
