# sanitize.sh - ./dev sanitize [PART ...]: the tests of the parts given (see ./dev test; unit and cli unless
# told) with belay built for ASan and UBSan, any finding of which ends the process; then, where unit is
# among the parts, the unit tests under valgrind.

[ $# -gt 0 ] || set -- unit cli
need build test valgrind
# Leaks are findings too. An exit status that no command of belay has.
export ASAN_OPTIONS="${ASAN_OPTIONS:-exitcode=99:detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1:exitcode=99}"

# valgrind 3.19 does not know pidfd_open(), by which belay watches its children: a test that starts one
# fails there, and leaks what it had. Where tests fail, as they do not without valgrind, only invalid
# memory is a finding.
under_valgrind() {
	out=$CACHE/valgrind.log
	whole=0 cut=0 found=0
	for program in $(meson introspect --tests build-test | jq -r '.[].cmd[0]'); do
		CMOCKA_MESSAGE_OUTPUT=TAP BELAY_REPLAY_LIMIT=1200 timeout 1800 valgrind -q --error-exitcode=99 --child-silent-after-fork=yes \
			--leak-check=full --errors-for-leak-kinds=definite "$program" >"$out" 2>&1 </dev/null && ended=0 ||
			ended=$?
		if [ "$ended" = 0 ]; then
			whole=$((whole + 1))
		elif grep -aq '^not ok' "$out" &&
			! grep -aqE '^==[0-9]+== (Invalid|Mismatched|Conditional|Use of unini|Syscall param|Source and)' "$out"; then
			cut=$((cut + 1))
		else
			found=$((found + 1))
			echo "FAILED  ${program##*/} under valgrind"
			grep -aE '^(==|not ok)' "$out" | head -n 40 | sed 's/^/        /'
		fi
	done
	echo "valgrind: $whole without a finding, $cut with tests that cannot run there (memory only), $found failed"
	[ "$found" = 0 ]
}

failed=0
(
	TESTED=build-sanitize
	TESTED_WITH='-Db_sanitize=address,undefined -Dbuildtype=debug'
	UNIT_LIMIT=600
	. tools/dev/test.sh
) || failed=1
case " $* " in
*' unit '*)
	build_into build-test -Dtest_build=true
	under_valgrind || failed=1
	;;
esac
[ "$failed" = 0 ] || die "findings (above)"
