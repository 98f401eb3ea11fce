/**
 * Groups of persistent subscriptions, as far as others than their service speak
 * of them.
 *
 * @module
 */

/** Names a group. Both names are case-sensitive. */
export interface GroupId {
  /** A stream, a system list, a metastream or `$all`; need not exist. */
  readonly streamName: string;
  readonly groupName: string;
}

/** Counts of a group, those with `Total` since the group was started. */
export interface GroupCounts {
  readonly group: GroupId;
  /** Read and not handed out, or to be handed out again. */
  readonly waitingCount: number;
  readonly inFlightCount: number;
  readonly parkedCount: number;
  readonly consumerCount: number;
  readonly deliveredTotal: number;
  readonly retriedTotal: number;
  readonly ackedTotal: number;
  readonly parkedTotal: number;
  /** Events of the source that are not done; of `$all` undefined. */
  readonly lagEvents: number | undefined;
}
