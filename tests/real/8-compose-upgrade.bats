#!/usr/bin/env bats
# Services of compose projects up and back, made by Docker Compose itself: PostgreSQL in the same project,
# SQLite in a volume. The releases are the stand-in's. See 5-compose.bats for where the plugin comes from.

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	. "$ROOT/tests/harness/container.sh"
	[ ! -e "$CACHE/docker" ] || export DOCKER_CONFIG="$CACHE/docker"
	docker compose version >/dev/null 2>&1 || {
		echo "no compose plugin; tools/make-compose-plugin '$CACHE/docker' makes one" >"$BATS_FILE_TMPDIR/why"
		return 0
	}
	docker_images_ready 0.7.2 0.8.0 0.8.1
}

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	. "$ROOT/tests/harness/container.sh"
	[ -e "$BATS_FILE_TMPDIR/ready" ] || skip "$(tail -n 1 "$BATS_FILE_TMPDIR/why")"
	[ ! -e "$CACHE/docker" ] || export DOCKER_CONFIG="$CACHE/docker"
}

teardown() {
	[ -z "${PREFIX:-}" ] || docker_site_remove
}

compose() {
	docker compose -p "$PREFIX" -f "$SITE/start/docker-compose.yml" "$@" 2>"$SITE/compose.err" ||
		complain "$(cat "$SITE/compose.err")"
}

# project_up: with the file from stdin; adopted, filled, its file's bytes and mode kept.
project_up() {
	cat >"$SITE/start/docker-compose.yml" && chmod 640 "$SITE/start/docker-compose.yml"
	compose up -d
	site_wait && site_fill 2
	belay adopt --compose-project "$PREFIX" --compose-service webui --watch 0
	key=$(docker exec "$PREFIX-webui-1" cat .webui_secret_key)
	docker_config "$PREFIX-webui-1" | jq 'del(.labels)' >"$SITE/config"
	mkdir "$SITE/files" && cp -p "$SITE/start/docker-compose.yml" "$SITE/files"
	[ ! -e "$SITE/start/.env" ] || cp -p "$SITE/start/.env" "$SITE/files"
}

