#include "steps/way_back.h"

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"

#define RUNS_MAX 1000

static bool exchanged(const Run *run)
{
	return str_is(run->outcome, "upgraded") || str_is(run->outcome, "rolled-back") ||
	       str_is(run->outcome, "restored");
}

static bool is_kept(Journal *journal, const char *run, bool *ret, Err *err)
{
	AUTO(free_auto) char *spare = NULL;
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *gone = NULL;

	if (!journal_fact(journal, run, fact_name(FACT_SPARE), &spare, err) ||
		!journal_fact(journal, run, fact_name(FACT_LIVE_ID), &id, err) ||
		!journal_fact(journal, run, fact_name(FACT_WAY_BACK_GONE), &gone, err))
		return false;
	*ret = spare && id && !gone;
	return true;
}

/* A rollback goes the way back of the run it takes back; what lies in the place then is its own. */
bool way_backs(Journal *journal, StrList *ret_runs, Err *err)
{
	AUTO(run_list_clear) RunList runs = {0};
	AUTO(strlist_clear) StrList gone = {0};

	if (!journal_runs(journal, RUNS_MAX, &runs, err))
		return false;
	for (size_t i = 0; i < runs.len; i++) {
		const char *run = runs.items[i].id;
		AUTO(free_auto) char *undoes = NULL;
		bool kept = false;

		if (!exchanged(&runs.items[i]))
			continue;
		if (!journal_fact(journal, run, fact_name(FACT_UNDOES), &undoes, err) ||
			!is_kept(journal, run, &kept, err))
			return false;
		if (undoes)
			strlist_add(&gone, undoes);
		if (kept && !strlist_has(&gone, run))
			strlist_add(ret_runs, run);
	}
	return true;
}

/* After a rollback the place holds another database than the upgrade left there: it belongs to the
 * rollback's way back. */
static bool drop_database(Database *db, Journal *journal, const char *run, Err *err)
{
	AUTO(database_about_clear) DatabaseAbout about = {0};
	AUTO(free_auto) char *server = NULL;
	AUTO(free_auto) char *spare = NULL;
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *there = NULL;

	if (!journal_fact(journal, run, fact_name(FACT_SERVER_ID), &server, err) ||
		!journal_fact(journal, run, fact_name(FACT_SPARE), &spare, err) ||
		!journal_fact(journal, run, fact_name(FACT_LIVE_ID), &id, err) ||
		!database_about(db, &about, err))
		return false;
	if (!str_is(server, about.server_id))
		return err_fail(err, ERR_FOREIGN,
			"the database of run '%s' lies on another server than the site's", run);
	if (!database_id(db, spare, &there, err))
		return false;
	return !str_is(there, id) || database_kept_drop(db, spare, id, err);
}

static bool drop_vectors(const Site *site, Journal *journal, const char *run, Err *err)
{
	AUTO(free_auto) char *live = site_vector_dir(site);
	AUTO(free_auto) char *spare = NULL;
	AUTO(free_auto) char *id = NULL;
	AUTO(free_auto) char *there = NULL;

	if (!journal_fact(journal, run, fact_name(FACT_VECTOR_SPARE), &spare, err) ||
		!journal_fact(journal, run, fact_name(FACT_VECTOR_LIVE_ID), &id, err))
		return false;
	if (!spare || !id || !str_starts(path_name(spare), "vector_db.belay-") ||
		str_is(spare, live))
		return true;
	if (!path_id(spare, &there, err))
		return false;
	return !str_is(there, id) || tree_remove(spare, err);
}

bool way_back_give_up(const Site *site, Journal *journal, Database *db, const char *run, Err *err)
{
	bool kept = false;

	if (!is_kept(journal, run, &kept, err))
		return false;
	if (!kept) {
		err_fail(err, ERR_REFUSED, "run '%s' has no way back", run);
		return err_hint(err, "belay status");
	}
	if (!drop_database(db, journal, run, err) || !drop_vectors(site, journal, run, err))
		return err_wrap(err, "giving up the way back of run '%s'", run);
	return journal_fact_set(journal, run, fact_name(FACT_WAY_BACK_GONE), "yes", err);
}
