/**
 * The functions that read. Their plans are kept by the session, so a read costs
 * no planning, and servers need no right on a table.
 *
 * Lists are named by kind and bytes: 0 stream, 1 category (`$ce-…`), 2 event
 * type (`$et-…`), 4 `$streams`, 5 streams of a category (`$category-…`); for a
 * metastream the name is that of its stream, and `meta` is set.
 *
 * Bodies of events that are gone are not there, so nothing shows such events:
 * reads of streams leave them out, and so does the whole log.
 *
 * @module
 */

const READER = `
language plpgsql stable security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
`;

/** Columns of an event that is read, and what they are taken from. */
const EVENT_COLUMNS = `
  e.position, e.number, e.id, e.created_us, e.flags,
  (select n.name from {s}.names n where n.id = abs(e.stream)), e.stream < 0,
  (select n.name from {s}.names n where n.id = e.type)`;

const EVENT_ROW = `
  ordinal bigint, "position" bigint, number bigint, id uuid, created_us bigint,
  flags smallint, stream bytea, meta boolean, type bytea, is_whole boolean,
  data bytea, metadata bytea`;

/**
 * A page of events, of which those have bodies that fit, and at least one.
 *
 * @param page `found` is a query of positions `at` and sizes `bytes`, `order`
 * one of its columns, and `shown` the first column of the page.
 */
function pageWithin(
  page: {
    readonly found: string;
    readonly order: string;
    readonly shown: string;
  },
): string {
  const { found, order, shown } = page;
  const bytesUpTo = (last: number) =>
    `coalesce(sum(f.bytes) over (order by f.${order} * step
      rows between unbounded preceding and ${last} preceding), 0)`;
  return `
  return query
  with found as (${found}), measured as (
    select f.*, ${bytesUpTo(1)} as before, ${bytesUpTo(2)} as earlier
    from found f
  )
  select ${shown}, ${EVENT_COLUMNS}, not bodies or m.before < bytes_max,
    case when bodies and m.before < bytes_max then e.data end,
    case when bodies and m.before < bytes_max then e.metadata end
  from measured m join {s}.events e on e.position = m.at
  where not bodies or m.earlier < bytes_max
  order by m.${order} * step;`;
}

/** A page of a list, of one kind of list. */
function pageOf(
  { source, ordinal }: { readonly source: string; readonly ordinal: string },
): string {
  return pageWithin({
    found: `
    select e.position as at, ${ordinal} as place, e.size as bytes
    from ${source} and ${ordinal} between low and high and e.flags & 2 = 0`,
    order: "place",
    shown: "m.place",
  });
}

