# build.sh - one build folder a purpose.

# build_into FOLDER [meson option ...]
build_into() {
	folder=$1
	shift
	if [ ! -e "$folder/build.ninja" ]; then
		meson setup "$folder" "$@" >"$CACHE/meson-$folder.log" 2>&1 || {
			tail -n 20 "$CACHE/meson-$folder.log" >&2
			die "meson setup failed"
		}
	fi
	ninja -C "$folder" >"$CACHE/ninja-$folder.log" 2>&1 || {
		grep -A 8 -E 'error|FAILED' "$CACHE/ninja-$folder.log" | head -n 60 >&2
		die "the build failed; the whole log: $CACHE/ninja-$folder.log"
	}
}
