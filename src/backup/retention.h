/* retention.h - which backup sets may go: keep the last N, and one a day, week and month for so many
 * of each; never the last proven set, never what a way back or an unfinished run refers to, and never
 * because of a failed run. */
#pragma once
#include "backup/backup.h"

typedef struct RetentionRule {
	int last, daily, weekly, monthly;
} RetentionRule;
/* `kept_for` names sets that must stay whatever the rule says. *ret_remove gets the names to remove,
 * oldest first; nothing is removed here. */
void retention_choose(const BackupList *sets, const RetentionRule *rule, const StrList *kept_for,
	StrList *ret_remove);
bool retention_remove(const Site *site, const BackupSet *set, Err *err) NODISCARD;
