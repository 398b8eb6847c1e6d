# container.sh - Open WebUI in Docker containers for tests: images in the official layout, a network,
# a database, a container as compose would make it. Read after site.sh and postgres.sh.

# webui_image VERSION: the stand-in as an image.
webui_image() {
	docker image inspect "belay-test/standin:v$1" >/dev/null 2>&1 && return 0
	image_env=$(mktemp -d) &&
		uv venv -q -p /usr/bin/python3 "$image_env/env" &&
		uv pip install -q -p "$image_env/env/bin/python" --no-index --find-links "$CACHE/wheelhouse" \
			"open-webui[postgres]==$1" &&
		"$ROOT/tools/make-webui-image" "$image_env/env" "belay-test/standin:v$1"
	made=$?
	rm -rf "$image_env"
	return $made
}

# A site whose names in Docker all begin with $PREFIX; docker_site_remove takes them away again.
docker_site_new() {
	site_new "$1"
	PREFIX=belay-$$-$BATS_TEST_NUMBER-$1
	{
		echo "PREFIX=$PREFIX"
		echo "SITE_KIND=container"
	} >>"$SITE/site.env"
	docker network create "$PREFIX" >/dev/null
}

docker_site_remove() {
	docker ps -aq --filter "name=$PREFIX" | xargs -r docker rm -fv >/dev/null
	docker network ls -q --filter "name=$PREFIX" | xargs -r docker network rm >/dev/null
	docker volume ls -q --filter "name=$PREFIX" | xargs -r docker volume rm >/dev/null
	# Belay's own names stay: a site of that name in another test has the same.
	docker images --format '{{.Repository}}:{{.Tag}}' |
		grep "^localhost:1/$PREFIX-" | xargs -r docker rmi >/dev/null 2>&1 || true
	rm -rf "$SITE"
}

# PostgreSQL that only the network sees, as `db`.
docker_database() {
	docker run -d --stop-signal INT --name "$PREFIX-db" --network "$PREFIX" --network-alias db \
		-e POSTGRES_USER=owui -e POSTGRES_PASSWORD=s3cret-of-db -e POSTGRES_DB=openwebui \
		belay-test/postgres:15 >/dev/null
	for _ in $(seq 150); do
		docker exec "$PREFIX-db" psql -U owui -h 127.0.0.1 -d openwebui -qXc 'SELECT 1' >/dev/null 2>&1 && return 0
		docker exec -e PGPASSWORD=s3cret-of-db "$PREFIX-db" psql -U owui -h 127.0.0.1 -d openwebui \
			-qXc 'SELECT 1' >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	complain "the database does not come up" "$(docker logs "$PREFIX-db" 2>&1 | tail -n 5)"
}

# docker_webui [ARGUMENTS OF docker run ...]: on a volume of its own, published.
docker_webui() {
	# shellcheck disable=SC2046
	docker run -d --name "$PREFIX-webui" --network "$PREFIX" -p "127.0.0.1:$SITE_PORT:8080" \
		-v "$PREFIX-data:/app/backend/data" $(printf -- '-e %s ' $SITE_QUIET) "$@" \
		belay-test/standin:v0.7.2 >/dev/null && site_wait
}

# The labels that compose gives to what it makes.
compose_labels() {
	printf -- '--label com.docker.compose.%s ' "project=$PREFIX" "service=webui" oneoff=False \
		"project.working_dir=$SITE/start" "project.config_files=$SITE/start/compose.yaml"
}

# docker_images_ready VERSION ...: for setup_file. Leaves a file `ready`, or `why` not.
docker_images_ready() {
	docker_ready >"$BATS_FILE_TMPDIR/why" 2>&1 || return 0
	sh "$ROOT/tests/standin/make-wheelhouse" "$CACHE/wheelhouse"
	"$ROOT/tools/make-postgres-image" >"$BATS_FILE_TMPDIR/image" 2>&1 &&
		for version; do
			webui_image "$version" >>"$BATS_FILE_TMPDIR/image" 2>&1 || break
		done || {
		echo "the images cannot be made: $(tail -n 1 "$BATS_FILE_TMPDIR/image")" >"$BATS_FILE_TMPDIR/why"
		return 0
	}
	touch "$BATS_FILE_TMPDIR/ready"
}

# What must be the same of a container that was made anew, whatever its image.
docker_config() {
	docker inspect "$1" | jq -S '.[0] | {
		env: (.Config.Env | sort), labels: .Config.Labels, user: .Config.User, command: .Config.Cmd,
		entry: .Config.Entrypoint, host: (.HostConfig | del(.Binds)),
		mounts: ([.Mounts[] | {Type, Name, Source, Destination, RW}] | sort_by(.Destination)),
		ports: .NetworkSettings.Ports,
		networks: (.NetworkSettings.Networks | map_values({aliases: ((.Aliases // []) - [""] | map(select(test("^[0-9a-f]{12}$") | not)))}))}'
}

# The id of the last run.
newest_run() {
	"$BELAY" --site "$SITE_FILE" history --json | jq -r 'select(.event == "result") | .runs[0].run'
}
