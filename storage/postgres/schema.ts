/**
 * The tables and functions of a store in PostgreSQL, as migrations: each is
 * applied once, in order, and never changed after it was released.
 *
 * Names, types and bodies are `bytea`: `text` takes no NUL, and a key of a
 * B-tree ends at 2.7 KB, while names may have 4 KiB. Servers call functions and
 * see no table. The functions that they call have a version in their names, so
 * that old and new servers work side by side while a store is upgraded.
 *
 * @module
 */

import { APPEND_V1 } from "./append_function.ts";
import { READ_FUNCTIONS_V1 } from "./read_functions.ts";

/** One step of the schema. */
export interface Migration {
  readonly version: number;
  /** What it brings, in a few words. */
  readonly summary: string;
  /** Statements, with `{s}` for the quoted name of the schema. */
  readonly sql: string;
}

/**
 * Kinds in `names`: 0 stream, 1 category, 2 event type, 3 stream that has a
 * metastream. A metastream's events have minus the id of its stream.
 *
 * Of `events.flags`: 1 JSON, 2 the event is gone: it was scavenged, and its row
 * stays without bodies because it is the newest of a list.
 */
const TABLES_V1 = `
create table {s}.meta (
  one boolean primary key default true check (one),
  store_id uuid not null default gen_random_uuid(),
  schema_version integer not null,
  was_rewritten boolean not null default false
);

create table {s}.names (
  id bigint generated always as identity primary key,
  kind smallint not null,
  hash bytea not null,
  name bytea not null,
  unique (kind, hash)
);
create index names_in_order on {s}.names (kind, substring(name from 1 for 1024), id);

create table {s}.events (
  position bigint primary key,
  stream bigint not null,
  number bigint not null,
  id uuid not null,
  type bigint not null,
  category bigint,
  category_ordinal bigint,
  listed_type bigint,
  type_ordinal bigint,
  created_us bigint not null,
  truncate_before bigint,
  flags smallint not null,
  size integer not null,
  data bytea not null,
  metadata bytea not null
);
create unique index events_by_number on {s}.events (stream, number);
create index events_by_id on {s}.events (stream, id, number);
create unique index events_by_category on {s}.events (category, category_ordinal)
  where category is not null;
create unique index events_by_type on {s}.events (listed_type, type_ordinal)
  where listed_type is not null;

-- $streams (list 0) and $category-… (list: the category's id).
create table {s}.entries (
  list bigint not null,
  ordinal bigint not null,
  position bigint not null,
  primary key (list, ordinal)
);

create table {s}.leases (
  name bytea primary key,
  token bigint not null,
  holder uuid not null,
  ends_at timestamptz not null
);
create sequence {s}.lease_tokens;

create table {s}.servers (
  id uuid primary key,
  address text,
  version text not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);
`;

/** All steps, the oldest first; the last one's version is this program's. */
export const MIGRATIONS: readonly Migration[] = [{
  version: 1,
  summary: "tables, append and reads",
  sql: TABLES_V1 + APPEND_V1 + READ_FUNCTIONS_V1,
}];

/** Version that this program makes and works with. */
export const SCHEMA_VERSION = 1;

/** Lowest version that this program's functions are in. */
export const SCHEMA_VERSION_LEAST = 1;
