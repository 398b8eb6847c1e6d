#include "database/elsewhere.h"

#include "base/mem.h"
#include "base/text.h"
#include "database/ops.h"

/* The site as it would be on that server: the same name, and neither container nor admin. */
bool database_open_elsewhere(const Site *site, Database *db, Err *err)
{
	AUTO(database_close_auto) Database *there = NULL;

	if (str_empty(site->rehearsal_server) || database_is_sqlite(db))
		return true;
	there = NEW(Database);
	there->ops = db->ops;
	there->like = db;
	there->reached = *site;
	there->site = &there->reached;
	if (!database_url_parse(
		    site->rehearsal_server, site->start_directory, &there->elsewhere, err))
		return err_wrap(err, "rehearsal_server");
	/* The release that is tried must find the driver that it knows. */
	str_replace(&there->elsewhere.scheme, site->database.scheme);
	str_replace(&there->elsewhere.name, site->database.name);
	there->reached.database = there->elsewhere;
	there->reached.admin_url = site->rehearsal_server;
	there->reached.container = NULL;
	if (!there->ops->open(there, err))
		return false;
	db->there = TAKE(there);
	return true;
}

Database *database_rehearsal(Database *db)
{
	return db->there ? db->there : db;
}

bool database_is_elsewhere(const Database *db)
{
	return db->like != NULL;
}

bool database_fits(Database *elsewhere, Err *err)
{
	return elsewhere->ops->fits(elsewhere, err);
}

bool database_server(Database *db, char **ret, Err *err)
{
	return db->ops->server(db, ret, err);
}

const DatabaseUrl *database_address(const Database *db)
{
	return &db->site->database;
}
