# system_site.sh - a site whose Open WebUI has no environment: it lies in a user site of its own, which
# is for the server what /usr/local is: the system's interpreter with packages elsewhere. POSIX sh.

. "${ROOT:=$(cd "$(dirname "${BATS_TEST_FILENAME:-$0}")/../.." && pwd)}/tests/harness/site.sh"

# system_site [WORD ...]: the stand-in 0.7.2 in a user site of its own, running, filled. Words:
# line (the start script has belay's line), by-folder (it names the program by its folder), inside
# (no DATA_DIR).
system_site() {
	site_new "${SYSTEM_SITE_NAME:-alpha}"
	SITE_KIND=standin
	echo SITE_KIND=standin >>"$SITE/site.env"
	SITE_BASE=$SITE/userbase
	SITE_ENV=$SITE/start/openwebui-env
	LINE="PATH=$SITE_ENV/bin:\$PATH; export PATH"
	python=$("$PYTHON" -c 'import sys; print(sys.executable)')
	user_site=$(PYTHONUSERBASE=$SITE_BASE "$python" -c 'import site; print(site.getusersitepackages())')
	uv pip install -q --python "$python" --target "$user_site" --no-index \
		--find-links "$CACHE/wheelhouse" 'open-webui[postgres]==0.7.2'
	# What pip writes there: programs in BASE/bin with the system's interpreter.
	mkdir -p "$SITE_BASE/bin"
	mv "$user_site/bin"/* "$SITE_BASE/bin/"
	sed -i "1s|^#!.*|#!$python|" "$SITE_BASE/bin/open-webui"
	rm -rf "$user_site/bin" "$user_site/.lock"
	system_script "$@"
	"$python" -m compileall -q "$user_site" || true
	site_start && site_fill
}

system_script() {
	program=open-webui line= data="export DATA_DIR='$SITE_DATA'"
	for word in "$@"; do
		case $word in
		line) line=$LINE ;;
		by-folder) program=$SITE_BASE/bin/open-webui ;;
		inside) data= ;;
		esac
	done
	cat >"$SITE/start/start_openwebui.sh" <<-END
	#!/bin/bash
	cd "\$(dirname "\$0")"
	export $(echo $SITE_QUIET)
	export PYTHONUSERBASE='$SITE_BASE'
	export PATH="$SITE_BASE/bin:/usr/local/bin:/usr/bin:/bin"
	$data
	$line
	nohup $program serve --host 127.0.0.1 --port $SITE_PORT >> openwebui.log 2>&1 &
	END
}

# Every file of the installation but what running it writes.
system_digest() {
	(cd "$SITE_BASE" && find . ! -type d ! -name '*.pyc' | LC_ALL=C sort | while read -r file; do
		stat -c '%n %a %s %Y' "$file"
		sha256sum "$file"
	done) | sha256sum
}

# The folder that the server's Open WebUI was started from.
server_program() {
	tr '\0' '\n' <"/proc/$(site_pid)/cmdline" | grep '/open-webui$'
}
