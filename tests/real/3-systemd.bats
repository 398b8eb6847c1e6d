#!/usr/bin/env bats
# A site that systemd runs with Restart=always, in a container whose process 1 is systemd. The
# release is the stand-in: what is asked here is the dealing with the unit. Installed by pip.

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	docker_ready >"$BATS_FILE_TMPDIR/why" 2>&1 || return 0
	sh "$ROOT/tests/standin/make-wheelhouse" "$CACHE/wheelhouse"
	"$ROOT/tools/make-systemd-image" >"$BATS_FILE_TMPDIR/image" 2>&1 || {
		echo "the image with systemd cannot be made: $(tail -n 1 "$BATS_FILE_TMPDIR/image")" >"$BATS_FILE_TMPDIR/why"
		return 0
	}
	export SITES="$BATS_FILE_TMPDIR"
	site_new unit
	docker run -d --name "belay-systemd-$$" --cap-add SYS_ADMIN --security-opt seccomp=unconfined \
		--cgroupns=host --network=host --tmpfs /run --tmpfs /tmp -v /sys/fs/cgroup:/sys/fs/cgroup:rw \
		-v "$ROOT:$ROOT:ro" -v "$(dirname "$(dirname "$(dirname "$BELAY")")"):$(dirname "$(dirname "$(dirname "$BELAY")")"):ro" \
		-v "$CACHE/wheelhouse:$CACHE/wheelhouse:ro" -v "$SITE:$SITE" belay-test/systemd:12 >/dev/null
	echo "CONTAINER=belay-systemd-$$" >"$BATS_FILE_TMPDIR/container"
	for _ in $(seq 100); do
		case $(docker exec "belay-systemd-$$" systemctl is-system-running 2>/dev/null) in
		running | degraded) break ;;
		esac
		sleep 0.2
	done
	case $(docker exec "belay-systemd-$$" systemctl is-system-running 2>&1) in
	running | degraded) ;;
	*) echo "systemd does not start in a container here: $(docker logs "belay-systemd-$$" 2>&1 | tail -n 1)" >"$BATS_FILE_TMPDIR/why" ;;
	esac
}

teardown_file() {
	[ ! -e "$BATS_FILE_TMPDIR/container" ] || {
		. "$BATS_FILE_TMPDIR/container"
		docker rm -fv "$CONTAINER" >/dev/null
	}
}

setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	. "$BATS_TEST_DIRNAME/lib.sh"
	[ ! -s "$BATS_FILE_TMPDIR/why" ] || skip "$(tail -n 1 "$BATS_FILE_TMPDIR/why")"
	. "$BATS_FILE_TMPDIR/container"
	site_use "$BATS_FILE_TMPDIR/unit"
	belay() {
		status=0
		docker exec -e LC_ALL=C -e BELAY_STATE_DIR="$SITE/state" -e BELAY_FAULT="${BELAY_FAULT:-}" "$CONTAINER" \
			"$BELAY" --site "$SITE_FILE" "$@" >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- || status=$?
	}
}

inside() {
	docker exec "$CONTAINER" "$@"
}

unit_pid() {
	inside systemctl show -p MainPID --value open-webui.service
}

@test "a unit with Restart=always is found, and stays the owner" {
	inside sh -c "python3 -m venv '$SITE_ENV' && '$SITE_ENV/bin/pip' install -q --no-index --find-links '$CACHE/wheelhouse' \
		open-webui==0.7.2"
	echo SITE_KIND=standin >>"$SITE/site.env"
	docker exec -i "$CONTAINER" sh -c "cat >/etc/systemd/system/open-webui.service" <<-END
	[Unit]
	Description=Open WebUI
	[Service]
	WorkingDirectory=$SITE/start
	Environment=DATA_DIR=$SITE_DATA
	ExecStart=$SITE_ENV/bin/open-webui serve --host 127.0.0.1 --port $SITE_PORT
	Restart=always
	RestartSec=1
	[Install]
	WantedBy=multi-user.target
	END
	inside systemctl daemon-reload
	inside systemctl enable --now open-webui.service
	site_wait 30
	site_fill
	site_signature >"$SITE/before"
	expect 0 belay adopt --wheels "$CACHE/wheelhouse" --watch 0 --start-timeout 15
	expect_text out open-webui.service
	expect 0 belay status
	expect_text out open-webui.service
}

