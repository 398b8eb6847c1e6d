#!/usr/bin/env bats
# A plain container up and back: SQLite in a volume, and PostgreSQL that only its network sees. The
# releases are the stand-in's, in images of the official layout.

IMAGES="0.7.2 0.8.0 0.8.1"
load ../harness/container_file

# Nothing of a rehearsal or a migration is left.
nothing_left() {
	left=$(docker ps -aq --filter "label=belay.throwaway=$SITE/state/$SITE_NAME")
	[ -z "$left" ] && [ -z "$(ls "$SITE/state/$SITE_NAME/releases")" ] ||
		complain "left over: $left $(ls "$SITE/state/$SITE_NAME/releases")"
}

@test "SQLite in a volume, the key only in the container: up, back, and up again" {
	docker_site_new alpha
	docker_webui --restart unless-stopped -e GREETING='a b"c' --label team=ops --memory 1g --cap-drop NET_RAW \
		--add-host gate.example:192.0.2.7 --network-alias chat -v "$PREFIX-more:/more:ro" -v /etc/ssl/certs:/certs:ro
	docker network create "$PREFIX-second" >/dev/null
	docker network connect --alias helper "$PREFIX-second" "$PREFIX-webui"
	site_fill 3
	key=$(docker exec "$PREFIX-webui" cat .webui_secret_key)
	docker_config "$PREFIX-webui" >"$SITE/config"
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	first=$(docker inspect -f '{{.Id}}' "$PREFIX-webui")

	expect 0 belay upgrade 0.8.0 --plan
	expect_text out '^image +belay-test/standin:v0.7.2 -> belay-test/standin:v0.8.0'
	prober_start "$SITE/dark-up"
	expect 0 belay upgrade 0.8.0 --yes
	echo "# dark for $(prober_dark) ms on the way up" >&3
	[ "$(site_version)" = 0.8.0 ] && site_reads_back
	[ "$(docker exec "$PREFIX-webui" cat .webui_secret_key)" = "$key" ]
	docker_config "$PREFIX-webui" | diff "$SITE/config" - >&2
	nothing_left
	# The one from before is kept, and neither a reboot nor its old name starts it.
	kept=$PREFIX-webui.belay-$(newest_run)
	[ "$(docker inspect -f '{{.Id}} {{.State.Running}} {{.HostConfig.RestartPolicy.Name}}' "$kept")" = "$first false no" ]
	docker image inspect "belay.local/alpha:0.7.2-$(docker inspect -f '{{.Image}}' "$kept" | cut -c 8-19)" >/dev/null
	expect 0 belay status
	expect_text out '^way back +0.7.2'

	# No network, no registry: the name of the old image is gone, and it is there all the same.
	docker rmi belay-test/standin:v0.7.2 >/dev/null
	prober_start "$SITE/dark-back"
	expect 0 belay rollback --yes --accept-loss
	echo "# dark for $(prober_dark) ms on the way back" >&3
	[ "$(site_version)" = 0.7.2 ] && site_reads_back
	[ "$(docker exec "$PREFIX-webui" cat .webui_secret_key)" = "$key" ]
	docker_config "$PREFIX-webui" | diff "$SITE/config" - >&2
	[ "$(docker inspect -f '{{.Config.Image}}' "$PREFIX-webui")" = belay-test/standin:v0.7.2 ]

	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ] && site_reads_back
	# The older ways back were given up, with their containers.
	[ "$(docker ps -aq --filter "name=$PREFIX-webui.belay-" | wc -l)" = 1 ]
	expect 0 belay prune --way-back "$(newest_run)" --yes
	[ -z "$(docker ps -aq --filter "name=$PREFIX-webui.belay-")" ]
	! grep -rqF "$key" "$SITE/state/$SITE_NAME/runs" "$SITE/out" "$SITE/err" || complain "the key was told"
}

