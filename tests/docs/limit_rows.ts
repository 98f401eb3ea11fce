/**
 * Limits as tables, from the table of limits and the options that change them.
 *
 * @module
 */

import { encodeValue } from "../../lib/cli/options/option_value.ts";
import { LIMIT_OPTIONS } from "../../lib/cli/options/limit_options.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type { Rows } from "./markdown_table.ts";

const UNITS = [["days", 86_400], ["hours", 3600], ["minutes", 60]] as const;

/** Limits that options change: what is limited, how far, and what is beyond. */
export const OPTION_LIMIT_ROWS: Rows = [
  ["Limit", "Default", "Above", "Option"],
  ...Object.entries(LIMIT_OPTIONS).map(([name, row]) => {
    const [what = "", above = ""] = row.help.split("; above: ");
    return [
      what.replace(/^Milliseconds/, "Time"),
      shown(name as keyof typeof LIMITS),
      above,
      `\`--${row.flag}\``,
    ];
  }),
];

/** Limits that clients and operators meet and no option changes. */
const FIXED: readonly (readonly [keyof typeof LIMITS, string])[] = [
  ["userBodyBytesMax", "Body about users, tokens or subscriptions"],
  ["contentCodingsMax", "Content codings of one body"],
  ["headBytesMax", "Head of a request"],
  ["headersMax", "Headers of a request"],
  ["headReadMs", "Time for a head, with `--reason-phrases`"],
  [
    "idleConnectionMs",
    "Time that a connection may be idle, with `--reason-phrases`",
  ],
  ["xmlAttributesMax", "Attributes of one XML element"],
  ["storedStreamNameBytesMax", "Name of a stream that is read"],
  ["longPollMsMax", "Wait of a long poll; a longer one counts as this"],
  ["filterScanMax", "Events that a filtered page looks at"],
  ["liveFeedHeartbeatMs", "Time between the heartbeats of a live feed"],
  [
    "liveFeedStallMs",
    "Time that a client may leave a live feed unread; then it is dropped",
  ],
  ["startWaitMs", "Time that requests wait while a store is being opened"],
  ["shutdownMs", "Time for a clean stop"],
  ["subscriptionReadMax", "Messages of one read of a subscription"],
  ["subscriptionSlotsMax", "Messages that one consumer may hold"],
  ["subscriptionHeldReadsMax", "Reads of subscriptions that wait for messages"],
  ["projectionQueryLengthMax", "Characters of a query"],
  ["projectionEmitsMax", "Events that a query may emit for one event"],
  [
    "projectionTransientMs",
    "Time for which a transient projection is kept after its last request",
  ],
  ["projectionLogKeptMax", "Lines of a projection's log that are kept"],
  ["usersMax", "Users"],
  ["userNameBytesMax", "A login, a full name or a group"],
  ["userGroupsMax", "Groups of one user"],
  ["passwordBytesMax", "A password"],
  ["userTokensMax", "Valid tokens of one user"],
  ["tokenSecondsDefault", "Time for which a token is valid by default"],
  ["tokenSecondsMax", "Time for which a token may be valid"],
  ["accessTokenMs", "Time in which an access token opens live feeds"],
  ["userSessionsMax", "Sessions of one user; a further one ends the oldest"],
  ["sessionSeconds", "Time for which a session lasts"],
  ["loginFailuresMax", "Logins that an address may fail in a row"],
  ["backupsMax", "Backups that are sent at the same time"],
  ["exportsMax", "Exports that are sent at the same time"],
  ["importsMax", "Imports that are taken at the same time"],
  ["ballastBytes", "Room on the disk that is given up when it is full"],
];

export const FIXED_LIMIT_ROWS: Rows = [
  ["Limit", "Is"],
  ...FIXED.map(([name, what]) => [what, shown(name)]),
];

/** A limit with its unit. */
function shown(name: keyof typeof LIMITS): string {
  const value = LIMITS[name];
  if (/Bytes(?:Max)?$/.test(name)) return bytes(value);
  if (/Ms(?:Max)?$/.test(name)) return duration(value / 1000);
  if (/Seconds/.test(name)) return duration(value);
  return value.toLocaleString("en");
}

/** As options show it, with a blank before the unit. */
function bytes(value: number): string {
  const text = encodeValue(LIMIT_OPTIONS.requestBytesMax, value) ?? "";
  return text.replace(/(?<=\d)(?=[A-Z])/, " ");
}

function duration(seconds: number): string {
  for (const [unit, length] of UNITS) {
    const count = seconds / length;
    if (count > 1 && Number.isInteger(count)) return `${count} ${unit}`;
  }
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}
