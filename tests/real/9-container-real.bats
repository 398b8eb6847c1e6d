#!/usr/bin/env bats
# The real Open WebUI in images of the official layout, 0.7.2 to 0.8.0 and back: a plain container with SQLite
# in a volume; a service of a compose project, with PostgreSQL in the same project and with SQLite in a volume.
# See 5-compose.bats for where the plugin comes from.

load ../harness/container_file

setup_file() {
	docker_images_ready || return 0
	for version in 0.7.2 0.8.0; do
		template=$(real_template real $version) &&
			"$ROOT/tools/make-webui-image" "$template" "belay-test/open-webui:v$version" >&2 || {
			echo "the images cannot be made" >"$BATS_FILE_TMPDIR/why"
			rm -f "$BATS_FILE_TMPDIR/ready"
		}
	done
}

# up CONTAINER, back CONTAINER: with everything that must hold afterwards. CONTAINER is its name all along.
up() {
	key=$(docker exec "$1" cat .webui_secret_key)
	docker_config "$1" | jq 'del(.labels)' >"$SITE/config"
	prober_start "$SITE/dark-up"
	expect 0 belay upgrade 0.8.0 --yes || return 1
	echo "# dark for $(prober_dark) ms on the way up" >&3
	grep -E 'stop the service|start the service|gate|dark' "$SITE/out" "$SITE/err" | sed 's/^/# /' >&3
	[ "$(site_version)" = 0.8.0 ] && site_reads_back || return 1
	[ "$(docker exec "$1" cat .webui_secret_key)" = "$key" ] || return 1
	docker_config "$1" | jq 'del(.labels)' | diff "$SITE/config" - >&2
}

back() {
	prober_start "$SITE/dark-back"
	expect 0 belay rollback --yes --accept-loss || return 1
	echo "# dark for $(prober_dark) ms on the way back" >&3
	[ "$(site_version)" = 0.7.2 ] && site_reads_back || return 1
	[ "$(docker exec "$1" cat .webui_secret_key)" = "$key" ] || return 1
	docker_config "$1" | jq 'del(.labels)' | diff "$SITE/config" - >&2
}

# A service of compose there and back, with everything but the tag as it was.
service_there_and_back() {
	docker_site_new "$1"
	compose_real_file "$1"
	cp "$SITE/start/docker-compose.yml" "$SITE/before.yml"
	docker compose -p "$PREFIX" -f "$SITE/start/docker-compose.yml" up -d 2>"$SITE/up" || complain "$(cat "$SITE/up")"
	site_wait 300 && site_fill 3 || return 1
	belay adopt --compose-project "$PREFIX" --compose-service webui --watch 0
	up "$PREFIX-webui-1" || return 1
	sed 's/:-v0.7.2}/:-v0.8.0}/' "$SITE/before.yml" | cmp - "$SITE/start/docker-compose.yml" || return 1
	[ "$1" = sqlite ] || [ "$(docker exec "$PREFIX-db-1" psql -U owui -d openwebui -AtXqc \
		'SELECT version_num FROM alembic_version')" = a1b2c3d4e5f6 ] || return 1
	back "$PREFIX-webui-1" || return 1
	cmp "$SITE/before.yml" "$SITE/start/docker-compose.yml"
}

@test "the real 0.7.2 to 0.8.0 and back, in a plain container with SQLite in a volume" {
	docker_site_new plain
	# shellcheck disable=SC2046
	docker run -d --name "$PREFIX-webui" --restart unless-stopped -p "127.0.0.1:$SITE_PORT:8080" \
		-v "$PREFIX-data:/app/backend/data" $(printf -- '-e %s ' $SITE_QUIET) belay-test/open-webui:v0.7.2 >/dev/null
	site_wait 300 && site_fill 3
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	up "$PREFIX-webui" && back "$PREFIX-webui"
	expect 0 belay status --check
}

@test "the same as a service of compose with SQLite in a volume" {
	needs_compose
	service_there_and_back sqlite
}

@test "the same as a service of compose with PostgreSQL in the same project" {
	needs_compose
	service_there_and_back postgres
}
