# fuzz.sh - ./dev fuzz: hostile input for everything that reads what others wrote.
#
#   ./dev fuzz                    each target for BELAY_FUZZ_SECONDS (60)
#   ./dev fuzz TARGET [SECONDS]   one of them; the targets are the files of tests/fuzz/corpus/
#
# One at a time. What libFuzzer finds on its way is kept in the cache folder and used the next time; an
# input that crashed is a file to copy, with a telling name, to tests/fuzz/corpus/TARGET/.

need build fuzz
targets=$(cd tests/fuzz/corpus && ls)
seconds=${BELAY_FUZZ_SECONDS:-60}
case ${1:-} in
'') ;;
*[!0-9]*)
	[ -d "tests/fuzz/corpus/$1" ] || die "no such target: '$1' (one of: $(echo "$targets" | tr '\n' ' '))"
	targets=$1
	shift
	;;
esac
seconds=${1:-$seconds}

say "building the targets into build-fuzz/"
# The compiler is fixed when the folder is set up.
CC=clang build_into build-fuzz -Dfuzz=true -Dtests=false -Dtest_build=true \
	-Db_sanitize=address,undefined -Db_lundef=false

# What they print: "stat::number_of_executed_units: 123" at the end, also after a crash.
fuzz_one() {
	found=$CACHE/fuzz/$1/corpus
	crashes=$CACHE/fuzz/$1/crashes
	rm -rf "$crashes"
	mkdir -p "$found" "$crashes"
	timeout -k 10 $((seconds + 120)) "build-fuzz/tests/fuzz/fuzz_$1" -max_total_time="$seconds" \
		-timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$crashes/" "$found" "tests/fuzz/corpus/$1" \
		>"$CACHE/fuzz/$1/log" 2>&1 </dev/null && ended=0 || ended=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$CACHE/fuzz/$1/log")
	count=$(find "$crashes" -type f | wc -l)
	# Ended with an error, and no input to show for it: it did not even start.
	if [ "$count" = 0 ] && [ "$ended" != 0 ]; then
		count=1
	fi
	printf '%-16s %9s runs  %s crashes\n' "$1" "${runs:-0}" "$count"
	[ "$count" = 0 ] && return 0
	find "$crashes" -type f | sed 's/^/    /'
	grep -m 3 -E 'broken promise|ERROR: |runtime error|SUMMARY' "$CACHE/fuzz/$1/log" | sed 's/^/    /'
	broken=$((broken + 1))
}

broken=0
for target in $targets; do
	fuzz_one "$target"
done
[ "$broken" = 0 ] || die "$broken of the targets crashed"
