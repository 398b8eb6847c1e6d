#!/usr/bin/env bats
# What other users of the machine and of the database server can see or touch during a run.

PG_TAIL=-of-9-permissions
load ../harness/postgres_file

setup() {
	[ "$(id -u)" = 0 ] || skip "only root can act as another user"
	# Not below the folder of bats, which others may not enter: the watcher would see nothing.
	SITES=$(mktemp -d "${TMPDIR:-/tmp}/belay-others.XXXXXX")
	chmod 755 "$SITES"
}

teardown() {
	[ -z "${SITE_NAME:-}" ] || site_remove
	[ -z "${SITES:-}" ] || rm -rf "$SITES"
}

watch() {
	# The site's own environment was made by uv, which leaves a file that everybody may write to.
	rm -f "$SITE_ENV/.lock"
	printf '%s\n' "${PG_PASSWORD:-}" "${PG_PASSWORD_URL:-}" "$(cat "$SITE/start/.webui_secret_key")" >"$SITES/secrets"
	chmod 600 "$SITES/secrets"
	install -o nobody -m 600 /dev/null "$SITES/strange"
	setpriv --reuid nobody --regid nogroup --clear-groups \
		env PATH=/usr/local/bin:/usr/bin:/bin python3 - "$SITES/strange" "$SITE/state/alpha" "$SITE/start/backups" -- "$SITE" \
		<"$ROOT/tests/harness/stranger.py" >/dev/null 2>"$SITES/strange.err" 3>&- &
	STRANGER=$!
	python3 "$ROOT/tests/harness/secret_watch.py" "$SITES/knows" "$SITES/secrets" \
		</dev/null >/dev/null 2>&1 3>&- &
	KNOWS=$!
}

# Who needs a secret in the environment: the application and its migrations, each run by the Python of a
# release, the script that starts it, and what speaks to the database. Whatever installs, copies, asks or
# controls (uv, pip, tar, docker, systemctl ...) needs none. belay has it here from the test, as have the
# test's own processes.
no_secret_for_others() {
	release="$SITE_ENV(\.releases/[0-9.]+)?/bin/python[0-9.]*"
	grep '^environ ' "$SITES/knows" | grep -vE "bats|secret_watch|/strange |^environ (timeout .*)?$BELAY " >"$SITES/have" || true
	grep -qE "^environ $release " "$SITES/have" || complain "nobody had the secret: the watcher did not watch"
	! grep -vE "^environ ($release|bash $SITE/start/start_openwebui.sh|[^ ]*/pg_(dump|restore)) ?" "$SITES/have" ||
		complain "a program has a secret that it does not need (above)"
}

watched() {
	kill "$STRANGER" "$KNOWS"
	wait "$STRANGER" "$KNOWS" || true
	grep -Eq '^rounds [0-9]{2,}' "$SITES/strange" || complain "the watcher did not watch: $(cat "$SITES/strange.err")"
	# uv holds a lock that everybody may write to while it builds; it is empty, and goes with the build.
	! grep -vE '^rounds|/env\.releases/[^/]*/\.lock$' "$SITES/strange" || complain "another user could do that (above)"
	[ ! -e "$SITE_ENV.releases/0.8.0/.lock" ]
	! grep '^argv' "$SITES/knows" || complain "a secret stands in a process list (above)"
	no_secret_for_others
}

@test "SQLite: during an upgrade and a rollback nobody else reads or replaces anything, no process list has a secret, and no environment but where it is needed" {
	standin_site alpha
	watch
	expect 0 belay upgrade 0.8.0 --yes
	expect 0 belay rollback --yes
	watched
}

@test "PostgreSQL: the same" {
	postgres_of_file_site
	watch
	expect 0 belay upgrade 0.8.0 --yes
	watched
}
