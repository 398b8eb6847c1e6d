# site.sh - make, fill, look at and remove Open WebUI sites for tests. POSIX sh, read by .bats files
# and by the demo. One site at a time lives in the variables SITE*; site_use changes it.
#
#   site_new NAME              a folder, a port, a name
#   site_env KIND VERSION      its environment: standin, real (slim) or full
#   site_script [WORD ...]     its start script; words: inside (no DATA_DIR), foreground, NAME=VALUE
#   site_start, site_stop, site_pid, site_version
#   site_fill [CHATS]          account, chats, an upload, a note
#   site_reads_back            everything of site_fill is there through the API, sign-in included
#   site_signature             one line a thing that must not change
#   belay ARGS                 $BELAY on this site; leaves $status, $SITE/out, $SITE/err
#   expect STATUS belay ARGS   the same, and the status must be so

: "${ROOT:=$(cd "$(dirname "${BATS_TEST_FILENAME:-$0}")/../.." && pwd)}"
: "${CACHE:=${BELAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/belay}}"
: "${BELAY:=$ROOT/build-test/src/cli/belay}"
: "${PYTHON:=python3}"
unset PYTHONDONTWRITEBYTECODE
export LC_ALL=C

# What keeps Open WebUI off the network and away from models.
SITE_QUIET="OFFLINE_MODE=true HF_HUB_OFFLINE=1 RAG_EMBEDDING_ENGINE=openai AUDIO_STT_ENGINE=openai
ENABLE_OLLAMA_API=false ENABLE_OPENAI_API=false ANONYMIZED_TELEMETRY=false DO_NOT_TRACK=true
SCARF_NO_ANALYTICS=true"

complain() {
	printf '%s\n' "$@" >&2
	return 1
}

# A port that nobody listens on and, where ./dev test keeps the list, that no other test of the run
# was given: between the choice and the listening there are seconds.
free_port() {
	"$PYTHON" - "${BELAY_TEST_PORTS:-18100-18999}" "${BELAY_TEST_CLAIMS:-}" <<-'EOF'
	import os, random, socket, sys
	low, high = map(int, sys.argv[1].split("-"))
	def claimed(port):
	    try:
	        os.close(os.open(f"{sys.argv[2]}/{port}", os.O_CREAT | os.O_EXCL))
	    except FileExistsError:
	        return True
	for port in random.sample(range(low, high + 1), high + 1 - low):
	    if sys.argv[2] and claimed(port):
	        continue
	    with socket.socket() as s:
	        try:
	            s.bind(("127.0.0.1", port))
	        except OSError:
	            continue
	    print(port)
	    sys.exit()
	sys.exit("no port is free")
	EOF
}

# site_use DIR: the variables of a site made before.
site_use() {
	SITE=$1
	. "$SITE/site.env"
	SITE_ENV=$SITE/env
	SITE_URL=http://127.0.0.1:$SITE_PORT
	SITE_LOG=$SITE/start/openwebui.log
	SITE_FILE=$SITE/$SITE_NAME.conf
	export BELAY_STATE_DIR="$SITE/state"
}

site_new() {
	new=${SITES:-${BATS_TEST_TMPDIR:-${TMPDIR:-/tmp}}}/$1
	mkdir -p "$new/start" "$new/state" "$new/expected"
	# Accounts of the application are other people's folders too: the way in is open.
	chmod 755 "$new"
	{
		echo "SITE_NAME=$1"
		echo "SITE_PORT=$(free_port)"
		echo "SITE_DATA=$new/data"
	} >"$new/site.env"
	site_use "$new"
}

# A real environment is slow to make: one a version is kept, and each site gets a copy of hard links.
# real: without the heavy optional packages; full: all of them, 7 GB, with a pip inside.
real_template() {
	template=$CACHE/$1/$2
	[ ! -e "$template/.complete" ] || {
		echo "$template"
		return 0
	}
	rm -rf "$template"
	mkdir -p "$CACHE/$1"
	case $1 in
	real)
		uv venv -q -p "$PYTHON" "$template" &&
			uv pip install -q -p "$template/bin/python" --compile-bytecode \
				--override "$ROOT/tests/real/slim-overrides.txt" \
				"open-webui[postgres]==$2" beautifulsoup4 pytz || return 1
		;;
	full)
		uv venv -q --seed -p "$PYTHON" "$template" &&
			uv pip install -q -p "$template/bin/python" --compile-bytecode "open-webui[all]==$2" || return 1
		;;
	esac
	touch "$template/.complete" && echo "$template"
}

