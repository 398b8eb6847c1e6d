#!/usr/bin/env bats
# Users who work on while the site goes up and back: nothing that was acknowledged is lost, and
# reading fails only in the dark.

load ../harness/postgres_file

setup() {
	. "$BATS_TEST_DIRNAME/../harness/clients.sh"
}

teardown() {
	[ -z "${CLIENTS:-}" ] || kill "$CLIENTS" 2>/dev/null || true
	[ -z "${SITE:-}" ] || site_remove
}

@test "SQLite: four clients all the way up and back" {
	standin_site alpha
	up_and_back 0.8.0
}

@test "PostgreSQL: four clients all the way up and back" {
	postgres_of_file_site
	up_and_back 0.8.0
	jq -es 'last | .read_only_ms > 0' "$SITE/up"
}
