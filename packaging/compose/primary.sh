#!/bin/sh
# Runs once, when the primary is made: roles for standbys and servers. From its
# next start on, a standby must confirm each commit.
set -eu

psql -v ON_ERROR_STOP=1 --username postgres \
  -v standby="$REPLICATION_PASSWORD" -v server="$SERVER_PASSWORD" <<'SQL'
create role replicator replication login password :'standby';
create role quipu login password :'server';
alter system set synchronous_standby_names = 'ANY 1 (a, b, c)';
SQL
echo "host replication replicator all scram-sha-256" >>"$PGDATA/pg_hba.conf"
