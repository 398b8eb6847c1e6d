#!/usr/bin/env bats
# belay killed at each change of a container in the dark part, on SQLite in a volume, and in each phase on
# PostgreSQL in the same network: both ways out end in old+old or new+new.

IMAGES="0.7.2 0.8.0"
load ../harness/container_file

# site_up [ARGUMENTS OF docker run ...]
site_up() {
	docker_webui --restart always "$@" && site_fill 1
	belay adopt --webui-container "$PREFIX-webui" --watch 0
	key=$(docker exec "$PREFIX-webui" cat .webui_secret_key)
	docker_config "$PREFIX-webui" >"$SITE/config"
}

judge() {
	case $1 in
	undo) [ "$(site_version)" = 0.7.2 ] ;;
	finish) [ "$(site_version)" = 0.8.0 ] ;;
	esac || complain "after $2 and $1: version $(site_version)"
	site_reads_back || complain "after $2 and $1"
	[ "$(docker exec "$PREFIX-webui" cat .webui_secret_key)" = "$key" ] || complain "after $2 and $1: another key"
	docker_config "$PREFIX-webui" | diff "$SITE/config" - >&2 || complain "after $2 and $1: another configuration"
	[ -z "$(docker ps -aq --filter "label=belay.throwaway=$SITE/state/$SITE_NAME")" ] || complain "left over"
	[ ! -e "$SITE/state/$SITE_NAME/container.json" ] || complain "the record is still there"
	expect 0 belay status --check
}

@test "killed at each change of containers: undone and finished" {
	docker_site_new alpha && site_up
	# Once, so that images are known and the same is changed each time.
	expect 0 belay upgrade 0.8.0 --yes --skip-rehearsal
	expect 0 belay rollback --yes --accept-loss
	way=undo
	for nth in $(seq 3 30); do
		BELAY_FAULT=kill@http-request:$nth belay upgrade 0.8.0 --yes --skip-rehearsal
		[ "$status" = 137 ] || complain "not killed at $nth: $status" "$(cat "$SITE/err")"
		# Nobody's hands change what resume finds.
		docker start "$PREFIX-webui" >/dev/null 2>&1 || true
		expect 5 belay status --check
		belay resume --$way --yes
		# After the gate's yes it can only be finished.
		[ "$status" != 3 ] || { expect 0 belay resume --finish --yes && judge finish "change $nth" && break; }
		[ "$status" = 0 ] || complain "after change $nth, $way: $status" "$(cat "$SITE/err")"
		judge $way "change $nth"
		if [ $way = finish ]; then
			expect 0 belay rollback --yes --accept-loss
			way=undo
		else
			way=finish
		fi
	done
	[ "$nth" -ge 9 ]
}

@test "killed in each phase, on PostgreSQL: undone and finished" {
	docker_site_new beta && docker_database
	site_up -e DATABASE_URL=postgresql://owui:s3cret-of-db@db:5432/openwebui
	expect 0 belay upgrade 0.8.0 --yes --skip-rehearsal
	expect 0 belay rollback --yes --accept-loss
	way=undo
	# The intent of the n-th step is on the disk, and nothing of it was done: copy, migrate, block, the second
	# pass over the vectors, switch, start.
	for nth in 6 7 9 10 13 15; do
		BELAY_FAULT=kill@after-intent:$nth belay upgrade 0.8.0 --yes --skip-rehearsal
		[ "$status" = 137 ] || complain "not killed at $nth: $status" "$(cat "$SITE/err")"
		expect 5 belay status --check
		expect 0 belay resume --$way --yes
		judge $way "step $nth"
		if [ $way = finish ]; then
			expect 0 belay rollback --yes --accept-loss
			way=undo
		else
			way=finish
		fi
	done
}