site_env() {
	case $1 in
	standin)
		uv venv -q -p "$PYTHON" "$SITE_ENV" &&
			uv pip install -q -p "$SITE_ENV/bin/python" --no-index --find-links "$CACHE/wheelhouse" \
				"open-webui[postgres]==$2"
		;;
	real | full)
		template=$(real_template "$1" "$2") || return 1
		cp -al "$template" "$SITE_ENV" 2>/dev/null || {
			rm -rf "$SITE_ENV"
			cp -a "$template" "$SITE_ENV"
		}
		rm -f "$SITE_ENV/.complete"
		# Console scripts name their environment in the first line. One that went on naming the
		# template would run there, and leave its data for all sites after it.
		for script in "$SITE_ENV"/bin/*; do
			[ -L "$script" ] || sed -i "1s|^#!/.*/bin/\(python[0-9.]*\)\$|#!$SITE_ENV/bin/\1|" "$script"
		done
		;;
	esac
	echo "SITE_KIND=$1" >>"$SITE/site.env"
	SITE_KIND=$1
}

site_script() {
	background=' &'
	data="export DATA_DIR='$SITE_DATA'"
	exports=
	for word in "$@"; do
		case $word in
		inside)
			data=
			SITE_DATA=$SITE_ENV/lib/$(ls "$SITE_ENV/lib")/site-packages/open_webui/data
			echo "SITE_DATA='$SITE_DATA'" >>"$SITE/site.env"
			;;
		foreground) background= ;;
		*=*) exports="$exports
export ${word%%=*}='${word#*=}'" ;;
		esac
	done
	nohup='nohup '
	[ -n "$background" ] || nohup='exec '
	cat >"$SITE/start/start_openwebui.sh" <<-EOF
	#!/bin/bash
	cd "\$(dirname "\$0")"
	export $(echo $SITE_QUIET)
	$data$exports
	$nohup$SITE_ENV/bin/open-webui serve --host 127.0.0.1 --port $SITE_PORT >> openwebui.log 2>&1$background
	EOF
	chmod +x "$SITE/start/start_openwebui.sh"
}

site_start() {
	(cd / && exec setsid bash "$SITE/start/start_openwebui.sh") </dev/null >/dev/null 2>&1 3>&- &
	site_wait || return 1
	[ "$(readlink "/proc/$(site_pid)/cwd")" = "$(realpath "$SITE/start")" ] ||
		complain "port $SITE_PORT is somebody else's"
}

# Until /health says so, in JSON.
site_wait() {
	deadline=$(($(date +%s) + ${1:-$([ "${SITE_KIND:-}" = standin ] && echo 20 || echo 180)}))
	until curl -s -m 5 "$SITE_URL/health" 2>/dev/null | grep -q '"status": *true'; do
		[ "$(date +%s)" -lt "$deadline" ] || {
			tail -n 20 "$SITE_LOG"
			complain "the server at $SITE_URL does not come up"
			return 1
		}
		sleep 0.1
	done
}

# The process that listens on the site's port; nothing when there is none.
site_pid() {
	ss -ltnpH "sport = :$SITE_PORT" | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -n 1
}

# A zombie that its parent has not looked at yet is as dead.
process_lives() {
	grep -qs '^State:.[^ZX]' "/proc/$1/status"
}

site_stop() {
	pid=$(site_pid)
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		process_lives "$pid" || return 0
		sleep 0.1
	done
	kill -9 "$pid"
}

site_remove() {
	site_stop
	rm -rf "$SITE"
}

site_version() {
	curl -s -m 10 "$SITE_URL/api/version" | jq -r .version
}

# api METHOD PATH [curl arguments]: with the token of the account.
api() {
	method=$1 path=$2
	shift 2
	curl -s -m 60 -f -X "$method" -H "Authorization: Bearer $(cat "$SITE/token" 2>/dev/null)" "$@" "$SITE_URL$path"
}
api_json() {
	api "$1" "$2" -H 'Content-Type: application/json' -d "$3"
}

# A member of the JSON on stdin; fails without one (jq -e does not when there is no JSON at all).
field() {
	value=$(jq -r ".$1 // empty") && [ -n "$value" ] && echo "$value"
}

# The chats' texts have what breaks careless copies: quotes, backslashes, Korean, emoji, percent signs.
chat_text() {
	jq -cn --arg n "$1" '{chat: {title: "chat \($n): 벨레이 \"quoted\" 100%", models: ["m"], tags: [],
		history: {currentId: "b-\($n)", messages: {
			("a-\($n)"): {id: "a-\($n)", parentId: null, childrenIds: ["b-\($n)"], role: "user",
				content: "질문 \($n) \\ 🧗 '"'"'; DROP TABLE chat; --", timestamp: 1760000000},
			("b-\($n)"): {id: "b-\($n)", parentId: "a-\($n)", childrenIds: [], role: "assistant",
				content: "answer \($n)\nsecond line", model: "m", done: true, timestamp: 1760000001}}}}}'
}

