/**
 * The servers that share a store: each says now and then that it lives, and
 * learns of the others.
 *
 * @module
 */

import type { Timers } from "../../lib/model/clock.ts";
import type { StoreMember, StoreMembers } from "../../lib/store/members.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import type { Database } from "./database.ts";
import { bytesArgument } from "./driver.ts";
import { POSTGRES_LIMITS } from "./limits.ts";

export interface MembersOptions {
  readonly database: Database;
  readonly timers: Timers;
  readonly serverId: string;
  /** Where others reach this server; undefined: nowhere. */
  readonly advertisedUrl: string | undefined;
  /** Version of the program. */
  readonly version: string;
}

export class PostgresMembers implements StoreMembers {
  readonly #options: MembersOptions;
  #members: readonly StoreMember[] = [];
  #stopTimer = () => {};
  #beating: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: MembersOptions) {
    this.#options = options;
    this.#beat();
  }

  list(): readonly StoreMember[] {
    return this.#members;
  }

  async ownerOf(
    leaseName: string,
  ): Promise<Pick<StoreMember, "url"> | undefined> {
    const [row] = await this.#options.database.read("lease_owner_v1", [
      bytesArgument(encodeUtf8(leaseName)),
    ]);
    const [id, url] = row ?? [];
    return typeof id !== "string" || id === this.#options.serverId
      ? undefined
      : { url: typeof url === "string" ? url : undefined };
  }

  /** Ends beating, and takes this server off the list. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    await this.#beating;
    const { database, serverId } = this.#options;
    await database.read("leave_v1", [serverId]).catch(() => {});
  }

  #beat(): void {
    const { timers } = this.#options;
    this.#beating = this.#ask()
      // Whoever cannot reach the database is none of its servers.
      .catch(() => void (this.#members = []))
      .then(() => {
        if (this.#isClosed) return;
        this.#stopTimer = timers.setTimer(
          POSTGRES_LIMITS.beatMs,
          () => this.#beat(),
        );
      });
  }

  async #ask(): Promise<void> {
    const { database, serverId, advertisedUrl, version } = this.#options;
    await database.lookForOtherPrimary();
    const rows = await database.read("servers_v1", [
      serverId,
      advertisedUrl ?? null,
      version,
      POSTGRES_LIMITS.goneMs,
    ]);
    this.#members = rows.map(([id, url]) => ({
      id: String(id),
      url: typeof url === "string" ? url : undefined,
      isSelf: id === serverId,
    }));
  }
}