@test "PostgreSQL in the same network, no port published: users read on, up and back" {
	docker_site_new beta && docker_database
	docker_webui --restart always -e DATABASE_URL=postgresql://owui:s3cret-of-db@db:5432/openwebui \
		-e UVICORN_WORKERS=1
	site_fill 3
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	argv_watch
	expect 0 belay rehearse 0.8.0
	expect_text out 'rehearsed'
	nothing_left
	expect 0 belay upgrade 0.8.0 --yes --json
	[ "$(jq -r 'select(.event == "result") | .read_only_ms > 0' "$SITE/out")" = true ]
	[ "$(site_version)" = 0.8.0 ] && site_reads_back
	[ "$(docker exec "$PREFIX-db" psql -U owui -d openwebui -AtXqc 'SELECT version_num FROM alembic_version')" = a1b2c3d4e5f6 ]
	nothing_left
	api_json POST /api/v1/notes/create '{"title":"later"}' >/dev/null
	expect 3 belay rollback --yes
	expect 0 belay rollback --yes --accept-loss
	expect_text err "kept in"
	[ "$(site_version)" = 0.7.2 ] && site_reads_back
	argv_watch_end
	! grep -qF s3cret-of-db "$SITE/argv" || complain "the password was in an argument list"
	seen=$(grep -rlF s3cret-of-db "$SITE/state/$SITE_NAME" "$SITE/out" "$SITE/err" | grep -vE '/(recipe\.json|backups/.*)$' || true)
	[ -z "$seen" ] || complain "the password is in: $seen"
}

@test "a user of its own, a folder of this machine for the data, the network of this machine" {
	docker_site_new epsilon bare
	install -d -o 4711 -g 4712 "$SITE/chat" && chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$BATS_TEST_TMPDIR"
	# shellcheck disable=SC2046
	docker run -d --name "$PREFIX-webui" --restart always --user 4711:4712 --network host -v "$SITE/chat:/app/backend/data" \
		$(printf -- '-e %s ' $SITE_QUIET "PORT=$SITE_PORT" HOST=127.0.0.1 WEBUI_SECRET_KEY=s3cret-of-webui) \
		belay-test/standin:v0.7.2 >/dev/null
	site_wait && site_fill 1
	docker_config "$PREFIX-webui" >"$SITE/config"
	expect 0 belay adopt --webui-container "$PREFIX-webui" --watch 0
	for way in upgrade rollback; do
		case $way in
		upgrade) expect 0 belay upgrade 0.8.0 --yes && version=0.8.0 ;;
		rollback) expect 0 belay rollback --yes --accept-loss && version=0.7.2 ;;
		esac
		[ "$(site_version)" = $version ] && site_reads_back
		api_json POST /api/v1/notes/create "{\"title\":\"after $way\"}" | field id >/dev/null
		docker_config "$PREFIX-webui" | diff "$SITE/config" - >&2
		# Belay's own note on a copy is nobody's to read but belay's.
		foreign=$(find "$SITE/chat" -not \( -user 4711 -group 4712 \) -not -name '*.belay-*.made')
		[ -z "$foreign" ] || complain "of somebody else: $foreign"
	done
	nothing_left
}

@test "an image named without a tag: up to a version, and back to what the name meant" {
	docker_site_new zeta
	# Nobody listens there: no test asks a registry on the internet.
	from=localhost:1/$PREFIX-chat
	docker tag belay-test/standin:v0.7.2 "$from" && docker tag belay-test/standin:v0.8.0 "$from:v0.8.0"
	old=$(docker image inspect -f '{{.Id}}' "$from")
	docker run -d --name "$PREFIX-webui" -p "127.0.0.1:$SITE_PORT:8080" -v "$PREFIX-data:/app/backend/data" \
		$(printf -- '-e %s ' $SITE_QUIET) "$from" >/dev/null
	site_wait && site_fill 1
	expect 0 belay adopt --webui-container "$PREFIX-webui" --watch 0
	expect 0 belay upgrade 0.8.0 --plan
	expect_text out "^image +$from -> $from:v0.8.0"
	# The name has moved on since the container was made, as a pull by hand does it.
	docker tag belay-test/standin:v0.8.1 "$from"
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ] && site_reads_back
	expect 0 belay rollback --yes --accept-loss
	expect_text out '^  way back: belay rollback'
	[ "$(site_version)" = 0.7.2 ] && site_reads_back
	[ "$(docker inspect -f '{{.Config.Image}} {{.Image}}' "$PREFIX-webui")" = "$from $old" ]
}

