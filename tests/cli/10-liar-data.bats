#!/usr/bin/env bats
# A release that lies about its data: every row of liar.cases for rehearsal, migration and log.

setup_file() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/liar.sh"
	liar_site
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	site_use "$BATS_FILE_TMPDIR/alpha"
	site_remove
}

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$BATS_TEST_DIRNAME/../harness/liar.sh"
}

@test "lies that a rehearsal sees: refused, nothing was stopped" {
	liar_rows rehearsed
}

@test "lies of migrations: never a mix" {
	liar_rows migrating
}

@test "a log decides nothing, and whatever is in it can be shown" {
	liar_rows logging
}
