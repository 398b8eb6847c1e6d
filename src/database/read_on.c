#include "database/read_on.h"

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "database/freeze.h"
#include "os/file.h"
#include "release/frozen_source.h"

/* What speaks against it on a SQLite site, before the file itself is asked. */
static void against_sqlite(
	const Site *site, const char *version, const char **ret_instead, Err *ret_why)
{
	const FrozenSource *source = frozen_source_find(version, true);

	*ret_instead = "sqlite_freeze = yes";
	/* The copy would move away with the data, between the copying and the swap. */
	if (site->webui.data_inside_environment && file_kind(site->environment) == FILE_FOLDER) {
		*ret_instead = NULL;
		err_fail(ret_why, ERR_REFUSED, "the data still lies inside the environment");
	} else if (str_is(site->sqlite_freeze, "no")) {
		*ret_instead = "sqlite_freeze = auto";
		err_fail(ret_why, ERR_REFUSED, "the site file says sqlite_freeze = no");
	} else if (source && source->cannot_read && !str_is(site->sqlite_freeze, "yes")) {
		err_fail_text(ret_why, ERR_REFUSED, source->reason);
	}
}

static void against(
	const Site *site, Database *db, const char *version, const char **ret_instead, Err *ret_why)
{
	const FrozenSource *source = frozen_source_find(version, false);

	if (str_is(site->read_on, "no")) {
		*ret_instead = "read_on = auto";
		err_fail(ret_why, ERR_REFUSED, "the site file says read_on = no");
	} else if (database_is_sqlite(db)) {
		against_sqlite(site, version, ret_instead, ret_why);
	} else if (source && source->cannot_read) {
		err_fail_text(ret_why, ERR_REFUSED, source->reason);
	}
}

int64_t read_on_gap_ms(const Site *site, const char *version)
{
	const FrozenSource *source = frozen_source_find(version, false);

	return source && source->ends_sessions ? 0 : site->max_gap_ms;
}

static bool insists(const Site *site, Err *why, Err *err)
{
	err_move(err, why);
	err->kind = ERR_REFUSED;
	err_wrap(err, "users cannot read while the data is copied and migrated");
	return err_hint(
		err, "write read_on = auto into '%s': they would wait for that long", site->file);
}

bool read_on_choose(
	const Site *site, Database *db, const char *version, ReadOn *ret, Err *ret_why, Err *err)
{
	AUTO(err_clear) Err why = {0};
	ReadOn choice = {.max_gap_ms = read_on_gap_ms(site, version)};

	against(site, db, version, &choice.instead, &why);
	if (why.kind == ERR_NONE && !database_can_freeze(db, &why, err))
		return false;
	choice.reads = why.kind == ERR_NONE;
	if (choice.reads)
		choice.instead = "read_on = no";
	else if (str_is(site->read_on, "yes"))
		return insists(site, &why, err);
	choice.why = str_dup(why.text);
	*ret = choice;
	if (ret_why)
		err_move(ret_why, &why);
	return true;
}

void read_on_clear(ReadOn *choice)
{
	free(choice->why);
	*choice = (ReadOn){0};
}
