#!/usr/bin/env bats
# A journal that is damaged, or not this site's: no command acts, and no command says that all is well.

setup() {
	export BELAY_STATE_DIR=$BATS_TEST_TMPDIR/state
	CORPUS=$BATS_TEST_DIRNAME/../fuzz/corpus/journal
	mkdir -p "$BELAY_STATE_DIR/alpha" "$BATS_TEST_TMPDIR/env/bin"
	printf '%s\n' '[webui]' "environment = $BATS_TEST_TMPDIR/env" \
		"start_directory = $BATS_TEST_TMPDIR/env" >"$BATS_TEST_TMPDIR/alpha.conf"
}

refused() {
	for command in "status --check" history "upgrade 0.8.0 --yes" "rollback --yes" backup "prune --yes" \
		"resume --undo --yes" "resume --finish --yes"; do
		status=0
		"$BELAY" --site "$BATS_TEST_TMPDIR/alpha.conf" $command >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null || status=$?
		if [ "$status" != 5 ] || ! grep -q 'no action is taken on it' "$BATS_TEST_TMPDIR/out"; then
			echo "$1, $command: $status $(cat "$BATS_TEST_TMPDIR/out")" >&2
			return 1
		fi
	done
}

@test "no command acts on a journal that is damaged, newer or another's" {
	for kind in empty text cut newer flipped-bit missing-table another-program another-site; do
		cp "$CORPUS/$kind" "$BELAY_STATE_DIR/alpha/journal.db"
		refused "$kind"
		cmp "$CORPUS/$kind" "$BELAY_STATE_DIR/alpha/journal.db"
	done
}

@test "no command acts on a folder or a pipe in place of the journal" {
	mkdir "$BELAY_STATE_DIR/alpha/journal.db"
	refused folder
	rmdir "$BELAY_STATE_DIR/alpha/journal.db"
	mkfifo "$BELAY_STATE_DIR/alpha/journal.db"
	refused pipe
}
