# either_file.bash - for a .bats file whose tests want a site on SQLite (standin_site) or on a PostgreSQL
# server of their own (postgres_site): `load ../harness/either_file`. SITE_PG is empty on SQLite.

. "$BATS_TEST_DIRNAME/../harness/site.sh"
. "$BATS_TEST_DIRNAME/../harness/postgres.sh"

setup() {
	SITE_PG='' PG_DIR=''
}

teardown() {
	[ -z "${SITE:-}" ] || site_remove
	[ -z "$PG_DIR" ] || {
		postgres_stop
		rm -rf "$(dirname "$PG_DIR")"
	}
}

postgres_site() {
	pg_installed || skip "no PostgreSQL server is installed"
	dir=$(mktemp -d "${TMPDIR:-/tmp}/belay-pg.XXXXXX")
	chmod 755 "$dir"
	postgres_start "$dir/server"
	SITE_PG=openwebui
	standin_site "$@" "DATABASE_URL=$(postgres_url)"
}
