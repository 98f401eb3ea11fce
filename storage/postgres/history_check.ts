/**
 * Notices what PostgreSQL lost: after a failover to a standby that had not
 * received everything, events that were acknowledged or shown are gone, and
 * their positions are given again. Nothing here can bring them back; going on
 * would hide it.
 *
 * @module
 */

import type { Connection } from "./driver.ts";

/** An event in the log. */
export interface LogPlace {
  readonly position: number;
  readonly id: string;
}

export class HistoryCheck {
  #last: LogPlace | undefined;

  /** Remembers the last event that this server acknowledged or showed. */
  note(place: LogPlace): void {
    if (place.position >= (this.#last?.position ?? 0)) this.#last = place;
  }

  /**
   * Looks whether a new primary has that event.
   *
   * @returns What is lost, in words; undefined: nothing is.
   * @throws {DatabaseError}
   */
  async findLoss(connection: Connection): Promise<string | undefined> {
    const last = this.#last;
    if (last === undefined) return undefined;
    const [row] = await connection.call("all_v1", [
      last.position,
      1,
      1,
      false,
      0,
    ]);
    const [, position, , id] = row ?? [];
    // One that was scavenged has others behind it.
    const isThere = row !== undefined &&
      (Number(position) > last.position || id === last.id);
    return isThere
      ? undefined
      : `The database lost events: position ${last.position} had event ` +
        `${last.id}, and the server that took over has ` +
        (row === undefined ? "none there" : `another one (${String(id)})`) +
        ". Nothing is written until this server is started again";
  }
}
