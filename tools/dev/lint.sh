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

# gcc 12 loses sight of what is set through a pointer, and of NULL tested elsewhere: the two groups that
# are left out were false in every case looked at.
analyzed() {
	[ -e build-lint-analyzer/build.ninja ] ||
		CC=gcc meson setup build-lint-analyzer -Dwerror=true -Dtest_build=true -Dtests=false \
			-Dc_args='-fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-null-argument' ||
		return 1
	ninja -C build-lint-analyzer
}

# It knows nothing of cleanup attributes, so leaks are not its business, and belay has one thread.
cppchecked() {
	mkdir -p build-lint-gcc/cppcheck
	cppcheck -j "$(nproc)" -q --enable=warning,portability,performance --std=c11 --language=c \
		-D_GNU_SOURCE -DBELAY_TEST -DBELAY_VERSION='"0"' -DBELAY_LOCALEDIR='"/"' \
		-Isrc -Ibuild-lint-gcc/src/database -Ibuild-lint-gcc/src/release -Ibuild-lint-gcc/src/service \
		--library=posix --library=gnu --library=tools/cppcheck.cfg --inline-suppr \
		--suppress=missingIncludeSystem --suppress=resourceLeak --suppress=memleak \
		--suppress=readdirCalled --suppress=getpwnamCalled --suppress=getpwuidCalled \
		--cppcheck-build-dir=build-lint-gcc/cppcheck --error-exitcode=1 src
}

# .clang-tidy says what is asked. It reads the sources as the build of clang has them.
tidied() {
	printf '%s\n' src/*/*.c | xargs -n 8 -P "$(nproc)" clang-tidy -p build-lint-clang --quiet
}

# As it is installed, but not stripped.
hardened() {
	build_into build-lint-release --buildtype=release -Dtests=false &&
		tools/check-hardening build-lint-release/src/cli/belay
}

rule "gcc, warnings as errors" compile_with gcc
rule "clang, warnings as errors" compile_with clang
rule "clang-tidy" tidied
rule "gcc -fanalyzer" analyzed
rule "cppcheck" cppchecked
rule "format (clang-format)" format
rule "layers (src/LAYERS)" tools/check-layers
rule "sizes" tools/check-sizes
rule "messages (po/ko.po)" tools/check-messages
rule "shell scripts" tools/check-scripts
rule "hardening of the release build" hardened
rules_end
