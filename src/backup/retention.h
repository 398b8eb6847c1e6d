/* retention.h - which backup sets may go: keep the last N, and one a day, week and month for so
 * many of each; never the last proven set, never what a way back or an unfinished run refers to,
 * and never because of a failed run.
 *
 * Proven sets fill the places of the rule; a set that is not proven takes none of theirs, so seven
 * nights of failed backups push nothing out. Dumps made by hand and sets of other sites are never
 * touched. */
#pragma once
#include "backup/backup.h"

typedef struct RetentionRule {
	int last, daily, weekly, monthly;
} RetentionRule;
/* `kept_for` names sets that must stay whatever the rule says. *ret_remove gets the names to
 * remove, oldest first; nothing is removed here. */
void retention_choose(const BackupList *sets, const RetentionRule *rule, const StrList *kept_for,
	StrList *ret_remove);
/* Renamed to NAME.partial first: a set that is half removed is none. */
bool retention_remove(const Site *site, const BackupSet *set, Err *err) NODISCARD;
/* Folders that a killed backup or removal left: NAME.partial, and sets without a manifest. Only
 * those that hold nothing but what belay puts there are listed. */
bool retention_leftovers(const Site *site, StrList *ret_paths, Err *err) NODISCARD;
bool retention_remove_leftover(const Site *site, const char *path, Err *err) NODISCARD;
