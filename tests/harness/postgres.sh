# postgres.sh - PostgreSQL servers for tests: one on this host, one in a Docker container as the
# procedure has it. The password has every character that careless programs stumble over. PG_TAIL makes it
# one that no test beside this one has, for who looks whether it can be seen anywhere.

PG_ROLE=webui
PG_PASSWORD='p@ss:w/rd%41 '"'"'x'${PG_TAIL:-}
PG_PASSWORD_URL='p%40ss%3Aw%2Frd%2541%20%27x'${PG_TAIL:-}

# BELAY_TEST_PG=DIR: another server than the host's, made by tools/fetch-postgres; its programs come first
# for belay too.
[ -z "${BELAY_TEST_PG:-}" ] || PATH=$BELAY_TEST_PG/bin:$PATH

pg_bin() {
	if [ -n "${BELAY_TEST_PG:-}" ]; then
		echo "$BELAY_TEST_PG/bin"
	else
		dirname "$(ls -1 /usr/lib/postgresql/*/bin/initdb | tail -n 1)"
	fi
}
pg_installed() {
	[ -x "$(pg_bin 2>/dev/null)/initdb" ]
}

# Servers refuse to run as root.
as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && exec runuser -u postgres -- "$@")
	else
		"$@"
	fi
}

# postgres_start DIR: PG_PORT and PG_HOST afterwards. Role webui may create databases.
postgres_start() {
	PG_DIR=$1
	PG_PORT=$(free_port)
	mkdir -p "$PG_DIR"
	(umask 077 && printf '%s\n' "$PG_PASSWORD" >"$PG_DIR/password")
	[ "$(id -u)" != 0 ] || chown postgres "$PG_DIR" "$PG_DIR/password"
	{
		as_postgres "$(pg_bin)/initdb" -D "$PG_DIR/data" -A scram-sha-256 -U postgres -E UTF8 \
			--locale=C.UTF-8 -N --pwfile="$PG_DIR/password" &&
		as_postgres "$(pg_bin)/pg_ctl" -D "$PG_DIR/data" -w -l "$PG_DIR/log" \
			-o "-p $PG_PORT -h 127.0.0.1 -k $PG_DIR -c fsync=off ${PG_MORE:-}" start
	} >"$PG_DIR.init" 2>&1 3>&- || {
		cat "$PG_DIR.init" >&2
		return 1
	}
	export PGPASSWORD="$PG_PASSWORD" PGHOST=127.0.0.1 PGPORT=$PG_PORT PGUSER=postgres
	psql -d postgres -qX -v pw="$PG_PASSWORD" -v role="$PG_ROLE" <<-'EOF'
	CREATE ROLE :role LOGIN CREATEDB PASSWORD :'pw';
	CREATE DATABASE openwebui OWNER :role;
	EOF
	PGUSER=$PG_ROLE
}

postgres_stop() {
	as_postgres "$(pg_bin)/pg_ctl" -D "$PG_DIR/data" -m immediate stop >/dev/null 2>&1 || true
}

postgres_url() {
	echo "postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$PG_PORT/openwebui"
}

# A Docker engine, or the reason why there is none.
docker_ready() {
	docker version >/dev/null 2>&1 && return 0
	if command -v dockerd >/dev/null; then
		echo "no Docker engine answers; ./dev starts one when it runs as root"
	else
		echo "no Docker engine: dockerd is not installed"
	fi
	return 1
}

# container_start NAME: PostgreSQL in a container with a published port.
container_start() {
	PG_CONTAINER=$1
	PG_PORT=$(free_port)
	"$ROOT/tools/make-postgres-image" >"$CACHE/postgres-image.log" 2>&1 || {
		tail -n 5 "$CACHE/postgres-image.log" >&2
		return 1
	}
	docker run -d --name "$PG_CONTAINER" -p "127.0.0.1:$PG_PORT:5432" -e POSTGRES_USER="$PG_ROLE" \
		-e POSTGRES_PASSWORD="$PG_PASSWORD" -e POSTGRES_DB=openwebui belay-test/postgres:15 >/dev/null || return 1
	export PGPASSWORD="$PG_PASSWORD" PGHOST=127.0.0.1 PGPORT=$PG_PORT PGUSER=$PG_ROLE
	for _ in $(seq 100); do
		psql -d openwebui -qXc 'SELECT 1' >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	docker logs "$PG_CONTAINER" >&2
	return 1
}

# A server for all tests of a .bats file: in setup_file, teardown_file, and setup. It lies outside of
# the folder of bats, which the user postgres may not enter.
postgres_of_file_start() {
	pg_installed || return 0
	server_dir=$(mktemp -d "${TMPDIR:-/tmp}/belay-pg.XXXXXX")
	chmod 755 "$server_dir"
	postgres_start "$server_dir/server"
	printf 'PG_DIR=%s\nPG_PORT=%s\n' "$PG_DIR" "$PG_PORT" >"$BATS_FILE_TMPDIR/server"
}

postgres_of_file_stop() {
	[ -e "$BATS_FILE_TMPDIR/server" ] || return 0
	. "$BATS_FILE_TMPDIR/server"
	postgres_stop
	rm -rf "$(dirname "$PG_DIR")"
}

# A database of the test's own, SITE_PG, and the words of site_script for it, PG_WORDS.
postgres_of_file_database() {
	[ -e "$BATS_FILE_TMPDIR/server" ] || skip "no PostgreSQL server is installed"
	. "$BATS_FILE_TMPDIR/server"
	export PGPASSWORD="$PG_PASSWORD" PGHOST=127.0.0.1 PGPORT="$PG_PORT" PGUSER="$PG_ROLE"
	SITE_PG=db_$BATS_TEST_NUMBER
	PG_WORDS=DATABASE_URL=postgresql://$PG_ROLE:$PG_PASSWORD_URL@127.0.0.1:$PG_PORT/$SITE_PG
	psql -d postgres -qXc "CREATE DATABASE $SITE_PG"
}

# A stand-in on it.
postgres_of_file_site() {
	postgres_of_file_database
	standin_site alpha "$PG_WORDS"
}
