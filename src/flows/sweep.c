#include "flows/sweep.h"

#include "backup/prove.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/tree.h"
#include "release/package.h"
#include "rehearse/rehearse.h"
#include "steps/steps.h"
#include "steps/way_back.h"

/* An image that was not looked into whole. */
static bool sweep_images(const Site *site, Err *err)
{
	AUTO(free_auto) char *images = site_path(site, "images");

	return tree_remove_ending(images, ".partial", err);
}

/* A restore from nothing has no way back: what its last step did not get to is empty. */
static bool sweep_places(const Site *site, Journal *journal, Database *db, Err *err)
{
	AUTO(strlist_clear) StrList runs = {0};

	if (!way_backs(journal, &runs, err))
		return false;
	for (size_t i = 0; i < runs.len; i++) {
		AUTO(run_clear) Run run = {0};

		if (!journal_run(journal, runs.items[i], &run, err))
			return false;
		if (str_is(run.command, "restore-empty") &&
			!way_back_give_up(site, journal, db, run.id, err))
			return false;
	}
	return true;
}

bool sweep_scratch(const Site *site, Journal *journal, Err *err)
{
	AUTO(database_close_auto) Database *db = NULL;

	return package_sweep(site, err) && sweep_images(site, err) &&
	       database_open(site, &db, err) && backup_prove_sweep(site, db, NULL, err) &&
	       rehearse_sweep(site, db, err) && migrate_copy_sweep(site, err) &&
	       sweep_places(site, journal, db, err);
}