site_fill() {
	api_json POST /api/v1/auths/signup \
		'{"name":"Ann","email":"ann@example.com","password":"correct horse"}' |
		field token >"$SITE/token" || complain "sign-up failed" || return 1
	for n in $(seq "${1:-3}"); do
		id=$(api_json POST /api/v1/chats/new "$(chat_text "$n")" | field id) || return 1
		echo "$id" >"$SITE/expected/chat-$n.id"
		api GET "/api/v1/chats/$id" | jq -S .chat >"$SITE/expected/chat-$n.json"
	done
	printf 'a file of the site\n' >"$SITE/expected/upload.txt"
	api POST '/api/v1/files/?process=false' -F "file=@$SITE/expected/upload.txt;type=text/plain" |
		field id >"$SITE/expected/file.id" || complain "upload failed" || return 1
	api_json POST /api/v1/notes/create \
		'{"title":"a note","data":{"content":{"md":"메모"}},"meta":{},"access_control":{}}' |
		field id >"$SITE/expected/note.id" || complain "note failed"
}

site_reads_back() {
	for expected in "$SITE"/expected/chat-*.json; do
		id=$(cat "${expected%.json}.id")
		api GET "/api/v1/chats/$id" | jq -S .chat >"$SITE/now.json"
		cmp -s "$expected" "$SITE/now.json" || {
			diff "$expected" "$SITE/now.json" >&2
			complain "chat $id does not read back"
			return 1
		}
	done
	api GET "/api/v1/files/$(cat "$SITE/expected/file.id")/content" | cmp - "$SITE/expected/upload.txt" ||
		complain "the upload does not read back" || return 1
	[ "$(api GET "/api/v1/notes/$(cat "$SITE/expected/note.id")" | jq -r .data.content.md)" = 메모 ] ||
		complain "the note does not read back" || return 1
	api_json POST /api/v1/auths/signin '{"email":"ann@example.com","password":"correct horse"}' |
		field token >/dev/null || complain "the account cannot sign in"
}

# What the application itself writes while it only serves: when somebody was last seen.
dump_sqlite() {
	rm -f "$SITE/dump.db"
	sqlite3 "$1" ".backup $SITE/dump.db" &&
		sqlite3 "$SITE/dump.db" 'UPDATE "user" SET last_active_at = 0, updated_at = 0' &&
		sqlite3 "$SITE/dump.db" .dump
}
dump_postgres() {
	# shellcheck disable=SC2086
	pg_dump -d "$1" --exclude-table-data='public."user"' ${SITE_DUMP_OPTIONS:-} | grep -vE '^(--|\\(un)?restrict|$)' &&
		psql -d "$1" -AtXq -c "SELECT to_jsonb(u) - 'last_active_at' - 'updated_at' FROM \"user\" u ORDER BY id"
}
site_dump() {
	if [ -n "${SITE_PG:-}" ]; then
		dump_postgres "$SITE_PG"
	else
		dump_sqlite "$SITE_DATA/webui.db"
	fi
}

digest_folder() {
	(cd "$1" 2>/dev/null && find . -type f | LC_ALL=C sort | xargs -r sha256sum) | sha256sum | cut -c 1-16
}

site_key_hash() {
	sha256sum "$SITE/start/.webui_secret_key" 2>/dev/null | cut -c 1-16
}

# Before and after must agree in every line; the last two only where nothing is served differently.
site_signature() {
	echo "database $(site_dump | sha256sum | cut -c 1-16)"
	echo "uploads $(digest_folder "$SITE_DATA/uploads")"
	echo "key $(site_key_hash)"
	echo "version $(site_version)"
	if [ -L "$SITE_ENV" ]; then
		echo "environment a link"
	else
		echo "environment a folder"
	fi
}

expect_signature() {
	site_signature >"$SITE/signature.now"
	diff "$1" "$SITE/signature.now" >&2 || complain "the site is not what it was (left: before, right: now)"
}

site_revision() {
	if [ -n "${SITE_PG:-}" ]; then
		psql -d "$SITE_PG" -AtXqc 'SELECT version_num FROM alembic_version'
	else
		sqlite3 "$SITE_DATA/webui.db" 'SELECT version_num FROM alembic_version'
	fi
}

belay() {
	status=0
	timeout -k 10 "${BELAY_TEST_LIMIT:-600}" "$BELAY" --site "$SITE_FILE" "$@" \
		>"$SITE/out" 2>"$SITE/err" </dev/null 3>&- || status=$?
}

