#include "flows/sweep.h"

#include "backup/prove.h"
#include "base/mem.h"
#include "os/tree.h"
#include "rehearse/rehearse.h"
#include "steps/steps.h"

/* A package that was not fetched whole, an image that was not looked into whole. */
static bool sweep_taken_in(const Site *site, Err *err)
{
	AUTO(free_auto) char *packages = site_path(site, "packages");
	AUTO(free_auto) char *images = site_path(site, "images");

	return tree_remove_ending(packages, ".partial", err) &&
	       tree_remove_ending(images, ".partial", err);
}

bool sweep_scratch(const Site *site, Err *err)
{
	AUTO(database_close_auto) Database *db = NULL;

	return sweep_taken_in(site, err) && database_open(site, &db, err) &&
	       backup_prove_sweep(site, db, NULL, err) && rehearse_sweep(site, db, err) &&
	       migrate_copy_sweep(site, err);
}
