#!/usr/bin/env bats
# A Docker engine of the test's own: images pulled from a registry, over TLS; what cannot be pulled, and a
# full disk; an engine that dies while the site is dark. The releases are the stand-in's.

OWN_TAGS="v0.7.2 v0.8.0"
load ../harness/container_file

setup_file() {
	docker_images_ready 0.7.2 0.8.0
	[ -e "$BATS_FILE_TMPDIR/ready" ] || return 0
	[ "$(id -u)" = 0 ] || {
		rm "$BATS_FILE_TMPDIR/ready"
		echo "only root can start an engine" >"$BATS_FILE_TMPDIR/why"
		return 0
	}
	mkdir -p "$BATS_FILE_TMPDIR/images" "$BATS_FILE_TMPDIR/engine/data"
	# shellcheck disable=SC2046
	docker save $(printf 'belay-test/standin:%s ' $OWN_TAGS) | tar -x -C "$BATS_FILE_TMPDIR/images"
	mount -t tmpfs -o size=1500m none "$BATS_FILE_TMPDIR/engine/data"
	export REGISTRY REGISTRY_PID TLS_PORT OWN_ENGINE DOCKER_HOST
	REGISTRY=$(free_port) TLS_PORT=$(free_port)
	"$PYTHON" "$ROOT/tests/harness/registry.py" "$REGISTRY" "$BATS_FILE_TMPDIR/images" \
		>"$BATS_FILE_TMPDIR/asked" 2>&1 </dev/null 3>&- &
	REGISTRY_PID=$!
	make_certs "$BATS_FILE_TMPDIR/certs" >"$BATS_FILE_TMPDIR/openssl" 2>&1
	engine_up
	for _ in $(seq 100); do
		! grep -q ready "$BATS_FILE_TMPDIR/asked" || return 0
		sleep 0.1
	done
	complain "the registry does not start" "$(cat "$BATS_FILE_TMPDIR/asked")"
}

teardown_file() {
	engine_own_end
	[ -z "${REGISTRY_PID:-}" ] || kill "$REGISTRY_PID"
}

setup() {
	container_file_setup
	IMAGE=127.0.0.1:$REGISTRY/team/chat
}

# For the engine and for whoever asks it, from an authority of the test's own.
make_certs() {
	mkdir -p "$1/client" "$1/engine"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout "$1/authority.key" -out "$1/ca.pem"
	for side in client engine; do
		echo "subjectAltName = IP:127.0.0.1" >"$1/extensions"
		openssl req -newkey rsa:2048 -nodes -subj "/CN=$side" -keyout "$1/$side/key.pem" -out "$1/request"
		openssl x509 -req -in "$1/request" -CA "$1/ca.pem" -CAkey "$1/authority.key" -CAcreateserial -days 2 \
			-extfile "$1/extensions" -out "$1/$side/cert.pem"
		cp "$1/ca.pem" "$1/$side"
	done
}

engine_up() {
	certs=$BATS_FILE_TMPDIR/certs/engine
	engine_own "$BATS_FILE_TMPDIR/engine" -H "tcp://127.0.0.1:$TLS_PORT" --tlsverify \
		--tlscacert "$certs/ca.pem" --tlscert "$certs/cert.pem" --tlskey "$certs/key.pem"
}

# chat_run IMAGE [ARGUMENTS OF docker run ...]: a network of its own the engine has not.
chat_run() {
	image=$1
	shift
	# shellcheck disable=SC2046
	docker run -d --name "$PREFIX-webui" --network host -v "$PREFIX-data:/app/backend/data" \
		$(printf -- '-e %s ' $SITE_QUIET "HOST=127.0.0.1" "PORT=$SITE_PORT" "WEBUI_SECRET_KEY=s3cret-of-webui") \
		"$@" "$image" >/dev/null && site_wait
}

digest_of() {
	docker image inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$1" | sed -n "s|^$IMAGE@||p"
}

untouched() {
	[ "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-webui")" = "$first" ] || complain "it was touched"
}

