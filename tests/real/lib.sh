# lib.sh - what the tests with the real Open WebUI share. Slow: one site a file where it can be.

. "$ROOT/tests/harness/site.sh"
. "$ROOT/tests/harness/postgres.sh"

# patched_wheel OUTDIR: the real 0.8.0 as 0.8.99, in which one migration raises after its work. The
# packages it needs come from the index as ever.
patched_wheel() {
	wheel=$CACHE/real/open_webui-0.8.0-py3-none-any.whl
	if [ ! -e "$wheel" ]; then
		venv=$(mktemp -d)
		"$PYTHON" -m venv "$venv" &&
			"$venv/bin/pip" download -q --disable-pip-version-check --no-deps -d "$CACHE/real" open-webui==0.8.0
		rm -rf "$venv"
	fi
	mkdir -p "$1" && "$PYTHON" "$ROOT/tests/real/patch_wheel.py" "$wheel" "$1" 0.8.99 || return 1
	export UV_FIND_LINKS="$1"
}

# The two steps of the procedure's way up and back, with everything that must hold in between.
up_and_back() {
	site_dump >"$SITE/before.sql"
	site_signature >"$SITE/before"
	prober_start "$SITE/dark-up"
	expect 0 belay upgrade 0.8.0 --yes || return 1
	echo "# dark for $(prober_dark) ms on the way up, as seen from outside" >&3
	[ "$(site_version)" = 0.8.0 ] && [ "$(site_revision)" = a1b2c3d4e5f6 ] || return 1
	site_reads_back || return 1
	! curl -s "$SITE_URL/api/config" | jq -e '.onboarding == true' || complain "a server without users" || return 1

	prober_start "$SITE/dark-back"
	expect 0 belay rollback --yes --accept-loss || return 1
	echo "# dark for $(prober_dark) ms on the way back" >&3
	[ "$(site_version)" = 0.7.2 ] && [ "$(site_revision)" = c440947495f3 ] || return 1
	site_reads_back || return 1
	site_dump >"$SITE/after.sql"
	diff "$SITE/before.sql" "$SITE/after.sql" >&2 || complain "the database is not what it was" || return 1
	sed 's/a folder/a link/' "$SITE/before" >"$SITE/after"
	expect_signature "$SITE/after"
}

# A secret in a file of the state that others may see, or in an argument list while it ran.
no_secret_left() {
	for secret in "$@"; do
		found=$(grep -rlF -e "$secret" "$SITE/state" "$SITE/out" "$SITE/err" 2>/dev/null | grep -v '/recipe\.json$' || true)
		[ -z "$found" ] || complain "a secret is in: $found" || return 1
		! grep -qF -e "$secret" "$SITE/argv" 2>/dev/null || complain "a secret was in an argument list" || return 1
	done
}

# Every argument list of the machine, 20 times a second; not those of the shells that start tests.
argv_watch() {
	"$PYTHON" "$ROOT/tests/harness/argv_watch.py" "$SITE/argv" </dev/null >/dev/null 2>&1 3>&- &
	ARGV_WATCH=$!
}
argv_watch_end() {
	kill "$ARGV_WATCH" 2>/dev/null || true
	wait "$ARGV_WATCH" 2>/dev/null || true
}
