/**
 * Verifying: what the tables promise each other. Pages and their checksums are
 * PostgreSQL's own to check (`pg_amcheck`, `pg_checksums`).
 *
 * @module
 */

import type { JobControl } from "../../lib/store/maintenance.ts";
import type { Connection } from "./driver.ts";

/** One thing that is wrong. */
export interface TableFinding {
  /** What is wrong, in words, without a final period. */
  readonly what: string;
  /** Rows, streams or lists that it is about. */
  readonly count: number;
}

/** What a verification found. */
export interface TablesReport {
  readonly isClean: boolean;
  readonly findings: readonly TableFinding[];
  readonly eventCount: number;
  readonly streamCount: number;
  /** Position after the last event. */
  readonly endPosition: number;
  /** Whether a scavenge took events: then gaps mean nothing. */
  readonly wasRewritten: boolean;
}

/** A check, as a query for how often it fails; `{s}`: the schema. */
interface Check {
  readonly what: string;
  readonly sql: string;
  /** Whether it holds only while nothing was ever scavenged. */
  readonly isOfWhole?: true;
}

const TOMBSTONE = "9223372036854775807";

const CHECKS: readonly Check[] = [
  {
    what: "positions are missing",
    sql: "select coalesce(max(position) + 1 - count(*), 0) from {s}.events",
    isOfWhole: true,
  },
  {
    what: "streams have gaps in their numbers",
    sql: "select count(*) from (select stream from {s}.events " +
      `where number < ${TOMBSTONE} group by stream ` +
      "having max(number) - min(number) + 1 <> count(*)) x",
    isOfWhole: true,
  },
  {
    what: "categories have gaps in their ordinals",
    sql: "select count(*) from (select category from {s}.events " +
      "where category is not null group by category " +
      "having max(category_ordinal) + 1 <> count(*)) x",
    isOfWhole: true,
  },
  {
    what: "event types have gaps in their ordinals",
    sql: "select count(*) from (select listed_type from {s}.events " +
      "where listed_type is not null group by listed_type " +
      "having max(type_ordinal) + 1 <> count(*)) x",
    isOfWhole: true,
  },
  {
    what: "lists of streams have gaps",
    sql: "select count(*) from (select list from {s}.entries group by list " +
      "having max(ordinal) + 1 <> count(*)) x",
  },
  {
    what: "entries of lists of streams lead nowhere",
    sql: "select count(*) from {s}.entries x where not exists " +
      "(select from {s}.events e where e.position = x.position)",
    isOfWhole: true,
  },
  {
    what: "events are older than the one before them",
    sql: "select count(*) from (select created_us, lag(created_us) " +
      "over (order by position) as before from {s}.events) x " +
      "where created_us < before",
  },
  {
    what: "events of a stream are not in the order of their numbers",
    sql: "select count(*) from (select position, lag(position) " +
      "over (partition by stream order by number) as before " +
      "from {s}.events) x where position < before",
  },
  {
    what: "events have another size than they say",
    sql: "select count(*) from {s}.events " +
      "where size <> length(data) + length(metadata)",
  },
  {
    what: "events have a stream or type without a name",
    sql: "select count(*) from {s}.events e where not exists " +
      "(select from {s}.names n where n.id = abs(e.stream)) or not exists " +
      "(select from {s}.names n where n.id = e.type)",
  },
  {
    what: "names have another hash than theirs",
    sql: "select count(*) from {s}.names where hash <> sha256(name)",
  },
];

/** Columns whose index is compared with the table, and which rows it has. */
const INDEXES = [
  ["stream", "stream is not null"],
  ["category", "category is not null"],
  ["listed_type", "listed_type is not null"],
] as const;

/**
 * Verifies a store.
 *
 * @param owner A session of the schema's owner.
 * @throws {DatabaseError}
 */
export async function verifyDatabase(
  owner: Connection,
  schema: string,
  control?: Pick<JobControl, "report" | "signal">,
): Promise<TablesReport> {
  const ask = async (sql: string): Promise<unknown[]> => {
    const [row] = await owner.query(sql.replaceAll("{s}", `"${schema}"`));
    return [...row ?? []];
  };
  // All of one moment, whatever is appended meanwhile.
  await owner.run("begin isolation level repeatable read read only");
  try {
    const [wasRewritten, eventCount, streamCount, endPosition] = await ask(
      "select was_rewritten, (select count(*) from {s}.events), " +
        "(select count(distinct stream) from {s}.events), " +
        "(select coalesce(max(position), -1) + 1 from {s}.events) " +
        "from {s}.meta",
    );
    let done = 0;
    const begin = (what: string) => {
      control?.signal.throwIfAborted();
      control?.report({
        phase: `checking whether ${what}`,
        done: done++,
        total: CHECKS.length + INDEXES.length,
        unit: "checks",
      });
    };
    const findings: TableFinding[] = [];
    for (const { what, sql, isOfWhole } of CHECKS) {
      begin(what);
      if (isOfWhole && wasRewritten === true) continue;
      const [count] = await ask(sql);
      if (Number(count) !== 0) findings.push({ what, count: Number(count) });
    }
    for (const [column, rows] of INDEXES) {
      begin(`the index of ${column} has what the table has`);
      const count = `select count(*) from {s}.events where ${rows}`;
      await owner.run(
        "set local enable_indexscan = off; " +
          "set local enable_indexonlyscan = off; set local enable_bitmapscan = off",
      );
      const [inTable] = await ask(count);
      await owner.run(
        "reset enable_indexscan; reset enable_indexonlyscan; " +
          "reset enable_bitmapscan; set local enable_seqscan = off",
      );
      const [inIndex] = await ask(count);
      await owner.run("reset enable_seqscan");
      const difference = Math.abs(Number(inTable) - Number(inIndex));
      if (difference === 0) continue;
      findings.push({
        what: `rows are in the table or in the index of ${column} alone`,
        count: difference,
      });
    }
    return {
      isClean: findings.length === 0,
      findings,
      eventCount: Number(eventCount),
      streamCount: Number(streamCount),
      endPosition: Number(endPosition),
      wasRewritten: wasRewritten === true,
    };
  } finally {
    await owner.run("rollback").catch(() => {});
  }
}
