# sanitize.sh - ./dev sanitize [PART ...]: the tests of the parts given (see ./dev test; unit and cli unless
# told) with belay built for ASan and UBSan, any finding of which ends the process; then, where unit is
# among the parts, the unit tests under valgrind.

[ $# -gt 0 ] || set -- unit cli
need valgrind
# Leaks are found too. An exit status that no command of belay has.
export ASAN_OPTIONS="${ASAN_OPTIONS:-exitcode=99:detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1:exitcode=99}"
failed=0
(
	TESTED=build-sanitize
	TESTED_WITH='-Db_sanitize=address,undefined -Dbuildtype=debug'
	UNIT_LIMIT=600
	. tools/dev/test.sh
) || failed=1
case " $* " in
*' unit '*)
	(
		set -- unit
		UNIT_LIMIT=1200
		UNIT_UNDER='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite
			--child-silent-after-fork=yes'
		. tools/dev/test.sh
	) || failed=1
	;;
esac
[ "$failed" = 0 ] || die "findings (above)"