@test "a migration that fails is found by the rehearsal, and without one it is undone" {
	docker_site_new gamma && docker_webui --restart unless-stopped && site_fill 1
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	docker_config "$PREFIX-webui" >"$SITE/config"
	first=$(docker inspect -f '{{.Id}}' "$PREFIX-webui")
	expect 3 belay upgrade 0.8.1 --yes
	expect_text err 'bad1bad1bad1'
	[ "$(docker inspect -f '{{.Id}} {{.State.Running}}' "$PREFIX-webui")" = "$first true" ]
	nothing_left
	expect 4 belay upgrade 0.8.1 --yes --skip-rehearsal
	expect_text err 'bad1bad1bad1'
	[ "$(docker inspect -f '{{.Id}} {{.State.Running}}' "$PREFIX-webui")" = "$first true" ]
	docker_config "$PREFIX-webui" | diff "$SITE/config" - >&2
	[ "$(site_version)" = 0.7.2 ] && site_reads_back
	nothing_left
}

@test "what is refused: no image, another version in it, no file, --rm, no version named" {
	docker_site_new delta
	# Nobody listens there: no test asks a registry on the internet.
	from=localhost:1/$PREFIX-chat
	docker tag belay-test/standin:v0.7.2 "$from:v0.7.2"
	docker tag belay-test/standin:v0.8.1 "$from:v0.8.3"
	docker run -d --name "$PREFIX-webui" -p "127.0.0.1:$SITE_PORT:8080" -v "$PREFIX-data:/app/backend/data" \
		$(printf -- '-e %s ' $SITE_QUIET) "$from:v0.7.2" >/dev/null
	site_wait && site_fill 1
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	first=$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-webui")

	expect 3 belay upgrade --yes
	expect_text err 'which version'
	expect 1 belay upgrade 0.8.0 --yes
	expect_text err "image '$from:v0.8.0' cannot be pulled"
	expect_text err '\-\-image-file'
	expect 3 belay upgrade 0.8.3 --yes
	expect_text err "image '$from:v0.8.3' holds version 0.8.1, not 0.8.3"
	expect 2 belay upgrade 0.8.0 --image-file "$SITE/none.tar" --yes
	echo 'no image' >"$SITE/bad.tar"
	expect 3 belay upgrade 0.8.0 --image-file "$SITE/bad.tar" --yes
	expect_text err 'holds no image'
	expect 3 belay check 0.6.0 --image-file "$SITE/bad.tar"
	docker save -o "$SITE/good.tar" belay-test/standin:v0.8.0
	expect 0 belay check 0.8.0 --image-file "$SITE/good.tar"
	docker image inspect "$from:v0.8.0" >/dev/null
	expect 0 belay notes 0.8.0
	[ "$(docker inspect -f '{{.Id}} {{.State.StartedAt}}' "$PREFIX-webui")" = "$first" ]

	# What goes away by itself, or is not there, has no way back.
	docker rm -f "$PREFIX-webui" >/dev/null
	expect 1 belay upgrade 0.8.0 --yes
	expect_text err "there is no container '$PREFIX-webui'"
	docker run -d --rm --name "$PREFIX-webui" -p "127.0.0.1:$SITE_PORT:8080" -v "$PREFIX-data:/app/backend/data" \
		-e WEBUI_SECRET_KEY=s3cret-of-webui "$from:v0.7.2" >/dev/null
	site_wait
	expect 3 belay check 0.8.0
	expect_text out 'removes itself when it stops'
	docker rmi "$from:v0.8.0" "$from:v0.8.3" >/dev/null
}