expect() {
	wanted=$1
	shift
	"$@"
	[ "$status" = "$wanted" ] || {
		{
			echo "--- $*: exit status $status instead of $wanted; stdout, stderr, the server's log:"
			tail -n 40 "$SITE/out"
			tail -n 40 "$SITE/err"
			tail -n 15 "$SITE_LOG"
		} >&2
		return 1
	}
}

# expect_text FILE PATTERN
expect_text() {
	grep -qE -e "$2" "$SITE/$1" || {
		cat "$SITE/$1" >&2
		complain "'$2' is not in what it said (above)"
	}
}

# The usual adoption of what runs.
site_adopt() {
	case $SITE_KIND in
	standin) set -- --wheels "$CACHE/wheelhouse" --start-timeout 10 --migrate-timeout 8 "$@" ;;
	real) set -- --overrides "$ROOT/tests/real/slim-overrides.txt" "$@" ;;
	esac
	belay adopt --pid "$(site_pid)" --watch 0 "$@"
}

# site_set KEY VALUE: a key that stands in the site file with its default, or without a value.
site_set() {
	grep -q "^#*$1 *=" "$SITE_FILE" || complain "no key $1 in $SITE_FILE" || return 1
	set_value=$2 awk -v key="$1" '$0 ~ "^#*" key " *=" { $0 = key " = " ENVIRON["set_value"] } { print }' \
		"$SITE_FILE" >"$SITE_FILE.new" && cat "$SITE_FILE.new" >"$SITE_FILE" && rm "$SITE_FILE.new"
}

# A stand-in on SQLite, running, filled, adopted.
standin_site() {
	name=$1
	shift
	site_new "$name" && site_env standin 0.7.2 && site_script "$@" && site_start && site_fill &&
		expect 0 site_adopt
}

# belay_until POINT ARGS: runs until it stops itself at a fault point; it is $stopped, the child of nothing
# else, so that it is what the signals reach. kill -CONT lets it go on.
belay_until() {
	point=$1
	shift
	BELAY_FAULT=stop@$point "$BELAY" --site "$SITE_FILE" "$@" >"$SITE/out" 2>"$SITE/err" </dev/null 3>&- &
	stopped=$!
	for _ in $(seq 600); do
		! grep -qs '^State:.T' "/proc/$stopped/status" || return 0
		process_lives "$stopped" || complain "it ended before $point" "$(cat "$SITE/err")" || return 1
		sleep 0.1
	done
	complain "it does not come to $point" "$(cat "$SITE/out")"
}

# prober_start FILE: asks /health 20 times a second from outside. prober_dark: the longest time
# without a yes so far, in milliseconds.
prober_start() {
	PROBER_FILE=$1
	rm -f "$1"
	"$PYTHON" "$ROOT/tests/harness/prober.py" "$SITE_URL/health" "$1" </dev/null >/dev/null 2>&1 3>&- &
	PROBER=$!
}
prober_dark() {
	kill "$PROBER"
	# Not `wait`: this is called in a subshell, whose child it is not.
	for _ in $(seq 50); do
		[ ! -s "$PROBER_FILE" ] || break
		sleep 0.1
	done
	cat "$PROBER_FILE"
}

# manifest_edit SET STATEMENT: Python changes `manifest`, and it is sealed again. The file is made anew: copies of
# the set share it.
manifest_edit() {
	"$PYTHON" - "$1/manifest.json" "$2" <<-'EOF'
	import hashlib, json, os, sys, time
	path = sys.argv[1]
	manifest = json.load(open(path))
	seal = manifest.pop("seal")
	sealed = lambda: hashlib.sha256(json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
	assert sealed() == seal, "the harness does not know how a manifest is sealed"
	exec(sys.argv[2])
	manifest["seal"] = sealed()
	os.unlink(path)
	with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
	    json.dump(manifest, file, ensure_ascii=False)
	EOF
}

# set_copy FROM STAMP [unproven]: another backup set of this site, as if made at 20261123_134812.
set_copy() {
	copied=$(dirname "$1")/openwebui_backup_$2
	cp -al "$1" "$copied"
	manifest_edit "$copied" 'manifest["name"] = path.split("/")[-2]
manifest["made_at_ms"] = int(time.mktime(time.strptime(manifest["name"][-15:], "%Y%m%d_%H%M%S"))) * 1000'
	[ -z "${3:-}" ] || manifest_edit "$copied" 'manifest["proven"] = None'
}

sets() {
	(cd "$SITE/start/backups" && ls -d openwebui_backup_* | sed 's/openwebui_backup_//' | tr '\n' ' ')
}
newest_set() {
	ls -d "$SITE"/start/backups/openwebui_backup_* | tail -n 1
}
