#!/usr/bin/env bats
# The real Open WebUI in images of the official layout, 0.7.2 to 0.8.0 and back: a service of a compose
# project, with PostgreSQL in the same project. See 5-compose.bats for where the plugin comes from.

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	. "$ROOT/tests/harness/container.sh"
	[ ! -e "$CACHE/docker" ] || export DOCKER_CONFIG="$CACHE/docker"
	docker compose version >/dev/null 2>&1 || {
		echo "no compose plugin; tools/make-compose-plugin '$CACHE/docker' makes one" >"$BATS_FILE_TMPDIR/why"
		return 0
	}
	docker_images_ready || return 0
	for version in 0.7.2 0.8.0; do
		template=$(real_template real $version) &&
			"$ROOT/tools/make-webui-image" "$template" "belay-test/open-webui:v$version" >&2 || {
			echo "the images cannot be made" >"$BATS_FILE_TMPDIR/why"
			rm -f "$BATS_FILE_TMPDIR/ready"
		}
	done
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

@test "the real 0.7.2 to 0.8.0 and back, as a service of compose" {
	docker_site_new alpha
	cat >"$SITE/start/docker-compose.yml" <<-YAML
	services:
	  db:
	    image: belay-test/postgres:15
	    stop_signal: SIGINT
	    environment: {POSTGRES_USER: owui, POSTGRES_PASSWORD: s3cret-of-db, POSTGRES_DB: openwebui}
	    healthcheck: {test: [CMD, psql, -U, owui, -d, openwebui, -c, SELECT 1], interval: 1s, retries: 60}
	  webui:
	    image: belay-test/open-webui:v0.7.2 # the one that serves
	    depends_on: {db: {condition: service_healthy}}
	    environment:
	      DATABASE_URL: postgresql://owui:s3cret-of-db@db:5432/openwebui
	$(for word in $SITE_QUIET; do echo "      ${word%%=*}: \"${word#*=}\""; done)
	    ports: ["127.0.0.1:$SITE_PORT:8080"]
	    volumes: ["data:/app/backend/data"]
	volumes: {data: {}}
	YAML
	cp "$SITE/start/docker-compose.yml" "$SITE/before.yml"
	docker compose -p "$PREFIX" -f "$SITE/start/docker-compose.yml" up -d 2>"$SITE/up" || complain "$(cat "$SITE/up")"
	site_wait 300 && site_fill 3
	key=$(docker exec "$PREFIX-webui-1" cat .webui_secret_key)
	belay adopt --compose-project "$PREFIX" --compose-service webui --watch 0

	prober_start "$SITE/dark-up"
	expect 0 belay upgrade 0.8.0 --yes
	echo "# dark for $(prober_dark) ms on the way up" >&3
	grep -E 'stop the service|start the service|gate|dark' "$SITE/out" "$SITE/err" | sed 's/^/# /' >&3
	[ "$(site_version)" = 0.8.0 ] && site_reads_back
	[ "$(docker exec "$PREFIX-db-1" psql -U owui -d openwebui -AtXqc 'SELECT version_num FROM alembic_version')" = a1b2c3d4e5f6 ]
	[ "$(docker exec "$PREFIX-webui-1" cat .webui_secret_key)" = "$key" ]
	sed 's/open-webui:v0.7.2/open-webui:v0.8.0/' "$SITE/before.yml" | cmp - "$SITE/start/docker-compose.yml"

	prober_start "$SITE/dark-back"
	expect 0 belay rollback --yes --accept-loss
	echo "# dark for $(prober_dark) ms on the way back" >&3
	[ "$(site_version)" = 0.7.2 ] && site_reads_back
	[ "$(docker exec "$PREFIX-webui-1" cat .webui_secret_key)" = "$key" ]
	cmp "$SITE/before.yml" "$SITE/start/docker-compose.yml"
}
