# test.sh - ./dev test: all parts, one sum. Each part writes TAP, which is shown and counted.
#
# BELAY_TORTURE_MINUTES gives each sample of the crash tests longer; all of them: ./dev torture.
# ./dev coverage and ./dev sanitize run it too, with a build of their own (TESTED).

TESTED=${TESTED:-build-test}
need build test
need_python

RESULTS=$(mktemp -d "${TMPDIR:-/tmp}/belay-tests.XXXXXX")
. tools/dev/engine.sh
trap 'rm -rf "$RESULTS"; engine_stop' EXIT
trap 'exit 130' INT TERM
export BELAY=$ROOT/$TESTED/src/cli/belay
export BELAY_TEST_CLAIMS="$RESULTS/ports"
mkdir "$BELAY_TEST_CLAIMS"

# As many files at a time as there are processors; each file's TAP stays in one piece. A file that
# hangs is a failure with a name, not a silence.
run_bats() {
	part=$1
	shift
	# shellcheck disable=SC2012
	jobs=${BELAY_TEST_JOBS:-$(nproc)}
	printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' sh -c '
		out=$1/$2-$(basename "$3" .bats).tap
		began=$(date +%s)
		timeout -k 10 1500 bats --tap "$3" >"$out.new" 2>&1 </dev/null || grep -q "^not ok" "$out.new" ||
			echo "not ok 0 $3 ended with an error" >>"$out.new"
		mv "$out.new" "$out"
		echo "$(($(date +%s) - began)) $3" >>"$1/times"
		sed "s|^|[$2] |" "$out"
	' sh "$RESULTS" "$part" '{}'
}

# As many programs at a time as there are processors; shown are failures and what was skipped.
test_unit() {
	meson introspect --tests "$TESTED" | jq -r '.[] | [.name, .cmd[0]] | @tsv' |
		xargs -P "$(nproc)" -L 1 sh -c '
		out=$1/unit-$(echo "$3" | tr / -).tap
		CMOCKA_MESSAGE_OUTPUT=TAP timeout "$2" "$4" >"$out" 2>&1 </dev/null ||
			grep "^not ok" "$out" | grep -qv "# SKIP" || echo "not ok 0 $3 ended with an error" >>"$out"
		# cmocka calls a skipped test "not ok N # SKIP name" and knows no reason.
		sed -i "s|^not ok \([0-9]*\) # SKIP \(.*\)|ok \1 # skip \2: what it needs is not here, see tests/unit/${3%/*}/test_${3#*/}.c|" "$out"
		{ grep -E -A 8 "^not ok" "$out"; grep "^ok.*# skip" "$out"; } | sed "s/^/[unit] /"
	' sh "$RESULTS" "${UNIT_LIMIT:-120}"
}

test_cli() {
	sh tests/standin/make-wheelhouse "$CACHE/wheelhouse" || die "the stand-in's wheels could not be made"
	run_bats cli ${1:-tests/cli/*.bats}
}

test_crash() {
	sh tests/standin/make-wheelhouse "$CACHE/wheelhouse" || die "the stand-in's wheels could not be made"
	run_bats crash ${1:-tests/crash/*.bats}
}

test_real() {
	if [ "$(id -u)" = 0 ]; then
		need real
	fi
	engine_start
	# Real servers want a processor each while they start.
	BELAY_TEST_JOBS=1 run_bats real ${1:-tests/real/*.bats}
}

say "building with fault points into $TESTED/"
# shellcheck disable=SC2086
build_into "$TESTED" -Dtest_build=true ${TESTED_WITH:-}
for part in ${*:-unit cli crash real}; do
	case $part in
	unit | cli | crash | real)
		say "$part tests"
		"test_$part"
		;;
	tests/*/*.bats)
		kind=${part#tests/}
		"test_${kind%%/*}" "$part"
		;;
	*) die "no such part: '$part' (unit, cli, crash, real, or a .bats file)" ;;
	esac
done

[ ! -e "$RESULTS/times" ] || {
	echo "the longest files, in seconds:"
	sort -rn "$RESULTS/times" | head -n 8 | sed 's/^/  /'
}
passed=$(cat "$RESULTS"/*.tap | grep -E '^ok' | grep -icv '# skip' || true)
skipped=$(cat "$RESULTS"/*.tap | grep -E '^ok' | grep -ic '# skip' || true)
failed=$(cat "$RESULTS"/*.tap | grep -c '^not ok' || true)
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
