#!/usr/bin/env bats
# Services of compose projects up and back: PostgreSQL in the same project, SQLite in a volume. Made by Docker
# Compose itself where the plugin is (5-compose.bats says where it comes from), else by the engine, with the
# labels that compose gives. The releases are the stand-in's.

IMAGES="0.7.2 0.8.0 0.8.1"
load ../harness/container_file

setup() {
	container_file_setup
	compose_plugin_use
}

compose_there() {
	docker compose version >/dev/null 2>&1
}

compose() {
	docker compose -p "$PREFIX" -f "$SITE/start/compose.yaml" "$@" 2>"$SITE/compose.err" ||
		complain "$(cat "$SITE/compose.err")"
}

# project_up TAG [ARGUMENTS OF docker run ...]: with the file from stdin, and what `up -d` makes of it;
# adopted, filled, its file's bytes and mode kept.
project_up() {
	tag=$1
	shift
	cat >"$SITE/start/compose.yaml" && chmod 640 "$SITE/start/compose.yaml"
	if compose_there; then
		compose up -d
	else
		# shellcheck disable=SC2046
		docker run -d --name "$PREFIX-webui-1" --network "$PREFIX" --network-alias webui \
			-p "127.0.0.1:$SITE_PORT:8080" -v "${PREFIX}_data:/app/backend/data" --restart always \
			$(compose_labels) "$@" "$tag" >/dev/null
	fi
	site_wait && site_fill 2
	belay adopt --compose-project "$PREFIX" --compose-service webui --watch 0
	key=$(docker exec "$PREFIX-webui-1" cat .webui_secret_key)
	docker_config "$PREFIX-webui-1" | jq 'del(.labels)' >"$SITE/config"
	mkdir "$SITE/files" && cp -p "$SITE/start/compose.yaml" "$SITE/files"
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
	compose_there || docker_database
	project_up belay-test/standin:v0.7.2 -e DATABASE_URL=postgresql://owui:s3cret-of-db@db:5432/openwebui <<-YAML
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
	db=$(docker ps -q --filter "name=$PREFIX-db")
	database=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$db")
	expect 0 belay check 0.8.0
	prober_start "$SITE/dark-up"
	expect 0 belay upgrade 0.8.0 --yes
	echo "# dark for $(prober_dark) ms on the way up" >&3
	serves 0.8.0
	sed 's/:-v0.7.2}/:-v0.8.0}/' "$SITE/files/compose.yaml" | cmp - "$SITE/start/compose.yaml"
	[ "$(stat -c %a "$SITE/start/compose.yaml")" = 640 ]
	[ "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$db")" = "$database" ]
	# To compose it is its own work: nothing to do.
	before=$(docker inspect -f '{{.Id}}' "$PREFIX-webui-1")
	! compose_there || compose up -d
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
	project_up belay-test/standin:v0.7.2 <<-YAML
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
	! docker compose -p "$PREFIX" -f "$SITE/start/compose.yaml" up -d >"$SITE/hand" 2>&1 ||
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
	project_up belay-test/standin:v0.7.2 <<-YAML
	services:
	  webui:
	    image: belay-test/standin:v0.7.2
	    restart: always
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

labels_now() {
	docker inspect "$PREFIX-webui-1" | jq -S '.[0].Config.Labels'
}

@test "no compose here: the engine makes the same container; main; killed before it is complete; a volume that is lost" {
	docker_site_new delta
	compose_hide none
	# Nobody listens there: no test asks a registry on the internet.
	from=localhost:1/$PREFIX-chat
	docker tag belay-test/standin:v0.7.2 "$from:main" && docker tag belay-test/standin:v0.8.0 "$from:v0.8.0"
	project_up "$from:main" -e GREETING='a b"c' --memory 1g <<-YAML
	services:
	  webui:
	    image: $from:main   # 최신
	YAML
	docker network create "$PREFIX-second" >/dev/null
	docker network connect --alias helper "$PREFIX-second" "$PREFIX-webui-1"
	docker_config "$PREFIX-webui-1" | jq 'del(.labels)' >"$SITE/config"
	labels_now >"$SITE/labels"

	# The plan says which version and which image the name means.
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out "the tag 'main' names no version"
	expect_text out "^version +0.7.2 -> 0.8.0"
	expect_text out "^image +$from:main -> $from:v0.8.0"
	expect_text out "^digest +$(docker image inspect -f '{{.Id}}' "$from:main" | cut -c -19) -> $(
		docker image inspect -f '{{.Id}}' "$from:v0.8.0" | cut -c -19)"
	BELAY_FAULT_LOG=$SITE/points expect 0 belay upgrade 0.8.0 --yes --skip-rehearsal
	expect_text err 'the engine makes the container itself'
	serves 0.8.0
	labels_now | diff "$SITE/labels" - >&2
	sed 's/:main /:v0.8.0 /' "$SITE/files/compose.yaml" | cmp - "$SITE/start/compose.yaml"
	expect 0 belay check
	# Meanwhile main is another one: it goes back to what it meant.
	docker tag belay-test/standin:v0.8.0 "$from:main"
	expect 0 belay rollback --yes --accept-loss
	serves 0.7.2 && files_are_as_before
	labels_now | diff "$SITE/labels" - >&2
	[ "$(docker image inspect -f '{{.Id}}' "$from:main")" = "$(docker image inspect -f '{{.Id}}' belay-test/standin:v0.7.2)" ]

	# The calls that make it: create, connect with the second network, the key, the name.
	first=$(awk '$2 == "after-intent" { step++ } $2 == "http-request" && step { n++; calls[step]++; at[step] = n }
		END { for (step in calls) if (calls[step] == 4) print at[step] - 3 }' "$SITE/points")
	for nth in 1 2 3; do
		BELAY_FAULT=kill@http-request:$((first + nth)) belay upgrade 0.8.0 --yes --skip-rehearsal
		[ "$status" = 137 ] || complain "not killed at $nth: $status" "$(cat "$SITE/err")"
		[ "$(docker ps -aq --filter "name=$PREFIX-webui-1.belay-new" | wc -l)" = 1 ] || complain "not half made at $nth"
		if [ $nth = 2 ]; then
			expect 0 belay resume --finish --yes
			serves 0.8.0
			expect 0 belay rollback --yes --accept-loss
		else
			expect 0 belay resume --undo --yes
		fi
		serves 0.7.2 && files_are_as_before
		[ -z "$(docker ps -aq --filter "name=$PREFIX-webui-1.belay-new")" ] || complain "half of one is left"
	done

	# Nothing uses the volume then, and somebody tidies up: no new, empty one takes its place.
	BELAY_FAULT=kill@http-request:$first belay upgrade 0.8.0 --yes --skip-rehearsal
	[ "$status" = 137 ]
	volume=$(docker volume inspect -f '{{.Mountpoint}}' "${PREFIX}_data")
	# On the engine's own mount: elsewhere the same files would be others.
	saved=${volume%/volumes/*}/$PREFIX-saved
	mkdir "$saved" && mv "$volume"/* "$saved"
	docker volume rm "${PREFIX}_data" >/dev/null
	for way in --undo --finish; do
		expect 5 belay resume $way --yes
		expect_text err "volume '${PREFIX}_data' of the container is not there any more"
		expect_text err 'RESTORE.md'
		[ ! -e "$volume" ] || complain "made anew: $(ls "$volume")"
	done
	docker volume create "${PREFIX}_data" >/dev/null
	mv "$saved"/* "$volume" && rmdir "$saved"
	expect 0 belay resume --undo --yes
	serves 0.7.2 && files_are_as_before
}

@test "docker-compose of old makes the service" {
	docker_site_new epsilon
	compose_there || skip "no compose plugin to stand in for it"
	project_up belay-test/standin:v0.7.2 <<-YAML
	services:
	  webui:
	    image: belay-test/standin:v0.7.2
	    ports: ["127.0.0.1:$SITE_PORT:8080"]
	    volumes: ["data:/app/backend/data"]
	volumes: {data: {}}
	YAML
	compose_hide old
	expect 0 belay upgrade 0.8.0 --yes --skip-rehearsal
	! grep -q 'the engine makes the container itself' "$SITE/err" || complain 'not by docker-compose'
	serves 0.8.0
	expect 0 belay rollback --yes --accept-loss
	serves 0.7.2 && files_are_as_before
}
