#!/bin/sh
# Writes PgBouncer's configuration from the environment (the password never stands in a file of the repository) and runs it.
# Needs POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_HOST. Optional: PGBOUNCER_DIR, PGBOUNCER_PORT, PGBOUNCER_POOL_SIZE.
set -eu
: "${POSTGRES_USER:?}" "${POSTGRES_PASSWORD:?}" "${POSTGRES_HOST:?}"
dir=${PGBOUNCER_DIR:-/tmp/pgbouncer}
umask 077
mkdir -p "$dir"
printf '"%s" "%s"\n' "$POSTGRES_USER" "$POSTGRES_PASSWORD" > "$dir/users.txt"
cat > "$dir/pgbouncer.ini" <<INI
[databases]
* = host=$POSTGRES_HOST port=${POSTGRES_PORT:-5432}

[pgbouncer]
listen_addr = *
listen_port = ${PGBOUNCER_PORT:-6432}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $dir/users.txt
pool_mode = transaction
; Millrace names its statements: PgBouncer remembers them and prepares them on whichever connection it lends.
max_prepared_statements = 200
default_pool_size = ${PGBOUNCER_POOL_SIZE:-60}
max_client_conn = 500
; Sent by drivers at the start; without effect in transaction mode.
ignore_startup_parameters = extra_float_digits,options
INI
exec pgbouncer "$dir/pgbouncer.ini"
