# needs.sh - what must be installed, in one place, and how it gets there.
# A line: for what, how to see that it is there (a program, pc:MODULE, a part of
# clang's run time, a path), the Debian 12 package.

needs_table() {
	cat <<-'TABLE'
	build gcc gcc
	build meson meson
	build ninja ninja-build
	build pkg-config pkg-config
	build msgfmt gettext
	build pc:jansson libjansson-dev
	build pc:inih libinih-dev
	build pc:libcurl libcurl4-openssl-dev
	build pc:libpq libpq-dev
	build pc:sqlite3 libsqlite3-dev
	build pc:libsodium libsodium-dev
	build pc:libzstd libzstd-dev
	build pc:libfyaml libfyaml-dev
	build pc:cmocka libcmocka-dev
	build /usr/include/linux/fs.h libc6-dev
	lint clang clang
	fuzz clang clang
	valgrind valgrind valgrind
	fuzz clang:fuzzer libclang-rt-14-dev
	lint clang-format clang-format
	lint clang-tidy clang-tidy
	lint readelf binutils
	lint cppcheck cppcheck
	test bats bats
	test jq jq
	test curl curl
	test ss iproute2
	test sqlite3 sqlite3
	test zstd zstd
	test python3 python3
	test py:venv python3-venv
	test /usr/lib/postgresql/15/bin/initdb postgresql-15
	test pg_dump postgresql-client-15
	test /usr/sbin/pgbouncer pgbouncer
	test xgettext gettext
	real docker docker.io
	real debootstrap debootstrap
	real iptables iptables
	real runuser util-linux
	TABLE
}

is_there() {
	case $1 in
	clang:*) ls "$(clang -print-resource-dir 2>/dev/null)"/lib/linux/libclang_rt."${1#clang:}"-*.a >/dev/null 2>&1 ;;
	pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
	py:*) python3 -c "import ${1#py:}, ensurepip" 2>/dev/null ;;
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# The packages that are missing for the purposes given.
missing_for() {
	needs_table | while read -r purpose probe package; do
		case " $* " in
		*" $purpose "*) is_there "$probe" || echo "$package" ;;
		esac
	done | sort -u | tr '\n' ' '
}

is_debian_12() {
	[ -r /etc/os-release ] && (. /etc/os-release && [ "$ID" = debian ] && [ "$VERSION_ID" = 12 ])
}

apt_install() {
	say "installing: $*"
	# The package would make and start a server of its own; tests start theirs where they want it.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		mkdir -p /etc/postgresql-common
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
	fi
	export DEBIAN_FRONTEND=noninteractive
	{
		apt-get update -q &&
			apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@"
	} >"$CACHE/apt.log" 2>&1 || {
		tail -n 20 "$CACHE/apt.log" >&2
		die "apt-get failed; the whole log: $CACHE/apt.log"
	}
}

need() {
	mkdir -p "$CACHE/bin"
	missing=$(missing_for "$@")
	[ -n "$missing" ] || return 0
	if is_debian_12 && [ "$(id -u)" = 0 ]; then
		# shellcheck disable=SC2086
		apt_install $missing
		missing=$(missing_for "$@")
		[ -z "$missing" ] || die "still missing after apt-get install: $missing"
	elif is_debian_12; then
		die "missing: $missing; as root: apt-get install $missing"
	else
		die "missing (names of Debian 12 packages): $missing"
	fi
}

# A Python that Open WebUI accepts; the machine's own before one that somebody added to PATH.
find_python() {
	for python in ${BELAY_TEST_PYTHON:-} /usr/bin/python3 python3 python3.12 python3.11; do
		if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
			command -v "$python"
			return 0
		fi
	done
	return 1
}

# uv, from PyPI into a folder of ours, never into the system's Python.
need_uv() {
	PATH=$CACHE/bin:$PATH
	export PATH
	command -v uv >/dev/null 2>&1 && return 0
	say "installing uv into $CACHE/uv"
	{
		"$PYTHON" -m venv "$CACHE/uv" && "$CACHE/uv/bin/pip" install -q uv
	} >"$CACHE/uv.log" 2>&1 || {
		tail -n 5 "$CACHE/uv.log" >&2
		die "uv could not be installed from PyPI; the whole log: $CACHE/uv.log"
	}
	ln -sf ../uv/bin/uv "$CACHE/bin/uv"
}

need_python() {
	PYTHON=$(find_python) || die "Open WebUI needs Python 3.11 or 3.12; set BELAY_TEST_PYTHON to one"
	export PYTHON
	# Byte code is part of what is tested and measured.
	unset PYTHONDONTWRITEBYTECODE
	need_uv
}
