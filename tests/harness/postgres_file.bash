# postgres_file.bash - for a .bats file whose tests share one PostgreSQL server: `load ../harness/postgres_file`.
# Each test has a database and a running stand-in of its own; a file that wants it otherwise defines the
# function again.

. "$BATS_TEST_DIRNAME/../harness/site.sh"
. "$BATS_TEST_DIRNAME/../harness/postgres.sh"

setup_file() {
	postgres_of_file_start
}

teardown_file() {
	postgres_of_file_stop
}

setup() {
	postgres_of_file_site
	site_signature >"$SITE/before"
}

teardown() {
	[ -z "${SITE:-}" ] || site_remove
}
