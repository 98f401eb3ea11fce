/**
 * Leases that servers share: rows that end by the database's clock. Tokens come
 * from a sequence, so each is greater than all before it, whatever the name.
 *
 * @module
 */

import type { Lease, Leases } from "../../lib/store/leases.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import type { Database } from "./database.ts";
import { bytesArgument } from "./driver.ts";

export class PostgresLeases implements Leases {
  readonly #database: Database;
  readonly #serverId: string;

  constructor(database: Database, serverId: string) {
    this.#database = database;
    this.#serverId = serverId;
  }

  async acquire(name: string, holdMs: number): Promise<Lease | undefined> {
    const token = await this.#ask("acquire", { name, token: 0 }, holdMs);
    return token === undefined ? undefined : { name, token };
  }

  async renew(lease: Lease, holdMs: number): Promise<boolean> {
    return await this.#ask("renew", lease, holdMs) !== undefined;
  }

  async release(lease: Lease): Promise<void> {
    await this.#ask("release", lease, 0);
  }

  /** Token of the lease; undefined if it was not granted, or is lost. */
  async #ask(
    operation: "acquire" | "renew" | "release",
    { name, token }: Lease,
    holdMs: number,
  ): Promise<number | undefined> {
    const [row] = await this.#database.read("lease_v1", [
      operation,
      bytesArgument(encodeUtf8(name)),
      token,
      this.#serverId,
      Math.ceil(holdMs),
    ]);
    const granted = row?.[0];
    return typeof granted === "number" ? granted : undefined;
  }
}
