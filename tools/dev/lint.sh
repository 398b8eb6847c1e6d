# lint.sh - every rule a machine can check. All are asked; one failure does not hide the next.
. tools/dev/rule.sh

compile_with() {
	# The compiler is fixed when a folder is set up, so each has its own.
	[ -e "build-lint-$1/build.ninja" ] ||
		CC=$1 meson setup "build-lint-$1" -Dwerror=true -Dtest_build=true || return 1
	ninja -C "build-lint-$1"
}

format() {
	find src tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
}

# As it is installed, but not stripped.
hardened() {
	build_into build-lint-release --buildtype=release -Dtests=false &&
		tools/check-hardening build-lint-release/src/cli/belay
}

rule "gcc, warnings as errors" compile_with gcc
rule "clang, warnings as errors" compile_with clang
rule "format (clang-format)" format
rule "layers (src/LAYERS)" tools/check-layers
rule "sizes" tools/check-sizes
rule "messages (po/ko.po)" tools/check-messages
rule "shell scripts" tools/check-scripts
rule "hardening of the release build" hardened
rules_end
