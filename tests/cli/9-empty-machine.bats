#!/usr/bin/env bats
# A backup set is enough: on a machine that has nothing of the site, with belay and by typing RESTORE.md.

load ../harness/either_file

# Only the set is left of the site.
lose_everything() {
	expect 0 belay backup
	set=$BATS_TEST_TMPDIR/$(basename "$(ls -d "$SITE/start/backups"/openwebui_backup_*)")
	mv "$SITE/start/backups/$(basename "$set")" "$set"
	site_stop
	mv "$SITE" "$BATS_TEST_TMPDIR/lost"
	mkdir -p "$SITE"
	cp -r "$BATS_TEST_TMPDIR/lost/site.env" "$BATS_TEST_TMPDIR/lost/expected" "$BATS_TEST_TMPDIR/lost/token" "$SITE"
	[ -z "$SITE_PG" ] || psql -d postgres -qXc 'DROP DATABASE openwebui'
}

restored_serves() {
	[ "$(site_version)" = 0.7.2 ]
	[ "$(site_revision)" = 7e5b5dc7342b ] || [ -n "$(site_revision)" ]
	site_reads_back
}

restore() {
	expect "$1" belay restore "$set" --yes --wheels "$CACHE/wheelhouse" --start-timeout 10 --watch 0 "${@:2}"
}

@test "SQLite, where it was: everything reads back, the next upgrade works" {
	standin_site alpha
	lose_everything
	restore 0
	restored_serves
	! grep -q 'belay rollback' "$SITE/out" || complain "a way back to nothing"
	[ "$(stat -c %a "$SITE/start/.webui_secret_key")" = 600 ]
	[ "$(ls "$SITE/data" | grep -c belay)" = 0 ]
	expect 3 belay rollback --yes
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
}

@test "SQLite, data inside the environment" {
	standin_site alpha inside
	lib=env/lib/$(ls "$SITE/env/lib")
	echo 'WEBUI_NAME=Ours' >"$SITE/$lib/.env"
	lose_everything
	SITE_DATA=$SITE/env.data
	restore 0
	restored_serves
	grep -q Ours "$SITE/$lib/.env"
}

@test "SQLite, in another folder and on another port" {
	standin_site alpha
	lose_everything
	before=$SITE_DATA
	site_new beta
	cp -r "$BATS_TEST_TMPDIR/lost/expected" "$BATS_TEST_TMPDIR/lost/token" "$SITE"
	restore 0 --environment "$SITE/env" --start-directory "$SITE/start" --port "$SITE_PORT" --data-dir "$SITE/data"
	expect_text err "$before"
	ln -s "$SITE/data" "$before"
	restored_serves
	! grep -rqF "$before" "$SITE/state/beta/recipe.json" || false
}

@test "PostgreSQL: the database is made; with another name; what is there is not touched" {
	postgres_site alpha
	lose_everything
	restore 0
	restored_serves
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE 'openwebui%'")" = 1 ]

	# Another site beside it: the database is taken, then it is not.
	site_new beta
	restore 3 --environment "$SITE/env" --start-directory "$SITE/start" --port "$SITE_PORT" --data-dir "$SITE/data"
	expect_text err 'not empty'
	[ ! -e "$SITE/env" ] && [ ! -e "$SITE_FILE" ]
	psql -d postgres -qXc 'CREATE DATABASE other'
	restore 0 --environment "$SITE/env" --start-directory "$SITE/start" --port "$SITE_PORT" --data-dir "$SITE/data" \
		--database-url "$(postgres_url | sed 's/openwebui$/other/')"
	[ "$(site_version)" = 0.7.2 ]
	[ "$(psql -d other -AtXqc 'SELECT count(*) FROM chat')" = 3 ]
	[ "$(psql -d postgres -AtXqc "SELECT count(*) FROM pg_database WHERE datname LIKE '%belay%'")" = 0 ]
	site_stop
	site_use "$BATS_TEST_TMPDIR/alpha"
}

@test "files or a site in the way: exit 3, nothing touched" {
	standin_site alpha
	lose_everything
	mkdir -p "$SITE/data/uploads"
	echo precious >"$SITE/data/uploads/file"
	restore 3
	[ "$(cat "$SITE/data/uploads/file")" = precious ]
	[ ! -e "$SITE_FILE" ] && [ ! -e "$SITE/env.releases" ]
	rm -r "$SITE/data"
	printf x >>"$set/secret_key"
	belay restore "$set" --yes
	[ "$status" != 0 ]
	[ ! -e "$SITE_FILE" ]
}

@test "a set that holds something else than its manifest says: exit 4, nothing stays" {
	standin_site alpha
	lose_everything
	for lie in '["database"]["tables"]["chat"]["rows"] += 1' '["revision"] = "7e5b5dc7342b"'; do
		cp -a "$set" "$BATS_TEST_TMPDIR/true"
		manifest_edit "$set" "manifest$lie"
		restore 4
		[ -z "$(ls "$SITE" | grep -vxE 'expected|token|site.env|state|out|err')" ] || complain "left: $(ls "$SITE")"
		rm -r "$set" && mv "$BATS_TEST_TMPDIR/true" "$set"
	done
	restore 0
	restored_serves
}

@test "a failure undoes everything that was made; killed: resume finishes or undoes" {
	standin_site alpha
	lose_everything
	BELAY_FAULT=fail@path-exchange restore 4
	[ -z "$(ls "$SITE" | grep -vxE 'expected|token|site.env|state|out|err')" ]
	for way in --undo --finish; do
		BELAY_FAULT=kill@path-exchange belay restore "$set" --yes --wheels "$CACHE/wheelhouse" --start-timeout 10
		[ "$status" = 137 ]
		expect 0 belay resume $way --yes
		[ $way = --finish ] || [ -z "$(ls "$SITE" | grep -vxE 'expected|token|site.env|state|out|err')" ]
	done
	restored_serves
}

# What a person copies out of RESTORE.md into one shell, from top to bottom.
type_guide() {
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$set/RESTORE.md" |
		sed "1s|^cd .*/$(basename "$set")\$|cd $set|" >"$SITE/typed.sh"
	(cd / && PIP_NO_INDEX=1 PIP_FIND_LINKS=$CACHE/wheelhouse bash -e "$SITE/typed.sh") \
		>"$SITE/typed.out" 2>&1 </dev/null 3>&- || {
		cat "$SITE/typed.sh" "$SITE/typed.out" >&2
		return 1
	}
	SITE_LOG=$SITE/start/openwebui.log
	site_wait
}

@test "RESTORE.md typed by hand on an empty machine, SQLite" {
	standin_site alpha
	lose_everything
	type_guide
	restored_serves
	[ "$(stat -c %a "$SITE/start/.webui_secret_key")" = 600 ]
}

@test "RESTORE.md typed by hand, SQLite, data beside the environment after an upgrade, .env" {
	standin_site alpha inside
	expect 0 belay upgrade 0.8.0 --yes
	rm -r "$SITE/start/backups"
	echo 'WEBUI_NAME=Ours' >"$SITE/env/lib/$(ls "$SITE/env/lib")/.env"
	lose_everything
	type_guide
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	grep -q Ours "$SITE/env/lib/$(ls "$SITE/env/lib")/.env"
}

@test "RESTORE.md typed by hand on an empty machine, PostgreSQL; then over what is there" {
	postgres_site alpha
	lose_everything
	type_guide
	restored_serves
	site_stop
	type_guide
	restored_serves
	[ "$(psql -d openwebui_before_restore -AtXqc 'SELECT count(*) FROM chat')" = 3 ]
}
