# rule.sh - "ok NAME" or "FAILED NAME" with what was said; one failure does not hide the next.
failures=0

# rule NAME COMMAND [ARGUMENT ...]
rule() {
	name=$1
	shift
	if "$@" >"$CACHE/lint.log" 2>&1; then
		echo "ok      $name"
	else
		echo "FAILED  $name"
		head -n 60 "$CACHE/lint.log" | sed 's/^/        /'
		failures=$((failures + 1))
	fi
}

rules_end() {
	[ "$failures" = 0 ] || die "$failures of the rules are broken"
}
