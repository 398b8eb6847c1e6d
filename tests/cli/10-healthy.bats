#!/usr/bin/env bats
# Three of the rounds of ./dev healthy: nothing is wrong, so belay must not say that anything is.

@test "starts and migrations 30 times slower than rehearsed are no reason to give up" {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	. "$ROOT/tests/harness/healthy.sh"
	healthy_rounds 3 "$BATS_TEST_TMPDIR"
}
