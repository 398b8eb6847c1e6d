#include "flows/sweep.h"

#include "backup/prove.h"
#include "rehearse/rehearse.h"
#include "release/package.h"
#include "steps/steps.h"

bool sweep_scratch(const Site *site, Err *err)
{
	AUTO(database_close_auto) Database *db = NULL;

	return package_sweep(site, err) && database_open(site, &db, err) &&
	       backup_prove_sweep(site, db, NULL, err) && rehearse_sweep(site, db, err) &&
	       migrate_copy_sweep(site, err);
}
