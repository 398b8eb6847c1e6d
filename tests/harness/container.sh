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
# docker_site_new NAME [bare]: without a network of its own.
docker_site_new() {
	site_new "$1"
	PREFIX=belay-$$-$BATS_TEST_NUMBER-$1
	{
		echo "PREFIX=$PREFIX"
		echo "SITE_KIND=container"
	} >>"$SITE/site.env"
	[ "${2:-}" = bare ] || docker network create "$PREFIX" >/dev/null
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

# The compose plugin that tools/make-compose-plugin made, if it did.
compose_plugin_use() {
	[ ! -e "$CACHE/docker" ] || export DOCKER_CONFIG="$CACHE/docker"
}
needs_compose() {
	compose_plugin_use
	docker compose version >/dev/null 2>&1 ||
		skip "no compose plugin; tools/make-compose-plugin '$CACHE/docker' makes one"
}

# compose_hide WAY: this machine's docker program has no compose plugin from now on; and there is `old`, a
# docker-compose, or `none`.
compose_hide() {
	mkdir -p "$SITE/bin"
	printf '#!/bin/sh\n[ "$1" != compose ] || { echo "unknown command: docker compose" >&2; exit 1; }\nexec %s "$@"\n' \
		"$(command -v docker)" >"$SITE/bin/docker"
	[ "$1" != old ] ||
		printf '#!/bin/sh\nexec %s compose "$@"\n' "$(command -v docker)" >"$SITE/bin/docker-compose"
	chmod +x "$SITE"/bin/*
	PATH=$SITE/bin:$PATH
}

# compose_real_file sqlite|postgres: the file of a project with the real 0.7.2, its data in a volume; the
# database in it too, or PostgreSQL as a second service.
compose_real_file() {
	{
		echo "services:"
		[ "$1" = sqlite ] || cat <<-YAML
		  db:
		    image: belay-test/postgres:15
		    stop_signal: SIGINT
		    environment: {POSTGRES_USER: owui, POSTGRES_PASSWORD: s3cret-of-db, POSTGRES_DB: openwebui}
		    healthcheck: {test: [CMD, psql, -U, owui, -d, openwebui, -c, SELECT 1], interval: 1s, retries: 60}
		YAML
		cat <<-YAML
		  webui:
		    image: belay-test/open-webui:\${WEBUI_TAG:-v0.7.2} # the one that serves
		    ports: ["127.0.0.1:$SITE_PORT:8080"]
		    volumes: ["data:/app/backend/data"]
		YAML
		[ "$1" = sqlite ] || echo "    depends_on: {db: {condition: service_healthy}}"
		echo "    environment:"
		[ "$1" = sqlite ] || echo "      DATABASE_URL: postgresql://owui:s3cret-of-db@db:5432/openwebui"
		for word in $SITE_QUIET; do echo "      ${word%%=*}: \"${word#*=}\""; done
		echo "volumes: {data: {}}"
	} >"$SITE/start/docker-compose.yml"
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

# engine_own FOLDER [OPTION of dockerd ...]: a Docker engine of this test alone, of which one may be short
# of space or die. Its containers have the machine's network; a bridge it needs nevertheless, since an engine
# without one takes that of the others away. DOCKER_HOST leads to it from then on.
engine_own() {
	OWN_ENGINE=$1
	shift
	mkdir -p "$OWN_ENGINE"
	OWN_BRIDGE=belay$((BATS_TEST_NUMBER + $$ % 10000))
	ip link show "$OWN_BRIDGE" >/dev/null 2>&1 || {
		ip link add "$OWN_BRIDGE" type bridge
		ip addr add "10.213.$((BATS_TEST_NUMBER + $$ % 200)).1/24" dev "$OWN_BRIDGE"
		ip link set "$OWN_BRIDGE" up
	}
	export DOCKER_HOST="unix://$OWN_ENGINE/sock"
	# Nobody's child: how it ends is no news to this shell.
	(setsid dockerd --data-root "$OWN_ENGINE/data" --exec-root "$OWN_ENGINE/exec" --pidfile "$OWN_ENGINE/pid" \
		-H "$DOCKER_HOST" --bridge "$OWN_BRIDGE" --iptables=false --ip-forward=false "$@" \
		>>"$OWN_ENGINE/log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &)
	for _ in $(seq 150); do
		! docker version >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	complain "the test's own engine does not start" "$(tail -n 3 "$OWN_ENGINE/log")"
}

# As a crash ends it: its containers live on without it.
engine_own_kill() {
	for file in "$OWN_ENGINE/pid" "$OWN_ENGINE/exec/containerd/containerd.pid"; do
		died=$(cat "$file")
		kill -9 "$died" 2>/dev/null || true
		while process_lives "$died"; do sleep 0.05; done
		rm -f "$file"
	done
}

# Ends it and everything that it mounted; its containers go.
engine_own_end() {
	[ -n "${OWN_ENGINE:-}" ] || return 0
	docker ps -aq | xargs -r docker rm -fv >/dev/null 2>&1 || true
	died=$(cat "$OWN_ENGINE/pid" 2>/dev/null) && kill "$died"
	while [ -n "$died" ] && process_lives "$died"; do sleep 0.1; done
	awk -v below="$OWN_ENGINE/" 'index($2, below) == 1 { print $2 }' /proc/self/mounts | sort -r |
		xargs -r umount -l
	ip link del "$OWN_BRIDGE"
	unset DOCKER_HOST
}
