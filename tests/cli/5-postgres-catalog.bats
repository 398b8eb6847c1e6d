#!/usr/bin/env bats
# What belongs to a database beyond its rows (grants, settings, comments, extensions …) is the site's,
# not that of one of the two databases: the same after an upgrade, and after the way back.

load ../harness/postgres_file

setup_file() {
	postgres_of_file_start
	[ -e "$BATS_FILE_TMPDIR/server" ] || return 0
	PGUSER=postgres psql -d postgres -qX <<-'END'
	CREATE ROLE reader; CREATE ROLE helper;
	END
}

# All that the owner of a database may say about it.
dress() {
	psql -d "$SITE_PG" -qX -v ON_ERROR_STOP=1 -v db="$SITE_PG" -v role="$PG_ROLE" <<-'END'
	REVOKE ALL ON DATABASE :db FROM PUBLIC;
	GRANT CONNECT, TEMP ON DATABASE :db TO reader WITH GRANT OPTION;
	GRANT CREATE ON DATABASE :db TO helper;
	REVOKE TEMP ON DATABASE :db FROM :role;
	COMMENT ON DATABASE :db IS 'the site''s: "벨레이"';
	ALTER DATABASE :db CONNECTION LIMIT 71;
	ALTER DATABASE :db SET work_mem = '7MB';
	ALTER DATABASE :db SET search_path = "$user", public, "odd, one";
	ALTER ROLE :role IN DATABASE :db SET idle_in_transaction_session_timeout = '9min';
	CREATE EXTENSION pg_trgm;
	COMMENT ON EXTENSION pg_trgm IS 'for searching';
	CREATE EXTENSION hstore;
	CREATE SCHEMA extra;
	GRANT USAGE ON SCHEMA extra TO reader;
	COMMENT ON SCHEMA extra IS 'of the reports';
	CREATE TABLE extra.report (id int PRIMARY KEY, bag public.hstore, secret text DEFAULT 'x');
	CREATE INDEX report_secret ON extra.report USING gin (secret public.gin_trgm_ops);
	ALTER TABLE extra.report SET (fillfactor = 70);
	ALTER TABLE extra.report ALTER secret SET STATISTICS 500;
	GRANT SELECT (id, bag) ON extra.report TO reader;
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
	GRANT UPDATE (id) ON extra.report TO reader WITH GRANT OPTION;
	ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader;
	ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO helper;
	COMMENT ON COLUMN extra.report.secret IS 'not for readers';
	CREATE FUNCTION extra.twice(int) RETURNS int LANGUAGE sql SET search_path = 'extra' AS 'SELECT 2 * $1';
	REVOKE EXECUTE ON FUNCTION extra.twice FROM PUBLIC;
	CREATE TYPE extra.mood AS ENUM ('calm', 'wild');
	CREATE PUBLICATION reports FOR TABLE extra.report WITH (publish = 'insert');
	END
}

site_signature_all() {
	PGUSER=postgres site_signature
}

catalog() {
	psql -d "$SITE_PG" -qX -v ON_ERROR_STOP=1 -f "$ROOT/tests/harness/catalog.sql" >"$1"
	[ "$(grep -c '' "$1")" -gt 60 ]
}

# The application's own tables are for its migrations to change.
but_its_tables() {
	grep -vE '^((column|constraint|index|relation): .*public\.|published: everything public )' "$1"
}

# up_and_back yes|no: whether the copy is made by TEMPLATE.
up_and_back() {
	catalog "$SITE/catalog.before"
	# The site's role may not read all of it.
	site_signature_all >"$SITE/before"
	export BELAY_FAULT_LOG="$SITE/points"
	expect 0 belay upgrade 0.8.0 --yes
	unset BELAY_FAULT_LOG
	[ "$(by_template)" = "$1" ] || complain "the copy was not made the way that this test is about"
	catalog "$SITE/catalog.up"
	diff <(but_its_tables "$SITE/catalog.before") <(but_its_tables "$SITE/catalog.up") >&2 ||
		complain "the upgrade changed what is not its own (left: before, right: now)"
	grep -q 'relation: public.skill .*reader=r' "$SITE/catalog.up" ||
		complain "a table of the new release lacks the default privileges"
	expect 0 belay rollback --yes
	catalog "$SITE/catalog.back"
	diff "$SITE/catalog.before" "$SITE/catalog.back" >&2 ||
		complain "the way back changed it (left: before, right: now)"
	sed 's/a folder/a link/' "$SITE/before" >"$SITE/after"
	site_signature_all | diff "$SITE/after" - >&2 || complain "the site is not what it was"
}

