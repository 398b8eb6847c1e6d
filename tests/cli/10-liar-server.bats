#!/usr/bin/env bats
# A release that lies about being well: every row of liar.cases for the start and the answers.

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

@test "lies of a start: undone, or rightly waited for" {
	liar_rows starting
}

@test "who answers, and how" {
	liar_rows answering
}

@test "answers that are no yes" {
	liar_rows judging
}
