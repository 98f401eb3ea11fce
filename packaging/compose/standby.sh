#!/bin/sh
# Starts a standby; at its first start it copies the primary. The copy comes
# under a name of its own: it must not count as a standby that confirms.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chown postgres "$PGDATA"
  chmod 700 "$PGDATA"
  primary="host=a user=replicator password=$REPLICATION_PASSWORD"
  until gosu postgres pg_basebackup -d "$primary" -D "$PGDATA" -R -X stream -c fast; do
    sleep 2
  done
fi
exec docker-entrypoint.sh postgres -c "cluster_name=$NODE" -c max_wal_size=4GB