# Copied by TEMPLATE with everyone out; without it dumped and restored while users read on.
by_template_please() {
	site_set read_on no
}

# Only what is frozen is dumped for a copy (no gap is short enough for 0.7.2).
by_template() {
	grep -q 'pg-freeze$' "$SITE/points" && echo no || echo yes
}

as_superuser() {
	PGUSER=postgres psql -d "$SITE_PG" -qX -v ON_ERROR_STOP=1 -v db="$SITE_PG" -v role="$PG_ROLE" "$@"
}

# What only a superuser may say, and a role of one for belay.
dress_further() {
	mkdir -p "$PG_DIR/space-$SITE_PG"
	[ "$(id -u)" != 0 ] || chown postgres "$PG_DIR/space-$SITE_PG"
	site_stop
	PGUSER=postgres psql -d postgres -qX -c "CREATE TABLESPACE far_$SITE_PG LOCATION '$PG_DIR/space-$SITE_PG'"
	PGUSER=postgres psql -d postgres -qX -c "ALTER DATABASE $SITE_PG SET TABLESPACE far_$SITE_PG"
	site_start
	as_superuser <<-'END'
	ALTER DATABASE :db SET log_min_duration_statement = '9s';
	ALTER DATABASE :db SET session_preload_libraries = 'auto_explain', '$libdir/passwordcheck';
	ALTER DATABASE :db SET my.own = 'it''s; "x"';
	ALTER ROLE reader IN DATABASE :db SET search_path = '', "$user";
	SET ROLE reader; GRANT CONNECT ON DATABASE :db TO helper; RESET ROLE;
	CREATE TABLE extra.audit (id int); ALTER TABLE extra.audit OWNER TO helper;
	GRANT SELECT ON extra.audit TO reader;
	CREATE FUNCTION extra.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
	CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION extra.watch();
	CREATE PUBLICATION everything FOR ALL TABLES;
	END
	site_set admin_url "postgresql://postgres:$PG_PASSWORD_URL@127.0.0.1:$PG_PORT/postgres"
	chmod 600 "$SITE_FILE"
}

@test "the owner's own database, copied by TEMPLATE" {
	dress
	by_template_please
	up_and_back yes
	site_reads_back
}

@test "the owner's own database, dumped and restored" {
	dress
	up_and_back no
}

@test "a database with what only superusers may say, copied by TEMPLATE" {
	dress
	dress_further
	by_template_please
	up_and_back yes
}

@test "a database with what only superusers may say, dumped and restored" {
	dress
	# In a schema that the dump makes.
	psql -d "$SITE_PG" -qX -c "CREATE EXTENSION citext SCHEMA extra"
	dress_further
	up_and_back no
}

@test "a set restored by a superuser: extensions stay their owners'" {
	dress
	psql -d "$SITE_PG" -qX -c "CREATE EXTENSION citext SCHEMA extra"
	dress_further
	extensions="SELECT extname, pg_get_userbyid(extowner) FROM pg_extension ORDER BY 1"
	psql -d "$SITE_PG" -AtXqc "$extensions" >"$SITE/extensions"
	grep -q "^citext|$PG_ROLE\$" "$SITE/extensions"
	expect 0 belay backup
	expect 0 belay restore "$(basename "$(newest_set)")" --yes
	psql -d "$SITE_PG" -AtXqc "$extensions" | diff "$SITE/extensions" - || complain "an extension has another owner"
	[ "$(as_superuser -Atc "SELECT count(*) FROM pg_namespace WHERE nspname = 'belay_restore'")" = 0 ]
	psql -d "$SITE_PG" -v ON_ERROR_STOP=1 -qXc "DROP EXTENSION citext"
	site_reads_back
}
