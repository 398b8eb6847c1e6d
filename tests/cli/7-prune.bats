#!/usr/bin/env bats
# Which backup sets go, and which never do.

setup() {
	. "$BATS_TEST_DIRNAME/../harness/site.sh"
	standin_site alpha
	expect 0 belay backup
	FIRST=$(newest_set)
	NAME=${FIRST##*openwebui_backup_}
}

teardown() {
	site_remove
}

# rule LAST DAILY WEEKLY MONTHLY
rule() {
	sed -i '/^keep_/d' "$SITE_FILE"
	sed -i "s/^\[backup\]\$/[backup]\nkeep_last = $1\nkeep_daily = $2\nkeep_weekly = $3\nkeep_monthly = $4/" "$SITE_FILE"
}

# Names without the set of setup(), which is the newest.
left() {
	[ "$(sets)" = "$* $NAME " ] || complain "there: $(sets)" "wanted: $* $NAME"
}

@test "the last N stay; --plan only shows" {
	for stamp in 20260101_120000 20260102_120000 20260103_120000 20260104_120000; do set_copy "$FIRST" $stamp; done
	rule 3 0 0 0
	expect 0 belay prune --plan
	expect_text err 'openwebui_backup_20260101_120000'
	left 20260101_120000 20260102_120000 20260103_120000 20260104_120000
	expect 0 belay --json --yes prune
	tail -n 1 "$SITE/out" | jq -e '.outcome == "pruned" and .removed == 2
		and .plan.sets == ["openwebui_backup_20260101_120000", "openwebui_backup_20260102_120000"]'
	left 20260103_120000 20260104_120000
	expect 0 belay --yes prune
	left 20260103_120000 20260104_120000
	expect 0 belay verify --all
}

@test "the newest of each day, week and month" {
	# 2026-03-02 is a Monday.
	for stamp in 20260110_120000 20260120_120000 20260210_120000 20260302_080000 20260303_090000 \
		20260303_180000 20260304_090000; do set_copy "$FIRST" $stamp; done
	# Days: today, March 4 and 3 (its evening). Months: today, March, February.
	rule 1 3 0 3
	expect 0 belay --yes prune
	left 20260210_120000 20260303_180000 20260304_090000
	# Weeks: today and the one of March 4.
	rule 1 0 2 0
	expect 0 belay --yes prune
	left 20260304_090000
}

@test "sets that are not proven push no proven one out" {
	for stamp in 20270101_120000 20270102_120000 20270103_120000; do set_copy "$FIRST" $stamp unproven; done
	rule 1 0 0 0
	expect 0 belay --yes prune
	[ "$(sets)" = "$NAME 20270103_120000 " ] || complain "there: $(sets)"
}

@test "what a way back needs stays until it is given up" {
	expect 0 belay upgrade 0.8.0 --yes
	needed=$(newest_set)
	needed=${needed##*_backup_}
	set_copy "$FIRST" 20270101_120000
	rule 1 0 0 0
	expect 0 belay --yes prune
	[ "$(sets)" = "$needed 20270101_120000 " ] || complain "there: $(sets)"
	run=$(basename "$(ls -d "$SITE"/state/alpha/runs/*-upgrade)")
	expect 0 belay --yes prune --way-back "$run"
	expect 0 belay --yes prune
	[ "$(sets)" = "20270101_120000 " ] || complain "there: $(sets)"
	[ "$(site_version)" = 0.8.0 ]
	site_reads_back
}

@test "after a rollback the way back is that of the rollback, and status names it" {
	expect 0 belay upgrade 0.8.0 --yes
	up=$(basename "$(ls -d "$SITE"/state/alpha/runs/*-upgrade)")
	expect 0 belay rollback --yes
	back=$(basename "$(ls -d "$SITE"/state/alpha/runs/*-rollback)")
	expect 3 belay --yes prune --way-back "$up"
	expect_text err "run '$up' has no way back"
	expect 0 belay status
	expect_text out "way back .*, run $back"
	expect 0 belay --yes prune --way-back "$back"
	cat "$SITE/out" "$SITE/err" | grep "no backup set was made and proven since run '$back'.*belay backup"
	expect 0 belay status
	expect_text out 'way back  *none'
	expect 3 belay rollback --yes
	site_reads_back
}

@test "a failed run removes nothing; dumps made by hand and others' sets stay" {
	for stamp in 20260101_120000 20260102_120000; do set_copy "$FIRST" $stamp; done
	touch "$SITE/start/backups/openwebui_backup_20250101_000000.dump"
	mkdir "$SITE/start/backups/openwebui_backup_20250102_000000"
	touch "$SITE/start/backups/openwebui_backup_20250102_000000/toc.dat"
	rule 1 0 0 0
	expect 3 belay upgrade 0.8.1 --yes
	expect 4 belay upgrade 0.8.7 --skip-rehearsal --yes
	[ "$(sets | wc -w)" = 7 ] || complain "there: $(sets)"
	expect 0 belay --yes prune
	[ "$(sets | wc -w)" = 3 ] || complain "there: $(sets)"
	[ -e "$SITE/start/backups/openwebui_backup_20250101_000000.dump" ]
	[ -e "$SITE/start/backups/openwebui_backup_20250102_000000/toc.dat" ]
}
