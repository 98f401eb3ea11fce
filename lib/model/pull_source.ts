/**
 * Something long on its way to a client: made piece by piece, only as fast as
 * the client takes it. Services make sources, `lib/http` sends them.
 *
 * @module
 */

/** The source of what is sent. */
export interface PullSource {
  /**
   * The next bytes, once there are any; undefined after the last. It is asked
   * when the client has taken what it was handed, and not again before it has
   * settled.
   */
  next():
    | Uint8Array
    | undefined
    | Promise<Uint8Array | undefined>;
  /**
   * Called once, however it ended, perhaps before `next` has settled; whatever
   * the source needs can be let go of then.
   */
  end(how: PullEnd): void;
}

/** How sending ended. */
export type PullEnd =
  /** All was taken. */
  | { readonly outcome: "done" }
  /** The client left. */
  | { readonly outcome: "cancelled" }
  /** The client took nothing for too long. */
  | { readonly outcome: "stalled" }
  /** The server stopped before all was taken. */
  | { readonly outcome: "stopped" }
  /** `next` threw. */
  | { readonly outcome: "failed"; readonly error: unknown };

/** An answer that was broken off; the reason is logged already. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";
}
