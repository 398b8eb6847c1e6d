# matrix.sh - one upgrade, broken at one fault point after the other. Points are counted, not listed:
# a new effect with a fault point is covered the moment it exists.
#
# BELAY_TORTURE=all breaks at every point; else at a sample, the offset of which differs by file so
# that together they see more.

. "$ROOT/tests/harness/site.sh"

SAMPLE=${BELAY_TORTURE_STEP:-36}
[ "${BELAY_TORTURE:-}" != all ] || SAMPLE=1

sound() {
	[ -n "${SITE_PG:-}" ] || [ "$(sqlite3 "$SITE_DATA/webui.db" 'PRAGMA integrity_check')" = ok ]
}

# Old on old or new on new; the data reads back; the file is sound; no run is left open.
no_mix() {
	site_wait || return 1
	case $(site_version)/$(site_revision) in
	0.7.2/c440947495f3 | 0.8.0/a1b2c3d4e5f6) ;;
	*) complain "a mix: $(site_version) on $(site_revision)" || return 1 ;;
	esac
	sound && site_reads_back && expect 0 belay status --check
}

# The impatient operator: whatever the start script brings up now must not be a mix.
start_by_hand() {
	[ -z "$(site_pid)" ] || return 0
	bash "$SITE/start/start_openwebui.sh" >/dev/null 2>&1 3>&- || true
	sleep 0.7
	[ -z "$(site_pid)" ] || {
		site_wait && case $(site_version)/$(site_revision) in
		0.7.2/c440947495f3 | 0.8.0/a1b2c3d4e5f6) ;;
		*) complain "started by hand: a mix: $(site_version) on $(site_revision)" ;;
		esac
	}
}

# The same site again and again: made once, and kept as it was before the first start of belay.
fresh_site() {
	if [ ! -e "${KEPT:=$BATS_TEST_TMPDIR/kept}" ]; then
		standin_site site "$@" && site_signature >"$SITE/before" || return 1
		site_stop
		cp -a "$SITE" "$KEPT"
		[ -z "${SITE_PG:-}" ] || psql -d postgres -qXc "CREATE DATABASE kept_$SITE_PG TEMPLATE $SITE_PG"
	else
		cp -a "$KEPT" "$SITE"
		[ -z "${SITE_PG:-}" ] || fresh_database
	fi
	site_start
}

fresh_database() {
	psql -d postgres -AtXqc "SELECT datname FROM pg_database WHERE datname LIKE '${SITE_PG}%'" | while read -r name; do
		psql -d postgres -qXc "DROP DATABASE \"$name\" WITH (FORCE)"
	done
	psql -d postgres -qXc "CREATE DATABASE $SITE_PG TEMPLATE kept_$SITE_PG"
}

# A fresh site whose upgrade met the fault; $status is the upgrade's. 1: the fault was not reached.
fresh_broken() {
	fresh_site "$@" || return 2
	BELAY_FAULT="$fault" BELAY_FAULT_LOG="$SITE/points" belay upgrade 0.8.0 --yes
	[ "$(grep -vc '^torn' "$SITE/points")" -ge "${fault#*:}" ]
}

# for_points KIND OFFSET JUDGE: break at OFFSET, OFFSET + SAMPLE … until an upgrade passes whole.
for_points() {
	kind=$1 point=$2 judge=$3 bad=0 tried=0
	[ "$SAMPLE" -gt 1 ] || point=1
	while :; do
		fault=$kind:$point
		if fresh_broken $MATRIX_SITE; then
			tried=$((tried + 1))
			# Not in a condition: there the shell ignores set -e, and only the judge's last word counts.
			set +e
			(trap - ERR && set -e && "$judge")
			judged=$?
			set -e
			[ "$judged" = 0 ] || {
				bad=$((bad + 1))
				echo "--- $fault ($(sed -n "${point}p" "$SITE/points"))" >&2
			}
		elif [ "$?" = 2 ]; then
			return 1
		else
			site_remove
			echo "# $tried points broken" >&3
			break
		fi
		site_remove
		point=$((point + SAMPLE))
	done
	[ "$tried" -gt 2 ] || complain "only $tried points were reached"
	[ "$bad" = 0 ] || complain "$bad of $tried points"
}
