/**
 * Lists names in order. They are kept in the order in which they came, so each
 * page looks at all of them: of a million that takes 10 to 30 ms, in turns with
 * other work.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { QuipuError } from "../../lib/model/errors.ts";
import type { ListKind } from "../../lib/model/lists.ts";
import { LIMITS } from "../../lib/model/limits.ts";
import type { NamesRequest } from "../../lib/store/event_store.ts";
import { encodeUtf8 } from "../../lib/text/utf8.ts";
import {
  LIST_KINDS,
  type ListDirectory,
  STREAMS_LIST,
} from "./list_directory.ts";

const KINDS = {
  streams: "stream",
  categories: "category",
  types: "eventType",
} as const satisfies Record<string, ListKind>;

const NAMES_MAX = LIMITS.listedNamesMax;
/** Names that are looked at before others get a turn: less than a millisecond. */
const NAMES_PER_TURN = 20_000;

/**
 * Names of lists that have entries; see `EventStore.listNames`.
 *
 * @throws {QuipuError} `invalidRequest`.
 */
export async function listNames(
  lists: ListDirectory,
  kind: keyof typeof KINDS,
  { prefix = "", after = "", limit }: NamesRequest,
): Promise<readonly string[]> {
  if (!(limit >= 1 && limit <= NAMES_MAX)) {
    throw new QuipuError(
      "invalidRequest",
      `Cannot list ${limit} names at once: 1 to ${NAMES_MAX} are possible`,
    );
  }
  const prefixBytes = encodeUtf8(prefix);
  const afterBytes = encodeUtf8(after);
  const { names } = lists;
  const code = LIST_KINDS.indexOf(KINDS[kind]);
  let found: number[] = [];
  /** The last of the names that come first, once there are enough. */
  let bound: Uint8Array | undefined;
  const keepFirst = () => {
    found.sort((one, other) => names.compareIds(one, other));
    found = found.slice(0, limit);
    const last = found.length === limit ? found.at(-1) : undefined;
    bound = last === undefined ? undefined : names.bytesOf(last).slice();
  };
  for (let id = STREAMS_LIST + 1; id < lists.size; id++) {
    if (id % NAMES_PER_TURN === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const isWanted = lists.kinds[id] === code &&
      (bound === undefined || names.compare(id, bound) < 0) &&
      names.startsWith(id, prefixBytes) && names.compare(id, afterBytes) > 0 &&
      lists.headOf(id) >= 0;
    if (!isWanted) continue;
    found.push(id);
    if (found.length >= 2 * NAMES_MAX) keepFirst();
  }
  keepFirst();
  return found.map((id) => lists.nameOf(id));
}
