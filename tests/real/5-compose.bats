#!/usr/bin/env bats
# Docker Compose itself: does it say of each shape of the corpus what belay says, and does a project
# that it made go through adopt, check, backup and the way back by hand?
# Run where there is a compose plugin, or where tools/make-compose-plugin built one:
#     tools/make-compose-plugin ~/.cache/belay/docker

IMAGES=0.7.2
load ../harness/container_file

setup() {
	container_file_setup
	needs_compose
}

@test "compose says the same image of every shape that belay accepts" {
	compared=0
	for shape in "$ROOT"/tests/unit/compose/corpus/*/; do
		image=$(sed -n 's/^image //p' "$shape/expect")
		[ -n "$image" ] || continue
		set --
		for file in $(sed -n 's/^files //p' "$shape/expect" | tr , ' '); do
			set -- "$@" -f "$shape$file"
		done
		service=$(sed -n 's/^service //p' "$shape/expect")
		said=$(env -u TAG -u VERSION docker compose -p corpus --project-directory "$shape" "$@" config --format json 2>"$BATS_TEST_TMPDIR/err" |
			jq -r --arg service "$service" '.services[$service].image')
		[ "$said" = "$image" ] || complain "$shape: compose says '$said', belay '$image'" "$(cat "$BATS_TEST_TMPDIR/err")"
		compared=$((compared + 1))
	done
	[ "$compared" -ge 40 ]
}

@test "a project that compose made: adopt, check, backup; its container removed, and back by RESTORE.md" {
	docker_site_new chat
	cat >"$SITE/start/docker-compose.yml" <<-YAML
	# 대화 서버
	x-restart: &restart {restart: "no"}
	services:
	  db:
	    <<: *restart
	    image: belay-test/postgres:15
	    stop_signal: SIGINT
	    environment: {POSTGRES_USER: owui, POSTGRES_PASSWORD: s3cret-of-db, POSTGRES_DB: openwebui}
	    healthcheck: {test: [CMD, psql, -U, owui, -d, openwebui, -c, SELECT 1], interval: 1s, retries: 60}
	  webui:
	    <<: *restart
	    image: "belay-test/standin:\${WEBUI_TAG:-v0.7.2}"
	    depends_on: {db: {condition: service_healthy}}
	    environment: ["DATABASE_URL=postgresql://owui:s3cret-of-db@db:5432/openwebui"]
	    ports: ["127.0.0.1:$SITE_PORT:8080"]
	    volumes: ["data:/app/backend/data"]
	volumes: {data: {}}
	YAML
	docker compose -p "$PREFIX" -f "$SITE/start/docker-compose.yml" up -d 2>"$SITE/up" || complain "$(cat "$SITE/up")"
	site_wait && site_fill 1
	expect 0 belay adopt --compose-project "$PREFIX" --compose-service webui
	expect_text out "^image-tag +v0.7.2 +'$SITE/start/docker-compose.yml', line 12"
	expect 0 belay check --json
	[ -z "$(jq -r 'select(.event == "check" and .state != "ok") | .id' "$SITE/out")" ]
	expect 0 belay backup

	docker rm -f "$PREFIX-webui-1" >/dev/null
	docker volume rm "${PREFIX}_data" >/dev/null
	cp "$SITE/start/docker-compose.yml" "$SITE/file" && rm "$SITE/start/docker-compose.yml"
	set=$(ls -d "$SITE/start/backups"/*)
	sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$set/RESTORE.md" >"$SITE/guide.sh"
	bash "$SITE/guide.sh" >"$SITE/guide.out" 2>&1 </dev/null || complain "$(cat "$SITE/guide.out")"
	site_wait && site_reads_back
	cmp "$SITE/file" "$SITE/start/docker-compose.yml"
	[ "$(docker exec "$PREFIX-webui-1" cat .webui_secret_key)" = "$(cat "$set/secret_key")" ]
}
