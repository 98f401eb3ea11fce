import { assertEquals } from "@std/assert";
import type { CommitRecord } from "../commit/catalog.ts";
import { type LogFindings, type Verdict, verdictOf } from "./reconcile.ts";

const STORE_ID = "01234567-89ab-4cde-8f01-23456789abcd";
const OTHER_ID = "fedcba98-89ab-4cde-8f01-23456789abcd";

/** A log of 1000 positions, whole to its end. */
const LOG: LogFindings = {
  storeId: STORE_ID,
  validEnd: 1_000,
  checksum: 77,
  fileEnd: 1_000,
  checksumAtCommit: undefined,
  hasRecordsBeyondDamage: false,
};

/** The commit record of exactly that log. */
const COMMIT: CommitRecord = {
  storeId: STORE_ID,
  end: 1_000,
  checksum: 77,
  epoch: 3,
  lastCreatedAtUs: 0,
};

const NO_LOG: LogFindings = {
  storeId: undefined,
  validEnd: 0,
  checksum: 0,
  fileEnd: 0,
  checksumAtCommit: undefined,
  hasRecordsBeyondDamage: false,
};

const EMPTY_LOG: LogFindings = { ...NO_LOG, storeId: STORE_ID };
const EMPTY_COMMIT: CommitRecord = { ...COMMIT, end: 0, checksum: 0 };
const TORN = { fileEnd: 1_050 };

interface Row {
  readonly title: string;
  readonly log: LogFindings;
  readonly commit: CommitRecord | undefined;
  readonly wanted: Verdict;
}

function opens(label: Verdict["label"], cutsTail = false): Verdict {
  return { label, mayOpen: true, cutsTail, writesCommit: true };
}

function refuses(label: Verdict["label"]): Verdict {
  return { label, mayOpen: false, cutsTail: false, writesCommit: false };
}

const ROWS: readonly Row[] = [
  {
    title: "nothing at all",
    log: NO_LOG,
    commit: undefined,
    wanted: opens("EMPTY"),
  },
  {
    title: "the record of a store that was never written",
    log: NO_LOG,
    commit: EMPTY_COMMIT,
    wanted: opens("EMPTY"),
  },
  {
    title: "log and record agree",
    log: LOG,
    commit: COMMIT,
    wanted: opens("CLEAN"),
  },
  {
    title: "both are empty",
    log: EMPTY_LOG,
    commit: EMPTY_COMMIT,
    wanted: opens("CLEAN"),
  },
  {
    title: "whole runs beyond the record",
    log: { ...LOG, checksumAtCommit: 55 },
    commit: { ...COMMIT, end: 900, checksum: 55 },
    wanted: opens("KV_BEHIND"),
  },
  {
    title: "whole runs and a broken one beyond the record",
    log: { ...LOG, ...TORN, checksumAtCommit: 55 },
    commit: { ...COMMIT, end: 900, checksum: 55 },
    wanted: opens("KV_BEHIND", true),
  },
  {
    title: "a log beyond the record of an empty one",
    log: { ...LOG, checksumAtCommit: 0 },
    commit: EMPTY_COMMIT,
    wanted: opens("KV_BEHIND"),
  },
  {
    title: "a broken run beyond the record",
    log: { ...LOG, ...TORN },
    commit: COMMIT,
    wanted: opens("TORN_TAIL", true),
  },
  {
    title: "a broken run beyond the record, whole records after it",
    log: { ...LOG, ...TORN, hasRecordsBeyondDamage: true },
    commit: COMMIT,
    wanted: opens("TORN_TAIL", true),
  },
  {
    title: "a log without a record",
    log: LOG,
    commit: undefined,
    wanted: opens("KV_LOST"),
  },
  {
    title: "a broken run, no record",
    log: { ...LOG, ...TORN },
    commit: undefined,
    wanted: opens("KV_LOST", true),
  },
  {
    title: "whole records after damage, no record",
    log: { ...LOG, ...TORN, hasRecordsBeyondDamage: true },
    commit: undefined,
    wanted: refuses("CORRUPT_COMMITTED"),
  },
  {
    title: "no segment, but a record of events",
    log: NO_LOG,
    commit: COMMIT,
    wanted: refuses("LOG_SHORT"),
  },
  {
    title: "files that end before the record",
    log: LOG,
    commit: { ...COMMIT, end: 1_001 },
    wanted: refuses("LOG_SHORT"),
  },
  {
    title: "damage before the record's end",
    log: { ...LOG, fileEnd: 2_000 },
    commit: { ...COMMIT, end: 1_500 },
    wanted: refuses("CORRUPT_COMMITTED"),
  },
  {
    title: "another last record than the committed one",
    log: LOG,
    commit: { ...COMMIT, checksum: 78 },
    wanted: refuses("CORRUPT_COMMITTED"),
  },
  {
    title: "another record where the commit ended",
    log: { ...LOG, checksumAtCommit: 56 },
    commit: { ...COMMIT, end: 900, checksum: 55 },
    wanted: refuses("CORRUPT_COMMITTED"),
  },
  {
    title: "no record ends where the commit did",
    log: LOG,
    commit: { ...COMMIT, end: 900, checksum: 55 },
    wanted: refuses("CORRUPT_COMMITTED"),
  },
  {
    title: "the record of another store",
    log: LOG,
    commit: { ...COMMIT, storeId: OTHER_ID },
    wanted: refuses("FOREIGN"),
  },
  {
    title: "the record of another store that was never written",
    log: LOG,
    commit: { ...EMPTY_COMMIT, storeId: OTHER_ID },
    wanted: refuses("FOREIGN"),
  },
];

for (const { title, log, commit, wanted } of ROWS) {
  Deno.test(`${wanted.label}: ${title}`, () => {
    assertEquals(verdictOf(log, commit), wanted);
  });
}