@test "a service pinned to a digest: pulled by an engine reached over TLS, and back without the registry" {
	docker_site_new alpha bare
	docker pull -q "$IMAGE:v0.7.2"
	old=$(digest_of "$IMAGE:v0.7.2")
	printf 'services:\n  webui:\n    image: "%s"\n' "$IMAGE:v0.7.2@$old" >"$SITE/start/compose.yaml"
	cp "$SITE/start/compose.yaml" "$SITE/before.yaml"
	# shellcheck disable=SC2046
	chat_run "$IMAGE:v0.7.2@$old" --restart always $(compose_labels)
	site_fill 1
	first=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-webui")

	DOCKER_HOST=tcp://127.0.0.1:$TLS_PORT expect 3 belay adopt --print --compose-project "$PREFIX" --compose-service webui
	expect_text err 'without TLS'
	# Somebody else's client: the engine does not talk to it.
	mkdir "$SITE/stranger" && cp "$BATS_FILE_TMPDIR/certs/client/ca.pem" "$SITE/stranger"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stranger -keyout "$SITE/stranger/key.pem" \
		-out "$SITE/stranger/cert.pem" 2>/dev/null
	DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$SITE/stranger DOCKER_HOST=tcp://127.0.0.1:$TLS_PORT \
		expect 1 belay adopt --print --compose-project "$PREFIX" --compose-service webui
	DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$BATS_FILE_TMPDIR/certs/client DOCKER_HOST=tcp://127.0.0.1:$TLS_PORT \
		expect 0 belay adopt --compose-project "$PREFIX" --compose-service webui --watch 0
	expect_text "$SITE_NAME.conf" "^docker_host = tcp://127.0.0.1:$TLS_PORT\$"
	expect_text "$SITE_NAME.conf" "^docker_cert_path = $BATS_FILE_TMPDIR/certs/client\$"

	# The site file is enough: whoever resumes after a power cut has no such variables.
	DOCKER_HOST=unix:///nowhere expect 0 belay upgrade 0.8.0 --plan --json
	untouched
	new=$(digest_of "$IMAGE:v0.8.0")
	[ "$(jq -r 'select(.event == "progress") | .text' "$SITE/out" | grep -c 'v0.8.0.*Pull complete')" -ge 1 ]
	jq -se --arg old "$IMAGE@$old" --arg new "$IMAGE@$new" '[.[] | select(.event == "result") | .plan.image][0] |
		.from_digest == $old and .to_digest == $new and (.to_id | startswith("sha256:"))' "$SITE/out" >/dev/null
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out "^image +$IMAGE:v0.7.2@$old -> $IMAGE:v0.8.0"
	expect_text out "^digest +$(echo "$old" | cut -c -19) -> $(echo "$new" | cut -c -19)"
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ] && site_reads_back
	sed "s|v0.7.2@$old|v0.8.0@$new|" "$SITE/before.yaml" | cmp - "$SITE/start/compose.yaml"
	jq -e --arg new "$IMAGE@$new" 'select(.digest == $new)' "$SITE/state/$SITE_NAME"/images/*/image.json >/dev/null
	expect 0 belay check
	expect 0 belay backup
	set=$(newest_set)
	[ "$(jq -r .image_digest "$set/manifest.json")" = "$IMAGE@$new" ]
	grep -qF "docker pull $IMAGE@$new" "$set/RESTORE.md"

	asked=$(wc -l <"$BATS_FILE_TMPDIR/asked")
	expect 0 belay rollback --yes --accept-loss
	[ "$(site_version)" = 0.7.2 ] && site_reads_back
	cmp "$SITE/before.yaml" "$SITE/start/compose.yaml"
	[ "$(wc -l <"$BATS_FILE_TMPDIR/asked")" = "$asked" ] || complain "the registry was asked on the way back"
}

@test "what cannot be pulled leaves the site alone: no such tag, another kind of machine, a full disk" {
	docker_site_new beta bare
	docker pull -q "$IMAGE:v0.7.2"
	for kind in '' -arm64 -index; do
		docker tag "$IMAGE:v0.7.2" "$IMAGE-other:v0.7.2$kind"
	done
	chat_run "$IMAGE:v0.7.2" && site_fill 1
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	first=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-webui")
	expect 3 belay upgrade 0.8.4 --yes
	expect_text err "there is no image '$IMAGE:v0.8.4'"
	expect_text err '\-\-image-file'
	untouched

	docker rmi -f "$IMAGE:v0.8.0" >/dev/null 2>&1 || true
	docker images -q 'belay.local/*' | sort -u | xargs -r docker rmi -f >/dev/null 2>&1 || true
	room=$(($(df -k --output=avail "$OWN_ENGINE/data" | tail -n 1) - 2048))
	head -c "${room}k" /dev/zero >"$OWN_ENGINE/data/filler"
	expect 1 belay upgrade 0.8.0 --yes
	rm "$OWN_ENGINE/data/filler"
	expect_text err "image '$IMAGE:v0.8.0': .*no space left on device"
	untouched
	[ "$(site_version)" = 0.7.2 ] && site_reads_back

	for kind in -arm64 -index; do
		docker rm -f "$PREFIX-webui" >/dev/null
		chat_run "$IMAGE-other:v0.7.2$kind"
		first=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-webui")
		expect 3 belay upgrade 0.8.0 --yes
		expect_text err "image '$IMAGE-other:v0.8.0$kind' is (for linux/arm64, and this machine is linux|not made for)"
		untouched
	done
}

# Containers that a restart policy brings up again are up when it answers.
engine_crashes() {
	engine_own_kill
	engine_up
}

@test "an engine that dies in the dark and comes up again starts nothing, with restart: always" {
	docker_site_new gamma bare
	docker pull -q "$IMAGE:v0.7.2" && docker pull -q "$IMAGE:v0.8.0"
	chat_run "$IMAGE:v0.7.2" --restart always && site_fill 1
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	engine_crashes
	site_wait && site_reads_back

	# Before the databases change places, and after.
	for point in 1 2; do
		BELAY_FAULT=kill@path-exchange:$point belay upgrade 0.8.0 --yes --skip-rehearsal
		[ "$status" = 137 ]
		engine_crashes
		[ -z "$(docker ps -q)" ] || complain "at exchange $point: started: $(docker ps)"
		expect 5 belay status --check
		expect 0 belay resume --undo --yes
		[ "$(site_version)" = 0.7.2 ] && site_reads_back
	done

	# It dies under belay's hands: belay says what to type when it is back.
	belay_until path-exchange:2 upgrade 0.8.0 --yes --skip-rehearsal
	engine_own_kill
	kill -CONT "$stopped"
	status=0
	wait "$stopped" || status=$?
	[ "$status" = 5 ] || complain "status $status" "$(cat "$SITE/err")"
	expect_text err 'belay resume'
	engine_up
	[ -z "$(docker ps -q)" ] || complain "started: $(docker ps)"
	expect 0 belay resume --finish --yes
	[ "$(site_version)" = 0.8.0 ] && site_reads_back
	[ "$(docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' "$PREFIX-webui")" = always ]
	engine_crashes
	site_wait && [ "$(site_version)" = 0.8.0 ]
}
