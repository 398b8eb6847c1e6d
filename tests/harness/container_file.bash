# container_file.bash - for a .bats file whose sites are containers of Docker: `load ../harness/container_file`.
# IMAGES has the versions of the stand-in whose images it needs; each test that made sites is rid of them. A
# file that wants it otherwise defines the function again.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
. "$ROOT/tests/real/lib.sh"
. "$ROOT/tests/harness/container.sh"

setup_file() {
	# shellcheck disable=SC2086
	docker_images_ready $IMAGES
}

setup() {
	container_file_setup
}

teardown() {
	for dir in "$BATS_TEST_TMPDIR"/*/; do
		[ ! -e "$dir/site.env" ] || { site_use "${dir%/}" && docker_site_remove; }
	done
}

container_file_setup() {
	[ -e "$BATS_FILE_TMPDIR/ready" ] || skip "$(tail -n 1 "$BATS_FILE_TMPDIR/why")"
}
