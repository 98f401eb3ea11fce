/**
 * Numbers of a projection that the service counts and metrics show.
 *
 * @module
 */

/** A projection as `/metrics` shows it. */
export interface ProjectionCounts {
  readonly name: string;
  readonly isRunning: boolean;
  readonly isFaulted: boolean;
  /** Since it was last started. */
  readonly eventsProcessed: number;
  /** Events of the source that are not taken yet; undefined: not known. */
  readonly lagEvents: number | undefined;
}
