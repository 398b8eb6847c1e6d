# healthy.sh - ./dev healthy [N]: N upgrades and rollbacks that must succeed, each in other
# circumstances. A no of belay here is a false alarm; the first one ends it, with what was said.

need build test
need_python

build_into build-test -Dtest_build=true
sh tests/standin/make-wheelhouse "$CACHE/wheelhouse" || die "the stand-in's wheels could not be made"
HEALTHY=$(mktemp -d "${TMPDIR:-/tmp}/belay-healthy.XXXXXX")
trap 'rm -rf "$HEALTHY"' EXIT
trap 'exit 130' INT TERM
BATS_TEST_FILENAME=$ROOT/tests/cli/healthy SITES=$HEALTHY
export BELAY="$ROOT/build-test/src/cli/belay"
. tests/harness/healthy.sh
healthy_rounds "${1:-200}" "$HEALTHY"
