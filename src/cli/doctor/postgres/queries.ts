/** The questions to PostgreSQL. Each is a SELECT over its own catalog and takes no lock that anybody waits for. */

export const NOW = `
  SELECT extract(epoch FROM clock_timestamp())::float8 AS at, current_setting('server_version') AS version,
         pg_is_in_recovery() AS replica`

export const SETTINGS = `
  SELECT name, setting FROM pg_settings
  WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections', 'synchronous_commit', 'fsync',
                 'full_page_writes', 'autovacuum', 'track_counts')`

export const CONNECTIONS = `
  SELECT count(*)::int AS all, (count(*) FILTER (WHERE application_name = 'millrace'))::int AS ours
  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`

export const OLDEST = `
  SELECT pid, coalesce(state, 'unknown') AS state, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
         coalesce(nullif(application_name, ''), usename, 'unknown') AS who
  FROM pg_stat_activity
  WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  ORDER BY xact_start LIMIT 5`

export const SLOTS = `
  SELECT slot_name AS name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS bytes
  FROM pg_replication_slots WHERE NOT active AND restart_lsn IS NOT NULL`

export const SIZE = `
  SELECT pg_database_size(current_database())::float8 AS bytes, age(datfrozenxid)::int AS age
  FROM pg_database WHERE datname = current_database()`

export const INVALID_INDEXES = `
  SELECT i.relname AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
  WHERE n.nspname IN ($1, 'millrace') AND NOT x.indisvalid ORDER BY 1`

/** A sequence ends at its own maximum or at that of the column it fills, whichever comes first. */
export const SEQUENCES = `
  SELECT s.sequencename AS name, coalesce(format_type(a.atttypid, NULL), s.data_type::text) AS type,
         (coalesce(s.last_value, 0) / least(s.max_value::float8,
            CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
                            ELSE 9223372036854775807 END::float8)) AS used
  FROM pg_sequences s
  LEFT JOIN pg_depend d ON d.objid = format('%I.%I', s.schemaname, s.sequencename)::regclass
    AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE s.schemaname IN ($1, 'millrace') ORDER BY 3 DESC`

export const TABLES = `
  SELECT relname AS name, n_live_tup::float8 AS live, n_dead_tup::float8 AS dead,
         greatest(last_vacuum, last_autovacuum)::text AS vacuumed
  FROM pg_stat_user_tables WHERE schemaname IN ($1, 'millrace') ORDER BY n_dead_tup DESC LIMIT 10`
