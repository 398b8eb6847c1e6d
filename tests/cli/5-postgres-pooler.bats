#!/usr/bin/env bats
# A connection pooler between the application and its database: told before anything, and no way through
# the freeze where belay itself goes to the server.

load ../harness/postgres_file

setup() {
	[ -x /usr/sbin/pgbouncer ] || skip "pgbouncer is not installed"
	postgres_of_file_database
	pooler_start
	standin_site alpha "DATABASE_URL=postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$POOLER_PORT/$SITE_PG"
	site_signature >"$SITE/before"
}

teardown() {
	[ -z "${SITE:-}" ] || site_remove
	[ ! -s "$PG_DIR/pooler.pid" ] || kill "$(cat "$PG_DIR/pooler.pid")"
}

# Transaction pooling, two connections to the server for each database.
pooler_start() {
	POOLER_PORT=$(free_port)
	printf '"%s" "%s"\n' "$PG_ROLE" "$PG_PASSWORD" >"$PG_DIR/pooler.users"
	cat >"$PG_DIR/pooler.ini" <<-END
	[databases]
	* = host=127.0.0.1 port=$PG_PORT
	[pgbouncer]
	listen_addr = 127.0.0.1
	listen_port = $POOLER_PORT
	unix_socket_dir =
	auth_type = scram-sha-256
	auth_file = $PG_DIR/pooler.users
	pool_mode = transaction
	default_pool_size = 2
	logfile = $PG_DIR/pooler.log
	pidfile = $PG_DIR/pooler.pid
	END
	as_postgres /usr/sbin/pgbouncer -q -d "$PG_DIR/pooler.ini" 3>&-
	for _ in $(seq 100); do
		! PGAPPNAME= PGPORT=$POOLER_PORT psql -d "$SITE_PG" -qXc 'SELECT 1' >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	complain "the pooler does not answer" "$(cat "$PG_DIR/pooler.log")"
}

@test "the site's URL leads through a pooler: exit 3, what to type, nothing touched" {
	pid=$(site_pid)
	expect 3 belay upgrade 0.8.0 --yes
	expect_text err 'a connection pooler stands before the server: set admin_url and database_url'
	[ "$(site_pid)" = "$pid" ]
	expect_signature "$SITE/before"
	site_reads_back
}

@test "belay goes to the server itself, the application through the pooler: up and back, nothing lost" {
	site_set database_url "$(postgres_url | sed "s|/openwebui$|/$SITE_PG|")"
	chmod 600 "$SITE_FILE"
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ]
	site_reads_back
	api_json POST /api/v1/chats/new "$(chat_text 77)" | field id >/dev/null || complain "users cannot save"
	expect 0 belay rollback --yes --accept-loss
	[ "$(site_version)" = 0.7.2 ]
	site_reads_back
	api_json POST /api/v1/chats/new "$(chat_text 78)" | field id >/dev/null || complain "users cannot save"
}
