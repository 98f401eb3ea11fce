/**
 * Which streams are taken along. Those of the system that the destination makes
 * itself are not; what users, subscriptions and projections need of them is
 * asked for by their own interfaces (`settings.ts`).
 *
 * @module
 */

import { describedStream, isSystemStream } from "../model/stream_names.ts";

/** A rule for streams of the system. */
interface StreamRule {
  /** Beginning of the name; with `isWhole` all of it. */
  readonly name: string;
  readonly isWhole?: boolean;
  /** End of the name, where the beginning is not enough. */
  readonly end?: string;
  readonly isTaken: boolean;
  readonly why: string;
}

/** The first rule that fits counts; without one a stream is taken. */
export const STREAM_RULES: readonly StreamRule[] = [
  { name: "$ce-", isTaken: false, why: "a list that the index serves" },
  { name: "$et-", isTaken: false, why: "a list that the index serves" },
  { name: "$et", isWhole: true, isTaken: false, why: "of a projection" },
  { name: "$category-", isTaken: false, why: "a list that the index serves" },
  { name: "$bc-", isTaken: false, why: "of a standard projection" },
  {
    name: "$streams",
    isWhole: true,
    isTaken: false,
    why: "a list that the index serves",
  },
  { name: "$stats-", isTaken: false, why: "statistics of the old server" },
  { name: "$scavenges", isTaken: false, why: "history of the old server" },
  { name: "$epoch-information", isTaken: false, why: "of the old cluster" },
  { name: "$mem-", isTaken: false, why: "never stored" },
  { name: "$user-", isTaken: false, why: "users are made anew" },
  { name: "$users", isTaken: false, why: "users are made anew" },
  { name: "$tokens-", isTaken: false, why: "tokens end with the old server" },
  { name: "$projections-", isTaken: false, why: "projections are made anew" },
  {
    name: "$persistentSubscriptionConfig",
    isTaken: false,
    why: "subscriptions are made anew",
  },
  {
    name: "$persistentsubscription-",
    end: "-parked",
    isTaken: true,
    why: "parked messages can be replayed",
  },
  {
    name: "$persistentsubscription-",
    isTaken: false,
    why: "positions are read, and set anew",
  },
];

/** Whether the events of a stream, or of its metadata, are taken along. */
export function isTaken(streamName: string): boolean {
  const described = describedStream(streamName);
  if (!isSystemStream(described)) return described !== "";
  const rule = STREAM_RULES.find(({ name, isWhole, end = "" }) =>
    isWhole === true
      ? described === name
      : described.startsWith(name) && described.endsWith(end)
  );
  return rule?.isTaken ?? true;
}
