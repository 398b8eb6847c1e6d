# torture.sh - ./dev torture: belay broken at its fault points, and what is left judged.
#
#   ./dev torture [FLOW ...]        each point of upgrade, rollback, backup, restore, restore-empty (on a
#                                   machine that has nothing of the site), rehearse, prune and resume, on
#                                   SQLite and PostgreSQL, with each fault; hours
#   ./dev torture random N          kill -9 at N random moments
#   ./dev torture powercut N        N power cuts: only what was synced is left, the rest perhaps
#   ./dev torture ... --on sqlite,postgres,inside,system  --fault kill,torn,fail,full  --way all
#                     --step N  --minutes M  --seed N     less of it; tests/crash/torture.py --help
#   ./dev torture ... --jobs N --results FILE   N workers a kind; what passed in FILE is not run again

need build test
need_python

build_into build-test -Dtest_build=true
sh tests/standin/make-wheelhouse "$CACHE/wheelhouse" || die "the stand-in's wheels could not be made"
export BELAY="${BELAY:-$ROOT/build-test/src/cli/belay}"
if [ "${1:-}" = powercut ]; then
	shift
	set -- tests/crash/powercut.py "$@"
else
	set -- tests/crash/torture.py "$@"
fi
exec "$PYTHON" "$@"