# files_are: byte for byte, and with the mode of before.
files_are_as_before() {
	for file in "$SITE"/files/* "$SITE"/files/.env; do
		[ -e "$file" ] || continue
		cmp "$file" "$SITE/start/${file##*/}" >&2 &&
			[ "$(stat -c '%a %u:%g' "$file")" = "$(stat -c '%a %u:%g' "$SITE/start/${file##*/}")" ] || return 1
	done
}

serves() {
	[ "$(site_version)" = "$1" ] || complain "version $(site_version), not $1"
	site_reads_back
	[ "$(docker exec "$PREFIX-webui-1" cat .webui_secret_key)" = "$key" ] || complain "another key"
	docker_config "$PREFIX-webui-1" | jq 'del(.labels)' | diff "$SITE/config" - >&2 || complain "another configuration"
}

@test "PostgreSQL in the same project: only the tag changes, and compose agrees afterwards" {
	docker_site_new alpha
	project_up <<-YAML
	# 대화 서버
	x-restart: &restart {restart: unless-stopped}
	services:
	  db:
	    <<: *restart
	    image: belay-test/postgres:15
	    stop_signal: SIGINT
	    environment: {POSTGRES_USER: owui, POSTGRES_PASSWORD: s3cret-of-db, POSTGRES_DB: openwebui}
	    healthcheck: {test: [CMD, psql, -U, owui, -d, openwebui, -c, SELECT 1], interval: 1s, retries: 60}
	  webui:
	    <<: *restart
	    image: "belay-test/standin:\${WEBUI_TAG:-v0.7.2}"   # 버전
	    depends_on: {db: {condition: service_healthy}}
	    environment: ["DATABASE_URL=postgresql://owui:s3cret-of-db@db:5432/openwebui"]
	    ports: ["127.0.0.1:$SITE_PORT:8080"]
	    volumes: ["data:/app/backend/data"]
	volumes: {data: {}}
	YAML
	database=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-db-1")
	expect 0 belay check 0.8.0
	prober_start "$SITE/dark-up"
	expect 0 belay upgrade 0.8.0 --yes
	echo "# dark for $(prober_dark) ms on the way up" >&3
	serves 0.8.0
	sed 's/:-v0.7.2}/:-v0.8.0}/' "$SITE/files/docker-compose.yml" | cmp - "$SITE/start/docker-compose.yml"
	[ "$(stat -c %a "$SITE/start/docker-compose.yml")" = 640 ]
	[ "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-db-1")" = "$database" ]
	# To compose it is its own work: nothing to do.
	before=$(docker inspect -f '{{.Id}}' "$PREFIX-webui-1")
	compose up -d
	[ "$(docker inspect -f '{{.Id}}' "$PREFIX-webui-1")" = "$before" ]

	prober_start "$SITE/dark-back"
	expect 0 belay rollback --yes --accept-loss
	echo "# dark for $(prober_dark) ms on the way back" >&3
	serves 0.7.2
	files_are_as_before
}

@test "SQLite in a volume, the tag in .env: a failing migration is undone; killed in the dark, finished and undone" {
	docker_site_new beta
	printf '# pinned\r\nTAG="v0.7.2"\r\nOTHER=1\r\n' >"$SITE/start/.env" && chmod 600 "$SITE/start/.env"
	project_up <<-YAML
	services:
	  webui:
	    image: belay-test/standin:\${TAG}
	    restart: always
	    ports: ["127.0.0.1:$SITE_PORT:8080"]
	    volumes: ["data:/app/backend/data"]
	volumes: {data: {}}
	YAML
	expect 4 belay upgrade 0.8.1 --yes --skip-rehearsal
	expect_text err 'bad1bad1bad1'
	serves 0.7.2 && files_are_as_before

	# Killed when the databases have changed places: nothing starts by hand, and why is said.
	expect 0 belay upgrade 0.8.0 --yes --skip-rehearsal
	serves 0.8.0
	tr -d '\r' <"$SITE/start/.env" | grep -qxF 'TAG="v0.8.0"'
	expect 0 belay rollback --yes --accept-loss
	serves 0.7.2 && files_are_as_before
	BELAY_FAULT=kill@path-exchange:2 belay upgrade 0.8.0 --yes --skip-rehearsal
	[ "$status" = 137 ]
	! docker compose -p "$PREFIX" -f "$SITE/start/docker-compose.yml" up -d >"$SITE/hand" 2>&1 ||
		complain "compose started something"
	grep -qE '^TAG="v0.0.0.unfinished-.*-upgrade-belay-resume"' "$SITE/start/.env"
	[ -z "$(docker ps -q --filter "name=$PREFIX-webui")" ]
	expect 5 belay status --check
	expect 0 belay resume --undo --yes
	serves 0.7.2 && files_are_as_before

	BELAY_FAULT=kill@path-exchange:2 belay upgrade 0.8.0 --yes --skip-rehearsal
	[ "$status" = 137 ]
	expect 0 belay resume --finish --yes
	serves 0.8.0
	# A person's change meanwhile is nobody's to overwrite.
	expect 0 belay rollback --yes --accept-loss
	BELAY_FAULT=kill@path-exchange:2 belay upgrade 0.8.0 --yes --skip-rehearsal
	cp "$SITE/start/.env" "$SITE/blocked" && echo 'NEW=1' >>"$SITE/start/.env"
	expect 5 belay resume --undo --yes
	expect_text err "'$SITE/start/.env' was changed by someone else"
	cp "$SITE/blocked" "$SITE/start/.env" && chmod 600 "$SITE/start/.env"
	expect 0 belay resume --undo --yes
	serves 0.7.2 && files_are_as_before
}

@test "a backup set comes back: restore, with the image of the set" {
	docker_site_new gamma
	project_up <<-YAML
	services:
	  webui:
	    image: belay-test/standin:v0.7.2
	    ports: ["127.0.0.1:$SITE_PORT:8080"]
	    volumes: ["data:/app/backend/data"]
	volumes: {data: {}}
	YAML
	expect 0 belay backup
	set=$(newest_set)
	api_json POST /api/v1/notes/create '{"title":"later"}' >/dev/null
	expect 0 belay restore "$set" --yes
	serves 0.7.2 && files_are_as_before
	[ "$(docker exec "$PREFIX-webui-1" python3 -c "import sqlite3
print(sqlite3.connect('data/webui.db').execute('SELECT count(*) FROM note').fetchone()[0])")" = 1 ]
	expect 0 belay upgrade 0.8.0 --yes --skip-rehearsal
	expect 0 belay restore "$set" --yes
	serves 0.7.2 && files_are_as_before
}
