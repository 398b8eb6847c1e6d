# coverage.sh - ./dev coverage [PART ...]: line coverage of each folder of src/, by the tests of the parts
# given (see ./dev test; unit, cli and crash unless told), and what the goals are.
#
# Counts are added to those of earlier runs until a source changes; build-coverage/missed has each line
# that never ran. `./dev coverage table` only prints what is there.

TESTED=build-coverage
TESTED_WITH='-Db_coverage=true -Dbuildtype=debug'
if [ "${1:-}" != table ]; then
	# In a process of its own: it has traps, and a failed test must not hide the table.
	[ $# -gt 0 ] || set -- unit cli crash
	(. tools/dev/test.sh) && tests=0 || tests=1
fi
echo
tools/coverage-table "$TESTED" "$TESTED/missed" || die "below the goal (<); the lines: $TESTED/missed"
[ "${tests:-0}" = 0 ] || die "a test failed (above)"
