/**
 * Scavenging: deletes rows of events that readers can never see, hidden by
 * deletes, `$tb`, `$maxCount` or `$maxAge`. Vacuum gives their room back.
 *
 * The newest event of a stream, of a category and of a type says where its list
 * goes on, and the last of the log where that does. Such rows stay, without
 * bodies, and nothing shows them. What is the newest when it is looked at may
 * be none any more when it is written; that harms nobody. What is none never
 * becomes the newest again. So appends need not wait.
 *
 * @module
 */

import type { JobControl } from "../../lib/store/maintenance.ts";
import { firstVisibleNumber } from "../../lib/model/stream_metadata.ts";
import { isSystemStream, metastreamOf } from "../../lib/model/stream_names.ts";
import { decodeUtf8 } from "../../lib/text/utf8.ts";
import type { Connection } from "./driver.ts";
import { listsArguments, stateOfColumns } from "./names.ts";

/** What scavenging did. */
export interface ScavengedRows {
  readonly streamCount: number;
  /** Events that are gone. */
  readonly removedCount: number;
  /** Of those, rows that stay without their bodies. */
  readonly emptiedCount: number;
}

const STREAMS_PER_TURN = 500;
const ROWS_PER_TURN = 1_000;

/**
 * Scavenges a store.
 *
 * @param owner A session of the schema's owner.
 * @throws {DatabaseError}
 */
export async function scavengeDatabase(
  owner: Connection,
  { schema, nowUs, control }: {
    readonly schema: string;
    readonly nowUs: number;
    readonly control: JobControl;
  },
): Promise<ScavengedRows> {
  let streamCount = 0;
  let removedCount = 0;
  let emptiedCount = 0;
  for (let after = 0;;) {
    control.signal.throwIfAborted();
    const named = await owner.query(
      `select id, name from "${schema}".names where kind = 0 and id > $1 ` +
        `order by id limit ${STREAMS_PER_TURN}`,
      [after],
    );
    if (named.length === 0) break;
    after = Number(named.at(-1)?.[0]);
    for (
      const { id, first, sinceUs, kept } of await hiddenOf(owner, named, nowUs)
    ) {
      streamCount++;
      for (let from = 0;;) {
        control.signal.throwIfAborted();
        const [row] = await owner.query(removal(schema), [
          id,
          from,
          first,
          sinceUs,
          kept,
        ]);
        const [removed, emptied, last] = row ?? [];
        removedCount += Number(removed);
        emptiedCount += Number(emptied);
        if (typeof last !== "number") break;
        from = last + 1;
      }
    }
    control.report({
      phase: "scavenging",
      done: removedCount,
      total: 0,
      unit: "events",
    });
  }
  return { streamCount, removedCount, emptiedCount };
}

/** What of a stream is hidden. */
interface Hidden {
  readonly id: number;
  /** Lower numbers are hidden. */
  readonly first: number;
  /** Older events are hidden, microseconds since 1970; 0: none is. */
  readonly sinceUs: number;
  /** A number that stays as it is; -1: none. */
  readonly kept: number;
}

async function hiddenOf(
  owner: Connection,
  named: readonly (readonly unknown[])[],
  nowUs: number,
): Promise<Hidden[]> {
  const streams = named.flatMap(([id, bytes]) => {
    const name = bytes instanceof Uint8Array ? decodeUtf8(bytes) : "";
    return [
      { id: Number(id), name },
      { id: -Number(id), name: metastreamOf(name) },
    ];
  });
  const rows = await owner.call(
    "states_v1",
    listsArguments(streams.map(({ name }) => name)),
  );
  return streams.flatMap(({ id, name }, index): Hidden[] => {
    const [, head, isTombstoned, number, flags, data] = rows[index] ?? [];
    const columns = [head, number, isTombstoned, flags, data];
    const state = stateOfColumns(name, columns);
    // A list is hidden, but what it lists belongs to other streams.
    const isSystem = isSystemStream(name);
    const visible = state.isTombstoned
      ? Infinity
      : firstVisibleNumber(state.metadata, state.head);
    const { maxAgeSeconds } = state.metadata;
    const sinceUs = maxAgeSeconds === undefined || state.isTombstoned
      ? 0
      : Math.max(0, nowUs - Number(maxAgeSeconds) * 1_000_000);
    const first = Math.min(visible, isSystem ? state.head : state.head + 1);
    if (first <= 0 && sinceUs === 0) return [];
    return [{ id, first, sinceUs, kept: isSystem ? state.head : -1 }];
  });
}

/**
 * Removes some rows of a stream from a number on: those below a number and
 * those older than a time.
 */
function removal(schema: string): string {
  const events = `"${schema}".events`;
  return `
with hidden as (
  select e.position, e.number,
    e.number = (select n.number from ${events} n where n.stream = e.stream
      and n.number < 9223372036854775807 order by n.number desc limit 1)
    or e.category is not null and e.category_ordinal = (
      select n.category_ordinal from ${events} n where n.category = e.category
      order by n.category_ordinal desc limit 1)
    or e.listed_type is not null and e.type_ordinal = (
      select n.type_ordinal from ${events} n where n.listed_type = e.listed_type
      order by n.type_ordinal desc limit 1)
    or e.position = (select max(n.position) from ${events} n) as is_newest
  from ${events} e
  where e.stream = $1 and e.number >= $2 and e.number < 9223372036854775807
    and (e.number < $3 or e.created_us < $4) and e.number <> $5 and e.flags & 2 = 0
  order by e.number limit ${ROWS_PER_TURN}
), rewritten as (
  update "${schema}".meta set was_rewritten = true
  where not was_rewritten and exists (select from hidden)
), removed as (
  delete from ${events} e using hidden h
  where e.position = h.position and not h.is_newest returning 1
), emptied as (
  update ${events} e set data = '', metadata = '', size = 0, flags = e.flags | 2
  from hidden h where e.position = h.position and h.is_newest returning 1
)
select (select count(*) from removed) + (select count(*) from emptied),
  (select count(*) from emptied), (select max(number) from hidden)`;
}
