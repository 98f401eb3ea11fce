/**
 * The function that appends a group of requests: one call, one round trip, one
 * commit.
 *
 * It checks that what the server assumed still holds, and numbers and writes
 * the units of which it does. It knows none of the rules of
 * `lib/model/decide_append.ts`: the conditions that it checks were made from
 * them.
 *
 * Its order is what makes it right:
 *
 * 1. The advisory lock is taken in a statement of its own. Only statements
 *    after it have snapshots that see all commits before, and only under READ
 *    COMMITTED, which is checked. The lock ends with the commit, after its rows
 *    became visible: so positions are dense, in the order of commits, and
 *    whoever sees one sees all before it.
 * 2. What is known is read and compared.
 * 3. Ordinals are counted over what is left, so lists have no gaps.
 *
 * Without the lock nothing would go wrong either: two appends that compute the
 * same position wait for each other at the primary key, and one fails.
 *
 * `synchronous_commit` is set for the transaction by `set_config`: what a SET
 * clause of the function sets is undone before the commit.
 *
 * @module
 */

import { POSTGRES_LIMITS } from "./limits.ts";

export const APPEND_V1 = `
create function {s}.append_v1(
  -- Distinct names: kind and bytes. Others refer to them by index, from 1.
  n_kind smallint[], n_name bytea[],
  -- Leases that must be held, with the unit that needs each.
  l_unit integer[], l_name bytea[], l_token bigint[],
  -- Streams: their unit, name, whether the metastream is meant; head and newest
  -- metadata that they must have (null: any), whether there must be either;
  -- number of the first event (null: after the head); whether $streams lists
  -- the first event, and the category whose $category-… does.
  s_unit integer[], s_name integer[], s_meta boolean[],
  s_head bigint[], s_metadata bigint[], s_exists boolean[],
  s_first bigint[], s_listed boolean[], s_category integer[],
  -- Ids that streams must not have.
  i_stream integer[], i_id uuid[],
  -- Events: their stream; number only of tombstones; place of their bodies.
  e_stream integer[], e_number bigint[], e_id uuid[], e_type integer[],
  e_category integer[], e_listed integer[], e_created bigint[],
  e_truncate bigint[], e_flags smallint[],
  e_offset integer[], e_data integer[], e_metadata integer[],
  bodies bytea,
  units integer,
  channel text,
  -- Whether each unit was met; units without their lease; heads of streams
  -- before; first position; events written.
  out met boolean[], out lost integer[], out heads bigint[],
  out base bigint, out written integer
)
language plpgsql security definer
set search_path = pg_catalog
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $function$
declare
  tombstone constant bigint := 9223372036854775807;
  name_ids bigint[];
  ordinals bigint[];
  stream_ids bigint[];
  failed integer[];
  has_new boolean;
  newest_us bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append needs READ COMMITTED' using errcode = '25001';
  end if;
  if current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- What its server gave up waits no longer.
  perform set_config('lock_timeout', '${POSTGRES_LIMITS.lockMs}', true);
  perform pg_advisory_xact_lock({lock});

  name_ids := array(
    select (select n.id from {s}.names n where n.kind = u.kind and n.hash = sha256(u.name))
    from unnest(n_kind, n_name) u(kind, name));

  with state as materialized (
    select u.unit, u.o,
      top.number as own,
      u.named, u.meta, u.want_head, u.want_metadata, u.must_exist,
      case when u.meta then described.number end as described_top,
      newest.number as metadata_number, newest.truncate_before
    from (
      select s.*, name_ids[s.name] as named,
        case when s.meta then -name_ids[s.name] else name_ids[s.name] end as sid
      from unnest(s_unit, s_name, s_meta, s_head, s_metadata, s_exists) with ordinality
        s(unit, name, meta, want_head, want_metadata, must_exist, o)
    ) u
    left join lateral (
      select number from {s}.events e where e.stream = u.sid order by number desc limit 1
    ) top on true
    left join lateral (
      select number from {s}.events e where u.meta and e.stream = u.named
      order by number desc limit 1
    ) described on true
    left join lateral (
      select number, truncate_before from {s}.events e
      where not u.meta and e.stream = -u.named order by number desc limit 1
    ) newest on true
  ), judged as (
    select o, unit, coalesce(own, -1) as head,
      case when meta then -named else named end as sid,
      coalesce(own, -1) <> tombstone and coalesce(described_top, -1) <> tombstone
      and (want_head is null or want_head = coalesce(own, -1))
      and case when want_metadata is null
        then coalesce(truncate_before, 0) <> tombstone
        else want_metadata = coalesce(metadata_number, -1) end
      and (not must_exist or own is not null or metadata_number is not null) as is_met
    from state
  )
  select array_agg(j.head order by j.o), array_agg(j.sid order by j.o),
    array_agg(distinct j.unit) filter (where not j.is_met)
  into heads, stream_ids, failed
  from judged j;

  failed := coalesce(failed, '{}') || array(
    select s_unit[u.stream] from unnest(i_stream, i_id) u(stream, id)
    where exists (select from {s}.events e where e.stream = stream_ids[u.stream] and e.id = u.id)
  );
  lost := array(
    select u.unit from unnest(l_unit, l_name, l_token) u(unit, name, token)
    where not exists (
      select from {s}.leases l where l.name = u.name and l.token = u.token for share));
  failed := failed || lost;
  met := array(select not u = any (failed) from generate_series(1, units) u);

  -- Names that what is written needs, and are not there yet.
  if array_position(name_ids, null) is not null then
  with needed as (
    select u.name, u.unit from unnest(s_name, s_unit) u(name, unit)
    union all
    select x.name, s_unit[u.stream]
    from unnest(e_stream, e_type, e_category, e_listed) u(stream, type, category, listed),
      lateral (values (u.type), (u.category), (u.listed)) x(name)
    where name_ids[x.name] is null
    union all
    select u.category, u.unit from unnest(s_category, s_unit) u(category, unit)
    where u.category is not null
  ), added as (
    insert into {s}.names (kind, hash, name)
    select n_kind[k.name], sha256(n_name[k.name]), n_name[k.name]
    from (
      select distinct name from needed
      where name is not null and name_ids[name] is null and met[unit]
    ) k
    returning kind, hash, id
  )
  select count(*) > 0 into has_new from added;
  if has_new then
    name_ids := array(
      select (select n.id from {s}.names n where n.kind = u.kind and n.hash = sha256(u.name))
      from unnest(n_kind, n_name) u(kind, name));
    stream_ids := array(
      select case when u.meta then -name_ids[u.name] else name_ids[u.name] end
      from unnest(s_name, s_meta) u(name, meta));
  end if;
  end if;
  if true = any (s_meta) then
    insert into {s}.names (kind, hash, name)
    select 3, sha256(n_name[u.name]), n_name[u.name]
    from unnest(s_name, s_meta, s_unit, heads) u(name, meta, unit, head)
    where u.meta and u.head < 0 and met[u.unit]
    on conflict do nothing;
  end if;
  ordinals := array(
    select coalesce(case u.kind
      when 1 then (select e.category_ordinal from {s}.events e
        where e.category = u.id order by e.category_ordinal desc limit 1)
      when 2 then (select e.type_ordinal from {s}.events e
        where e.listed_type = u.id order by e.type_ordinal desc limit 1)
      end, -1)
    from unnest(n_kind, name_ids) u(kind, id));
  select e.position + 1, e.created_us into base, newest_us
  from {s}.events e order by e.position desc limit 1;
  base := coalesce(base, 0);
  newest_us := coalesce(newest_us, 0);

  with numbered as (
    select u.*,
      max(u.created) over (order by u.o) as latest,
      base - 1 + row_number() over (order by u.o) as position,
      coalesce(u.tombstone_number, coalesce(s_first[u.stream], heads[u.stream] + 1) - 1
        + row_number() over (partition by stream_ids[u.stream] order by u.o)) as number,
      case when u.category is not null then ordinals[u.category]
        + row_number() over (partition by u.category order by u.o) end as category_ordinal,
      case when u.listed is not null then ordinals[u.listed]
        + row_number() over (partition by u.listed order by u.o) end as type_ordinal
    from unnest(e_stream, e_number, e_id, e_type, e_category, e_listed, e_created,
      e_truncate, e_flags, e_offset, e_data, e_metadata) with ordinality
      u(stream, tombstone_number, id, type, category, listed, created, truncate_before, flags,
        start, data_size, metadata_size, o)
    where met[s_unit[u.stream]]
  ), inserted as (
    insert into {s}.events (position, stream, number, id, type, category, category_ordinal,
      listed_type, type_ordinal, created_us, truncate_before, flags, size, data, metadata)
    select n.position, stream_ids[n.stream], n.number, n.id, name_ids[n.type],
      name_ids[n.category], n.category_ordinal, name_ids[n.listed], n.type_ordinal,
      greatest(newest_us, n.latest), n.truncate_before, n.flags, n.data_size + n.metadata_size,
      substring(bodies from n.start + 1 for n.data_size),
      substring(bodies from n.start + n.data_size + 1 for n.metadata_size)
    from numbered n
    order by n.position
  ), firsts as (
    select n.position, s_listed[n.stream] as is_listed, s_category[n.stream] as category
    from numbered n where n.number = 0
  ), listings as (
    select f.position, 0::bigint as list from firsts f where f.is_listed
    union all
    select f.position, name_ids[f.category] from firsts f where f.category is not null
  ), entered as (
    insert into {s}.entries (list, ordinal, position)
    select l.list,
      coalesce((select x.ordinal from {s}.entries x where x.list = l.list
        order by x.ordinal desc limit 1), -1)
        + row_number() over (partition by l.list order by l.position),
      l.position
    from listings l
  )
  select count(*) into written from numbered;

  if written > 0 and channel is not null then
    perform pg_notify(channel, (base + written)::text);
  end if;
end
$function$;
`;
