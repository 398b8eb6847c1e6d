#!/usr/bin/env bats
# A sample of what ./dev torture does whole: the first minutes of it, in a shuffled order that is the
# same each time. BELAY_TORTURE_MINUTES gives each of the samples longer, and lets random kills come
# in, which are never the same.

setup_file() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	kinds=sqlite,postgres
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || kinds=sqlite
	export ROOT CACHE PYTHON kinds
	# The server of PostgreSQL may not enter the folders of bats.
	TORTURE_DIR=$(mktemp -d /tmp/belay-torture-test.XXXXXX)
	chmod 755 "$TORTURE_DIR"
	export TORTURE_DIR TMPDIR="$TORTURE_DIR"
}

teardown_file() {
	rm -rf "$TORTURE_DIR"
}

# Words of torture.py; its table goes to the TAP stream, so that the counts are seen.
torture() {
	"$PYTHON" "$ROOT/tests/crash/torture.py" "$@" >"$TORTURE_DIR/out" 2>&1 3>&- || {
		cat "$TORTURE_DIR/out" >&2
		return 1
	}
	grep -v '^$' "$TORTURE_DIR/out" | sed 's/^/# /' >&3
}

@test "each defect that was found stays mended" {
	torture rows "$BATS_TEST_DIRNAME/regressions.tsv"
}

@test "killed, torn, failed, full: every flow, both ways out" {
	torture --on "$kinds" --from-start --minutes "${BELAY_TORTURE_MINUTES:-0.7}"
}

@test "data inside the environment, and the system's Python" {
	torture upgrade --on inside,system --from-start --fault kill,torn --minutes "${BELAY_TORTURE_MINUTES:-0.7}"
}

@test "killed at random moments" {
	[ -n "${BELAY_TORTURE_MINUTES:-}" ] || skip "BELAY_TORTURE_MINUTES is not set: ./dev torture random 1000"
	torture random 1000 --on sqlite --from-start --minutes "$BELAY_TORTURE_MINUTES"
}

@test "power cuts" {
	"$PYTHON" "$ROOT/tests/crash/powercut.py" 1000 upgrade rollback --on sqlite \
		--minutes "${BELAY_TORTURE_MINUTES:-0.7}" 3>&-
}
