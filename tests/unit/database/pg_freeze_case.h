/* pg_freeze_case.h - a database that a test freezes, copies, exchanges and puts back. */
#pragma once
#include "pg_server.h"
#include "database/freeze.h"

#define RUN   "20261123-134812-upgrade"
#define SPARE "webui_belay_20261123134812"

/* What a test works on; a made copy too, once there is one. */
typedef struct Case {
	Database *db;
	char *live_id, *spare_id, *server_id;
	json_t *proof;
	int64_t gap_ms;
} Case;

UNUSED static char *id_of(Database *db, const char *place)
{
	char *id = NULL;
	Err err = {0};

	assert_done(database_id(db, place, &id, &err), &err);
	return id;
}

UNUSED static Case open_case(void)
{
	Case made = {0};
	Err err = {0};

	assert_done(database_open(&server.site, &made.db, &err), &err);
	made.live_id = id_of(made.db, "webui");
	return made;
}

UNUSED static bool is_frozen(Case *made, const char *id)
{
	bool frozen = false;
	Err err = {0};

	assert_done(database_is_frozen(made->db, id, &frozen, &err), &err);
	return frozen;
}

UNUSED static void freeze(Case *made)
{
	Err err = {0};

	assert_done(database_freeze(made->db, made->live_id, &err), &err);
	assert_true(is_frozen(made, made->live_id));
}

UNUSED static void thaw(Case *made, const char *id)
{
	Err err = {0};

	assert_done(database_thaw(made->db, id, &err), &err);
	assert_false(is_frozen(made, id));
}

UNUSED static void copy(Case *made, int64_t max_gap_ms)
{
	DatabaseAbout about = {0};
	Err err = {0};

	assert_done(database_copy_frozen(
			    made->db, SPARE, RUN, max_gap_ms, &made->proof, &made->gap_ms, &err),
		&err);
	assert_done(database_about(made->db, &about, &err), &err);
	made->server_id = TAKE(about.server_id);
	database_about_clear(&about);
	made->spare_id = id_of(made->db, SPARE);
}

UNUSED static DatabaseExchange exchange_of(const Case *made)
{
	return (DatabaseExchange){.spare = SPARE,
		.live_id = made->live_id,
		.spare_id = made->spare_id,
		.server_id = made->server_id,
		.run = RUN,
		.proof = made->proof,
		.carry = true};
}

UNUSED static void assert_live(const Case *made, const char *id)
{
	AUTO(free_auto) char *there = id_of(made->db, "webui");

	assert_string_equal(there, id);
}

/* The exchange sees that somebody wrote, and changes nothing. */
UNUSED static void assert_noticed(const Case *made, const char *what)
{
	const DatabaseExchange exchange = exchange_of(made);
	Err err = {0};

	if (database_exchange(made->db, &exchange, &err))
		fail_msg("%s: exchanged", what);
	if (err.kind != ERR_FOREIGN)
		fail_msg("%s: %s", what, err.text);
	assert_part(err.text, "was changed after it was copied");
	err_clear(&err);
	assert_live(made, made->live_id);
}

/* Back to one database 'webui' that is open and thawed. */
UNUSED static void put_away(Case *made)
{
	AUTO(free_auto) char *spare = id_of(made->db, SPARE);
	AUTO(free_auto) char *live = id_of(made->db, "webui");
	Err err = {0};

	if (spare)
		assert_done(database_copy_drop(made->db, SPARE, spare, RUN, &err), &err);
	thaw(made, live);
	assert_done(database_door(made->db, live, true, &err), &err);
	database_close(made->db);
	json_decref(made->proof);
	free(made->live_id);
	free(made->spare_id);
	free(made->server_id);
	*made = (Case){0};
}
