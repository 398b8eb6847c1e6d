#!/usr/bin/env bats
# Open WebUI in Docker: what adopt finds, what status and check say, what is refused. The release is
# the stand-in, in an image of the official layout.

IMAGES=0.7.2
load ../harness/container_file

server_of() {
	for pid in $(docker top "$1" -eo pid,args | awk '/uvicorn/ {print $1}'); do echo "$pid"; done | head -n 1
}

# The commands of RESTORE.md, from top to bottom. There is no compose plugin here: its line may fail.
type_guide() {
	sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$1/RESTORE.md" >"$SITE/guide.sh"
	bash "$SITE/guide.sh" >"$SITE/guide.out" 2>&1 </dev/null || complain "$(cat "$SITE/guide.out")"
}

@test "a plain container with SQLite: found, adopted, looked at" {
	docker_site_new alpha && docker_webui && site_fill 1
	expect 0 belay adopt --print --pid "$(server_of "$PREFIX-webui")"
	for text in "^image .*standin:v0.7.2" "^version +0.7.2" "^port +$SITE_PORT" "$PREFIX-data" \
		'^secret-key +/app/backend/.webui_secret_key .*goes with it'; do
		expect_text out "$text"
	done
	[ ! -e "$SITE_FILE" ] && [ -z "$(ls "$SITE/state")" ]

	expect 0 belay adopt --pid "$(server_of "$PREFIX-webui")"
	expect_text "$SITE_NAME.conf" '^service = container'
	# The key that would die with the container, as start.sh takes it: without the end of the line.
	key=$(docker exec "$PREFIX-webui" cat .webui_secret_key)
	[ "$(od -c <"$SITE/state/$SITE_NAME/webui_secret_key")" = "$(printf %s "$key" | od -c)" ]
	[ "$(stat -c %a "$SITE/state/$SITE_NAME/webui_secret_key")" = 600 ]
	! grep -qF "$key" "$SITE/out" "$SITE/err" "$SITE_FILE" || false

	expect 0 belay status
	expect_text out "^running +0.7.2, process $(docker inspect -f '{{.State.Pid}}' "$PREFIX-webui"), port $SITE_PORT"
	expect_text out "^service +container $PREFIX-webui"
	expect_text out "^revision +c440947495f3"
	expect 0 belay check

	# A proven set, and the way back that it describes, typed as it stands there.
	expect 0 belay backup
	set=$(ls -d "$SITE/state/$SITE_NAME/backups"/*)
	[ "$(cat "$set/secret_key")" = "$key" ]
	expect 0 belay verify
	api_json POST /api/v1/notes/create '{"title":"later"}' >/dev/null
	docker exec "$PREFIX-webui" sh -c 'rm .webui_secret_key data/uploads/*'
	type_guide "$set"
	site_wait && site_reads_back
	[ "$(docker exec "$PREFIX-webui" python3 -c "import sqlite3
print(sqlite3.connect('data/webui.db').execute('SELECT count(*) FROM note').fetchone()[0])")" = 1 ]
	mkdir "$SITE/new"
	BELAY_STATE_DIR=$SITE/new expect 3 belay --site "$SITE/new/delta.conf" restore "$set" --yes
	expect_text err "follow '$set/RESTORE.md'"

	[ "$(site_version)" = 0.7.2 ] && site_reads_back

	# By hand there, too: the same commands where nothing is left of it.
	docker_config "$PREFIX-webui" >"$SITE/config"
	docker rm -f "$PREFIX-webui" >/dev/null
	docker volume rm "$PREFIX-data" >/dev/null
	docker network rm "$PREFIX" >/dev/null
	type_guide "$set"
	site_wait && site_reads_back
	docker_config "$PREFIX-webui" | diff "$SITE/config" - >&2
	[ "$(docker exec "$PREFIX-webui" cat .webui_secret_key)" = "$key" ]
	# And where another image serves: its container is kept, and does not come back by itself.
	docker commit "$PREFIX-webui" "localhost:1/$PREFIX-other:v1" >/dev/null
	docker rm -f "$PREFIX-webui" >/dev/null
	docker run -d --name "$PREFIX-webui" --restart always --network "$PREFIX" "localhost:1/$PREFIX-other:v1" sleep 600 >/dev/null
	type_guide "$set"
	site_wait && site_reads_back
	docker_config "$PREFIX-webui" | diff "$SITE/config" - >&2
	[ "$(docker inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.State.Running}}' \
		"$(docker ps -aq --filter "name=$PREFIX-webui.before_")")" = "no false" ]

	# Made anew by somebody: it has another key, and the old one is not lost.
	docker rm -f "$PREFIX-webui" >/dev/null
	expect 0 belay status
	expect_text out "unknown: there is no container '$PREFIX-webui'"
	docker_webui
	expect 3 belay check
	expect_text out 'another secret key'
	expect 0 belay adopt --webui-container "$PREFIX-webui"
	[ "$(cat "$SITE/state/$SITE_NAME"/webui_secret_key.????????)" = "$key" ]
	[ "$(cat "$SITE/state/$SITE_NAME/webui_secret_key")" = "$(docker exec "$PREFIX-webui" cat .webui_secret_key)" ]
	expect 0 belay check
}

@test "a compose service with PostgreSQL that no port is published of" {
	docker_site_new beta && docker_database
	printf 'services:\n  webui:\n    image: belay-test/standin:${TAG}\n' >"$SITE/start/compose.yaml"
	echo 'TAG="v0.7.2" # pinned' >"$SITE/start/.env"
	# shellcheck disable=SC2046
	docker_webui $(compose_labels) -e DATABASE_URL=postgresql://owui:s3cret-of-db@db:5432/openwebui \
		-e WEBUI_SECRET_KEY=s3cret-of-webui
	site_fill 1
	expect 0 belay adopt --compose-project "$PREFIX" --compose-service webui
	expect_text out "^container +$PREFIX-db"
	expect_text out "^image-tag +v0.7.2 +variable TAG in '$SITE/start/.env', line 1"
	expect_text "$SITE_NAME.conf" '^service = compose'
	expect_text "$SITE_NAME.conf" "^compose_files = $SITE/start/compose.yaml"
	expect_text "$SITE_NAME.conf" "^start_directory = $SITE/start\$"
	[ ! -e "$SITE/state/$SITE_NAME/webui_secret_key" ]
	! grep -q s3cret-of "$SITE/out" "$SITE/err" "$SITE_FILE" || false
	expect 0 belay status
	expect_text out "^service +service webui of the compose project $PREFIX"
	expect_text out '^database +PostgreSQL 15'
	expect_text out '^revision +c440947495f3'
	expect 0 belay check

	# The set has what names the image, and goes back by hand.
	expect 0 belay backup
	set=$(ls -d "$SITE/start/backups"/*)
	cmp "$SITE/start/compose.yaml" "$set/compose-1-compose.yaml"
	cmp "$SITE/start/.env" "$set/compose-2-.env"
	jq -e '.proven and .image == "belay-test/standin:v0.7.2"' "$set/manifest.json" >/dev/null
	[ -z "$(find "$set" -maxdepth 1 -type f -perm /077)" ]
	grep -qF "docker compose -p $PREFIX -f $SITE/start/compose.yaml up --no-start --no-deps webui" "$set/RESTORE.md"
	api_json POST /api/v1/notes/create '{"title":"later"}' >/dev/null
	type_guide "$set"
	site_wait && site_reads_back
	[ "$(docker exec "$PREFIX-db" psql -U owui -d openwebui -AtXqc 'SELECT count(*) FROM note')" = 1 ]
	expect 0 belay verify

	# The files say something else than what runs, or what cannot be changed.
	echo 'TAG=v0.8.0' >"$SITE/start/.env"
	expect 3 belay check
	expect_text out "made from image 'belay-test/standin:v0.7.2', but the files of the project say '.*:v0.8.0'"
	rm "$SITE/start/.env"
	expect 3 belay check
	expect_text out "is not set in '.env'"
	printf 'services:\n  webui:\n    image: [\n' >"$SITE/start/compose.yaml"
	expect 3 belay check
	expect_text out "'$SITE/start/compose.yaml' is no valid YAML: line"
	printf 'services:\n  webui:\n    image: belay-test/standin:{{ tag }}\n' >"$SITE/start/compose.yaml"
	expect 3 belay check
	expect_text out 'it looks like a template'
	rm "$SITE/start/compose.yaml"
	expect 3 belay check
	expect_text out "$SITE/start/compose.yaml.*No such file"
	printf 'services:\n  webui:\n    image: belay-test/standin:v0.7.2\n' >"$SITE/start/compose.yaml"
	expect 0 belay check

	# Another address after a restart of the database: it is asked for anew each time.
	docker stop "$PREFIX-db" >/dev/null
	expect 0 belay status
	expect_text out "unknown: container '$PREFIX-db' of the database is not running"
	docker run -d --name "$PREFIX-x" --network "$PREFIX" belay-test/standin:v0.7.2 sleep 60 >/dev/null
	docker start "$PREFIX-db" >/dev/null
	for _ in $(seq 100); do
		belay status
		! grep -q '^revision' "$SITE/out" || break
		sleep 0.2
	done
	expect_text out '^revision +c440947495f3'
}

@test "what is refused: replicas, a second project of the name, no volume, no port, a swarm's task" {
	docker_site_new gamma
	# shellcheck disable=SC2046
	docker_webui $(compose_labels)
	# shellcheck disable=SC2046
	docker run -d --name "$PREFIX-webui-2" $(compose_labels) belay-test/standin:v0.7.2 sleep 60 >/dev/null
	expect 3 belay adopt --print --pid "$(server_of "$PREFIX-webui")"
	expect_text err 'has 2 containers'
	docker rm -f "$PREFIX-webui-2" >/dev/null
	# shellcheck disable=SC2046
	docker run -d --name "$PREFIX-webui-2" $(compose_labels | sed "s|working_dir=$SITE|working_dir=/other|") \
		belay-test/standin:v0.7.2 sleep 60 >/dev/null
	expect 3 belay adopt --print --pid "$(server_of "$PREFIX-webui")"
	expect_text err "two compose projects have the name '$PREFIX'"
	docker rm -f "$PREFIX-webui-2" >/dev/null

	docker run -d --name "$PREFIX-bare" -p "127.0.0.1:$(free_port):8080" belay-test/standin:v0.7.2 sleep 60 >/dev/null
	expect 3 belay adopt --print --webui-container "$PREFIX-bare"
	expect_text err "lies in no volume"
	expect_text err "docker cp $PREFIX-bare:/app/backend/data"
	docker run -d --name "$PREFIX-shut" -v "$PREFIX-data:/app/backend/data" belay-test/standin:v0.7.2 sleep 60 >/dev/null
	expect 3 belay adopt --print --webui-container "$PREFIX-shut"
	expect_text err 'publishes no port'
	docker run -d --name "$PREFIX-shared" --network "container:$PREFIX-shut" -v "$PREFIX-data:/app/backend/data" \
		belay-test/standin:v0.7.2 sleep 60 >/dev/null
	expect 3 belay adopt --print --webui-container "$PREFIX-shared"
	expect_text err "container '$PREFIX-shared' shares the network of another one"
	# Another user may ask the engine, but not read the volume.
	mkdir -m 777 "$SITE/open" && chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR" && cp "$BELAY" "$SITE/open"
	status=0
	HOME=$SITE/open BELAY_STATE_DIR=$SITE/open setpriv --reuid=4711 --regid=4711 \
		--groups="$(stat -c %g /var/run/docker.sock)" "$SITE/open/belay" --site "$SITE/open/x.conf" \
		adopt --webui-container "$PREFIX-webui" >"$SITE/out" 2>"$SITE/err" || status=$?
	[ "$status" = 3 ] || complain "$(cat "$SITE/out" "$SITE/err")"
	expect_text err 'is closed to this user'
	expect_text err 'sudo belay adopt'
	docker run -d --name "$PREFIX-task" --label com.docker.swarm.service.name=chat belay-test/standin:v0.7.2 sleep 60 >/dev/null
	expect 3 belay adopt --print --webui-container "$PREFIX-task"
	expect_text err "swarm service 'chat'"
	expect 1 belay adopt --print --webui-container "$PREFIX-absent"
	expect_text err 'docker ps -a'
	docker run -d --name "$PREFIX-other" -v "$PREFIX-data:/app/backend/data" belay-test/postgres:15 sleep 60 >/dev/null
	expect 1 belay adopt --print --webui-container "$PREFIX-other"
	expect_text err 'is no Open WebUI'

	DOCKER_HOST=tcp://127.0.0.1:2375 expect 3 belay adopt --print --webui-container "$PREFIX-webui"
	expect_text err 'without TLS'
	DOCKER_HOST=tcp://192.0.2.1:2376 DOCKER_TLS_VERIFY=1 expect 3 belay adopt --print --webui-container "$PREFIX-webui"
	expect_text err 'only an engine of this machine'
	DOCKER_HOST=unix://$SITE/none expect 1 belay adopt --print --webui-container "$PREFIX-webui"
	expect_text err 'systemctl start docker'
}