export const READ_FUNCTIONS_V1 = `
create function {s}.list_head_v1(in_kind integer, in_name bytea, in_meta boolean)
returns bigint ${READER} as $function$
declare
  list_id bigint;
begin
  if in_kind <> 4 then
    select n.id into list_id from {s}.names n
    where n.kind = case in_kind when 5 then 1 else in_kind end
      and n.hash = sha256(in_name);
  end if;
  return coalesce(case
    when in_kind = 0 then (
      select e.number from {s}.events e
      where e.stream = case when in_meta then -list_id else list_id end
        and e.number < 9223372036854775807
      order by e.number desc limit 1)
    when in_kind = 1 then (
      select e.category_ordinal from {s}.events e
      where e.category = list_id order by e.category_ordinal desc limit 1)
    when in_kind = 2 then (
      select e.type_ordinal from {s}.events e
      where e.listed_type = list_id order by e.type_ordinal desc limit 1)
    when in_kind = 4 then (
      select x.ordinal from {s}.entries x where x.list = 0
      order by x.ordinal desc limit 1)
    when in_kind = 5 then (
      select x.ordinal from {s}.entries x where x.list = list_id
      order by x.ordinal desc limit 1)
    end, -1);
end
$function$;

-- States of streams and lists: the heads of their lists, whether they or the
-- streams that they describe have a tombstone, and their newest metadata.
create function {s}.states_v1(
  kinds integer[], list_names bytea[], streams bytea[], metas boolean[]
)
returns table (
  o bigint, head bigint, is_tombstoned boolean, metadata_number bigint,
  metadata_flags smallint, metadata bytea
) ${READER} as $function$
begin
  return query
  select u.o,
    {s}.list_head_v1(u.kind, u.list_name, u.meta),
    exists (select from {s}.events e
      where e.stream = u.id and e.number = 9223372036854775807)
    or u.meta and exists (select from {s}.events e
      where e.stream = -u.id and e.number = 9223372036854775807),
    coalesce(m.number, -1), m.flags, m.data
  from (
    select s.*, (select n.id from {s}.names n
      where n.kind = 0 and n.hash = sha256(s.stream)) as id
    from unnest(kinds, list_names, streams, metas) with ordinality
      s(kind, list_name, stream, meta, o)
  ) u
  left join lateral (
    select e.number, e.flags, e.data from {s}.events e
    where not u.meta and e.stream = -u.id and e.number < 9223372036854775807
    order by e.number desc limit 1
  ) m on true
  order by u.o;
end
$function$;

-- Where streams have ids: the first number from the truncation on, and whether
-- a number has the id.
create function {s}.ids_v1(
  streams bytea[], metas boolean[], ids uuid[], numbers bigint[]
)
returns table (o bigint, first_number bigint, is_at boolean)
${READER} as $function$
begin
  return query
  select u.o,
    (select e.number from {s}.events e
      where e.stream = case when u.meta then -u.sid else u.sid end and e.id = u.id
        and e.number >= coalesce((
          select m.truncate_before from {s}.events m
          where not u.meta and m.stream = -u.sid
          order by m.number desc limit 1), 0)
      order by e.number limit 1),
    exists (select from {s}.events e
      where e.stream = case when u.meta then -u.sid else u.sid end
        and e.number = u.number and e.id = u.id)
  from (
    select s.*, (select n.id from {s}.names n
      where n.kind = 0 and n.hash = sha256(s.stream)) as sid
    from unnest(streams, metas, ids, numbers) with ordinality
      s(stream, meta, id, number, o)
  ) u
  order by u.o;
end
$function$;

create function {s}.page_v1(
  in_kind integer, in_name bytea, in_meta boolean, low bigint, high bigint,
  step integer, bodies boolean, bytes_max bigint
)
returns table (${EVENT_ROW}) ${READER} as $function$
#variable_conflict use_variable
declare
  list_id bigint;
begin
  if in_kind <> 4 then
    select n.id into list_id from {s}.names n
    where n.kind = case in_kind when 5 then 1 else in_kind end
      and n.hash = sha256(in_name);
  end if;
  if in_kind = 0 then
    ${
  pageOf({
    source:
      "{s}.events e where e.stream = case when in_meta then -list_id else list_id end and e.number < 9223372036854775807",
    ordinal: "e.number",
  })
}
  elsif in_kind = 1 then
    ${
  pageOf({
    source: "{s}.events e where e.category = list_id",
    ordinal: "e.category_ordinal",
  })
}
  elsif in_kind = 2 then
    ${
  pageOf({
    source: "{s}.events e where e.listed_type = list_id",
    ordinal: "e.type_ordinal",
  })
}
  else
    ${
  pageOf({
    source:
      "{s}.entries x join {s}.events e on e.position = x.position where x.list = case when in_kind = 4 then 0 else list_id end",
    ordinal: "x.ordinal",
  })
}
  end if;
end
$function$;

-- Times of entries of lists; null where there is none.
create function {s}.times_v1(
  kinds integer[], list_names bytea[], metas boolean[], ordinals bigint[]
)
returns table (o bigint, created_us bigint) ${READER} as $function$
begin
  return query
  select u.o, p.created_us
  from unnest(kinds, list_names, metas, ordinals) with ordinality
    u(kind, list_name, meta, ordinal, o)
  left join lateral {s}.page_v1(u.kind, u.list_name, u.meta, u.ordinal, u.ordinal, 1, false, 0) p
    on true
  order by u.o;
end
$function$;

-- States, ids and times of one moment: what an append is decided on.
create function {s}.look_v1(
  s_kinds integer[], s_lists bytea[], s_streams bytea[], s_metas boolean[],
  i_streams bytea[], i_metas boolean[], i_ids uuid[], i_numbers bigint[],
  t_kinds integer[], t_lists bytea[], t_metas boolean[], t_ordinals bigint[]
)
returns table (
  part integer, o bigint, "number" bigint, metadata_number bigint, is_true boolean,
  metadata_flags smallint, metadata bytea
) ${READER} as $function$
begin
  return query
  select 0, s.o, s.head, s.metadata_number, s.is_tombstoned,
    s.metadata_flags, s.metadata
  from {s}.states_v1(s_kinds, s_lists, s_streams, s_metas) s
  union all
  select 1, i.o, i.first_number, null, i.is_at, null, null
  from {s}.ids_v1(i_streams, i_metas, i_ids, i_numbers) i
  union all
  select 2, t.o, t.created_us, null, null, null, null
  from {s}.times_v1(t_kinds, t_lists, t_metas, t_ordinals) t;
end
$function$;

-- Number of a list's nearest event that is there.
create function {s}.nearest_v1(
  in_kind integer, in_name bytea, in_meta boolean, start bigint, forward boolean
)
returns bigint ${READER} as $function$
declare
  list_id bigint;
begin
  if in_kind <> 4 then
    select n.id into list_id from {s}.names n
    where n.kind = case in_kind when 5 then 1 else in_kind end
      and n.hash = sha256(in_name);
  end if;
  return case
    ${
  [
    [
      "in_kind = 0",
      "events e",
      "e.stream = case when in_meta then -list_id else list_id end and e.number < 9223372036854775807",
      "e.number",
    ],
    ["in_kind = 1", "events e", "e.category = list_id", "e.category_ordinal"],
    ["in_kind = 2", "events e", "e.listed_type = list_id", "e.type_ordinal"],
    [
      "true",
      "entries x join {s}.events e on e.position = x.position",
      "x.list = case when in_kind = 4 then 0 else list_id end",
      "x.ordinal",
    ],
  ].map(([when, from, where, ordinal]) => `
    when ${when} and forward then (
      select ${ordinal} from {s}.${from}
      where ${where} and ${ordinal} >= start and e.flags & 2 = 0
      order by ${ordinal} limit 1)
    when ${when} then (
      select ${ordinal} from {s}.${from}
      where ${where} and ${ordinal} <= start and e.flags & 2 = 0
      order by ${ordinal} desc limit 1)`).join("")
}
    end;
end
$function$;

-- Events of the whole log: forward from a position on, backward before it.
create function {s}.all_v1(
  start bigint, events_max integer, step integer, bodies boolean, bytes_max bigint
)
returns table (${EVENT_ROW}) ${READER} as $function$
#variable_conflict use_column
begin${
  pageWithin({
    found: `
    (select e.position as at, e.size as bytes from {s}.events e
      where step = 1 and e.position >= start and e.flags & 2 = 0
      order by e.position limit events_max)
    union all
    (select e.position, e.size from {s}.events e
      where step = -1 and e.position < start and e.flags & 2 = 0
      order by e.position desc limit events_max)`,
    order: "at",
    shown: "e.number",
  })
}
end
$function$;

-- What became visible from a position on, without bodies.
create function {s}.tail_v1(start bigint, events_max integer)
returns table (
  "position" bigint, number bigint, stream bytea, meta boolean, type bytea, id uuid
) ${READER} as $function$
#variable_conflict use_column
begin
  return query
  select e.position, e.number,
    (select n.name from {s}.names n where n.id = abs(e.stream)), e.stream < 0,
    (select n.name from {s}.names n where n.id = e.type), e.id
  from {s}.events e where e.position >= start
  order by e.position limit events_max;
end
$function$;

-- As tail_v1, once the standbys have confirmed a record of now: a primary that
-- was replaced cannot answer. What is read was there before that record's end.
create function {s}.synced_tail_v1(start bigint, events_max integer)
returns table (
  "position" bigint, number bigint, stream bytea, meta boolean, type bytea, id uuid
)
language plpgsql volatile security definer set search_path = pg_catalog
as $function$
begin
  perform {s}.barrier_v1();
  return query select * from {s}.tail_v1(start, events_max);
end
$function$;

-- The log's last position, -1 for none, and whether it was ever rewritten.
create function {s}.end_v1(out last_position bigint, out was_rewritten boolean)
${READER} as $function$
begin
  select coalesce((select e.position from {s}.events e order by e.position desc limit 1), -1),
    m.was_rewritten
  into last_position, was_rewritten from {s}.meta m;
end
$function$;

-- Waits until the standbys have confirmed a record of now: a primary that was
-- replaced cannot.
create function {s}.barrier_v1() returns void
language plpgsql volatile security definer set search_path = pg_catalog
as $function$
begin
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  perform pg_logical_emit_message(true, 'quipu', '');
end
$function$;

-- Position of the first event that is at least that young; -1 if none.
create function {s}.position_at_v1(created bigint)
returns bigint ${READER} as $function$
declare
  low bigint := 0;
  high bigint := coalesce((select e.position from {s}.events e order by e.position desc limit 1), -1) + 1;
  middle bigint;
  found_position bigint;
  found_us bigint;
begin
  -- The answer is low to high.
  while low < high loop
    middle := (low + high) / 2;
    select e.position, e.created_us into found_position, found_us
    from {s}.events e where e.position >= middle order by e.position limit 1;
    if found_us >= created then
      high := middle;
    else
      low := found_position + 1;
    end if;
  end loop;
  select e.position into found_position
  from {s}.events e where e.position >= low order by e.position limit 1;
  return coalesce(found_position, -1);
end
$function$;

-- Names of lists that have entries, in the order of their bytes. Kind 3: of
-- streams that have a metastream.
create function {s}.names_v1(
  wanted smallint, prefix bytea, after bytea, names_max integer
)
returns table (name bytea) ${READER} as $function$
#variable_conflict use_column
begin
  return query
  select n.name from {s}.names n
  where n.kind = wanted
    and substring(n.name from 1 for 1024) >= substring(greatest(prefix, after) from 1 for 1024)
    and n.name > after
    and substring(n.name from 1 for length(prefix)) = prefix
    and case wanted
      when 0 then exists (select from {s}.events e where e.stream = n.id)
      when 1 then exists (select from {s}.events e where e.category = n.id)
      when 2 then exists (select from {s}.events e where e.listed_type = n.id)
      else exists (select from {s}.events e where e.stream = -(
        select b.id from {s}.names b where b.kind = 0 and b.hash = n.hash)) end
  order by substring(n.name from 1 for 1024), n.name
  limit names_max;
end
$function$;

create function {s}.lease_v1(
  operation text, lease_name bytea, lease_token bigint, owner uuid, hold_ms bigint
)
returns bigint language plpgsql security definer set search_path = pg_catalog
as $function$
declare
  ends timestamptz := clock_timestamp() + hold_ms * interval '1 millisecond';
  granted bigint;
begin
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if operation = 'acquire' then
    insert into {s}.leases as l (name, token, holder, ends_at)
    values (lease_name, nextval('{s}.lease_tokens'), owner, ends)
    on conflict (name) do update
      set token = nextval('{s}.lease_tokens'), holder = excluded.holder, ends_at = excluded.ends_at
      where l.ends_at <= clock_timestamp()
    returning token into granted;
  elsif operation = 'renew' then
    update {s}.leases l set ends_at = ends
    where l.name = lease_name and l.token = lease_token
    returning token into granted;
  else
    delete from {s}.leases l where l.name = lease_name and l.token = lease_token
    returning token into granted;
  end if;
  return granted;
end
$function$;

-- What a server needs to know of where it is.
create function {s}.about_v1(
  out store_id uuid, out schema_version integer, out in_recovery boolean,
  out standby_names text, out timeline integer, out instance text
)
language plpgsql security definer set search_path = pg_catalog
as $function$
begin
  select m.store_id, m.schema_version into store_id, schema_version from {s}.meta m;
  in_recovery := pg_is_in_recovery();
  standby_names := current_setting('synchronous_standby_names');
  if not in_recovery then
    -- The first eight digits of a segment's name are its timeline.
    timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
  end if;
  instance := concat_ws(' ', inet_server_addr(), inet_server_port(),
    extract(epoch from pg_postmaster_start_time()), timeline);
end
$function$;

-- Says that a server lives, and names those that do.
create function {s}.servers_v1(
  server uuid, server_address text, server_version text, gone_ms bigint
)
returns table (id uuid, address text, version text, started_ms bigint)
language plpgsql security definer set search_path = pg_catalog
as $function$
#variable_conflict use_column
begin
  -- A beat that is lost is followed by the next.
  perform set_config('synchronous_commit', 'off', true);
  delete from {s}.servers s
  where s.seen_at < clock_timestamp() - gone_ms * interval '1 millisecond';
  insert into {s}.servers as s (id, address, version)
  values (server, server_address, server_version)
  on conflict (id) do update set seen_at = clock_timestamp(), address = excluded.address;
  return query select s.id, s.address, s.version,
    (extract(epoch from s.started_at) * 1000)::bigint
  from {s}.servers s order by s.started_at, s.id;
end
$function$;

-- Who holds a lease, and where it is reached.
create function {s}.lease_owner_v1(lease_name bytea, out id uuid, out address text)
${READER} as $function$
begin
  select l.holder, s.address into id, address
  from {s}.leases l left join {s}.servers s on s.id = l.holder
  where l.name = lease_name and l.ends_at > clock_timestamp();
end
$function$;

create function {s}.leave_v1(server uuid) returns void
language sql security definer set search_path = pg_catalog
as $function$
  delete from {s}.servers s where s.id = server;
  delete from {s}.leases l where l.holder = server;
$function$;
`;