@test "up, restarted by systemctl in between, and back" {
	expect 0 belay upgrade 0.8.0 --yes
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
	pid=$(unit_pid)
	[ "$pid" != 0 ]
	inside systemctl restart open-webui.service
	site_wait 30
	[ "$(site_version)" = 0.8.0 ]
	expect 0 belay rollback --yes --accept-loss
	[ "$(site_version)" = 0.7.2 ]
	[ "$(inside systemctl is-active open-webui.service)" = active ]
	site_reads_back
	sed 's/a folder/a link/' "$SITE/before" >"$SITE/after"
	expect_signature "$SITE/after"
}

@test "a release that dies while it starts: exit 4, the unit runs the old one" {
	expect 4 belay upgrade 0.8.7 --skip-rehearsal --yes
	[ "$(site_version)" = 0.7.2 ]
	[ "$(inside systemctl is-active open-webui.service)" = active ]
	site_reads_back
}

@test "killed in the dark: the unit cannot start anything, resume does" {
	BELAY_FAULT=kill@sql-checkpoint belay upgrade 0.8.0 --yes
	[ "$status" = 137 ]
	inside systemctl start open-webui.service || true
	sleep 3
	[ -z "$(site_pid)" ]
	expect 0 belay resume --finish --yes
	[ "$(site_version)/$(site_revision)" = 0.8.0/a1b2c3d4e5f6 ]
	[ "$(inside systemctl is-active open-webui.service)" = active ]
	site_reads_back
}

@test "the nightly drill leaves its verdict: proven, then damaged" {
	expect 0 belay backup
	set=$(ls -d "$SITE"/start/backups/openwebui_backup_* | tail -n 1)
	for unit in belay-drill@.service belay-drill@.timer; do
		[ -e "$ROOT/data/systemd/$unit" ] && source=$unit || source=$unit.in
		sed "s|@bindir@|$(dirname "$BELAY")|" "$ROOT/data/systemd/$source" |
			docker exec -i "$CONTAINER" sh -c "cat >/etc/systemd/system/$unit"
	done
	inside sh -c "mkdir -p /etc/belay '/etc/systemd/system/belay-drill@.service.d' && cp '$SITE_FILE' /etc/belay/ &&
		printf '[Service]\nEnvironment=BELAY_STATE_DIR=$SITE/state\n' >'/etc/systemd/system/belay-drill@.service.d/state.conf'"
	inside systemctl daemon-reload
	inside systemd-analyze verify "belay-drill@$SITE_NAME.service" "belay-drill@$SITE_NAME.timer"
	inside systemctl enable --now "belay-drill@$SITE_NAME.timer"
	inside systemctl list-timers --all | grep -q "belay-drill@$SITE_NAME.timer"

	before=$(jq .proven.at_ms "$set/manifest.json")
	inside systemctl start "belay-drill@$SITE_NAME.service"
	[ "$(jq .proven.at_ms "$set/manifest.json")" -gt "$before" ]

	cp "$set/webui.db.zst" "$set/own" && mv "$set/own" "$set/webui.db.zst"
	printf '\377\377' | dd of="$set/webui.db.zst" bs=1 seek=8 conv=notrunc status=none
	! inside systemctl start "belay-drill@$SITE_NAME.service" || false
	[ "$(inside systemctl show -p ExecMainStatus --value "belay-drill@$SITE_NAME.service")" = 3 ]
	inside journalctl -u "belay-drill@$SITE_NAME" | grep -q 'SHA-256'
	expect 0 belay status
	expect_text out "^newest backup +$(basename "$set"), made .* not proven: .*SHA-256"
}
