# engine.sh - a Docker engine for tests and benchmarks, where none answers. Whoever starts it ends it:
# a program left behind holds the pipes it was born with, and who reads them waits for it for ever.

engine_start() {
	docker version >/dev/null 2>&1 && return 0
	command -v dockerd >/dev/null && [ "$(id -u)" = 0 ] || return 0
	mkdir -p "$CACHE"
	for driver in '' --storage-driver=vfs; do
		# shellcheck disable=SC2086
		setsid dockerd $driver >"$CACHE/dockerd.log" 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
		ENGINE_PID=$!
		for _ in $(seq 60); do
			docker version >/dev/null 2>&1 && return 0
			kill -0 "$ENGINE_PID" 2>/dev/null || break
			sleep 0.5
		done
		engine_stop
	done
	say "no Docker engine could be started: $(tail -n 1 "$CACHE/dockerd.log")"
}

engine_stop() {
	[ -n "${ENGINE_PID:-}" ] || return 0
	kill "$ENGINE_PID" 2>/dev/null || true
	wait "$ENGINE_PID" 2>/dev/null || true
	ENGINE_PID=
}
