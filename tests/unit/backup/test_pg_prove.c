#include "backup/prove.h"

#include "backup/manifest.h"
#include "backup/proof_record.h"
#include "base/fault.h"
#include "database/pg.h"
#include "database/pg_server.h"

#define RUN "20261123-134812-backup"

typedef struct Case {
	Site site;
	Database *db;
	Release release;
	char *root;
} Case;

/* Answers as data/inventory.py does. */
static const char python[] =
	"#!/bin/sh\ncat >/dev/null\n"
	"echo '{\"base\":\"/usr/bin/python3\",\"venv\":true,\"freeze\":[\"a==1\"],\"extra\":[]}'\n";

static void describe(Case *now)
{
	AUTO(err_clear) Err err = {0};

	now->site = (Site){.name = str_dup("test"),
		.file = path_join(now->root, "test.conf"),
		.start_directory = str_dup(now->root),
		.environment = path_join(now->root, "env"),
		.backup_dir = path_join(now->root, "backups"),
		.state_dir = path_join(now->root, "state"),
		.database = server_url("app", "webui")};
	strlist_add(&now->site.recipe.argv, "python");
	now->site.recipe.dir = str_dup(now->root);
	now->release = (Release){.version = str_dup("0.7.2"),
		.path = path_join(now->root, "env"),
		.python = path_join(now->root, "python"),
		.python_version = str_dup("3.11")};
	assert_done(file_write_text(now->release.python, python, 0755, &err), &err);
	assert_done(dir_make(now->site.state_dir, 0700, &err), &err);
}

static int setup(void **state)
{
	Case *now = NEW(Case);
	char name[] = "/tmp/belay-unit-XXXXXX";
	AUTO(err_clear) Err err = {0};

	*state = now;
	if (!server.running)
		return 0;
	now->root = str_dup(mkdtemp(name));
	describe(now);
	assert_done(database_open(&now->site, &now->db, &err), &err);
	return 0;
}

static int teardown(void **state)
{
	Case *now = *state;
	AUTO(err_clear) Err err = {0};
	bool gone = true;

	if (now->root) {
		database_close(now->db);
		site_clear(&now->site);
		release_clear(&now->release);
		gone = tree_remove(now->root, &err);
	}
	free(now->root);
	free(now);
	return gone ? 0 : -1;
}

static void make_set(Case *now, BackupSet *ret)
{
	AUTO(err_clear) Err err = {0};

	assert_done(backup_make(&now->site, now->db, &now->release, RUN, "make-backup", NULL, ret,
			    &err),
		&err);
}

static void prove(Case *now, BackupSet *set, bool keep, ProofReport *ret)
{
	AUTO(err_clear) Err err = {0};

	assert_done(backup_prove(set, &now->site, now->db, RUN, keep, ret, &err), &err);
}

#define NO_SCRATCH "SELECT count(*) FROM pg_database WHERE datname ~ 'proof'"

static void nothing_is_left(const Case *now)
{
	AUTO(strlist_clear) StrList names = {0};
	AUTO(err_clear) Err err = {0};

	assert_sql("postgres", "postgres", NO_SCRATCH, "0");
	assert_done(dir_list(now->site.backup_dir, &names, &err), &err);
	for (size_t i = 0; i < names.len; i++)
		assert_false(str_starts(names.items[i], "."));
}

static void a_whole_set_is_proven(void **state)
{
	Case *now = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};

	NEED_SERVER();
	make_set(now, &set);
	prove(now, &set, false, &report);
	if (report.texts.len)
		fail_msg("%s", report.texts.items[0]);
	assert_part(report.how, "-j 2");
	assert_true(set.proven);
	assert_string_equal(set.revision, "242a2047eae0");
	nothing_is_left(now);
}

/* Users go on writing: numbers are taken from a sequence while and after the dump is made. */
static void writes_meanwhile_do_not_matter(void **state)
{
	Case *now = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};
	json_t *about;

	NEED_SERVER();
	make_set(now, &set);
	about = json_object_get(set.manifest, "database");
	/* As if one had been taken between the first figure and the dump, and three until its end.
	 */
	json_put(json_object_get(json_object_get(about, "shape"), "sequences"),
		"public.user_id_seq", "20");
	json_put(json_object_get(about, "sequences_after"), "public.user_id_seq", "23");
	assert_done(manifest_write(set.path, set.manifest, &err), &err);
	server_sql("app", "webui", "INSERT INTO \"user\" (email) VALUES ('later')");
	prove(now, &set, false, &report);
	server_sql("app", "webui", "DELETE FROM \"user\" WHERE email = 'later'");
	assert_int_equal(report.slugs.len, 0);
}

static void the_scratch_database_stays_when_asked_for(void **state)
{
	Case *now = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};

	NEED_SERVER();
	make_set(now, &set);
	prove(now, &set, true, &report);
	assert_string_equal(report.scratch, "webui_belay_proof_20261123134812");
	assert_sql("app", report.scratch, "SELECT count(*) FROM chat", "500");
	/* Somebody is going to query it: the planner knows the tables. */
	assert_sql("app", report.scratch, "SELECT reltuples FROM pg_class WHERE relname = 'chat'",
		"500");
	assert_done(database_copy_drop(now->db, report.scratch, NULL, RUN, &err), &err);
	nothing_is_left(now);
}

/* What only a restore can find: the manifest is sealed again after the edit. */
static const struct {
	const char *list, *text, *slug;
} shapes[] = {
	{"revision", "c440947495f3", "revision"},
	{"extensions", "vector", "extensions"},
	{"indexes", "CREATE INDEX x", "indexes"},
	{"constraints", "public.chat: x", "constraints"},
	{"columns", "public.chat.x text", "columns"},
};

static void the_shape_is_compared(void **state)
{
	Case *now = *state;
	AUTO(backup_set_clear) BackupSet set = {0};

	NEED_SERVER();
	make_set(now, &set);
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		json_t *shape = json_object_get(json_object_get(set.manifest, "database"), "shape");
		json_t *list = json_object_get(shape, shapes[i].list);
		AUTO(proof_report_clear) ProofReport report = {0};

		json_array_append_new(list, json_string(shapes[i].text));
		prove(now, &set, false, &report);
		json_array_remove(list, json_array_size(list) - 1);
		assert_int_equal(report.slugs.len, 1);
		assert_string_equal(report.slugs.items[0], shapes[i].slug);
		assert_part(report.texts.items[0], shapes[i].text);
	}
	nothing_is_left(now);
}

static void a_figure_that_differs_is_found(void **state)
{
	Case *now = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	json_t *tables;

	NEED_SERVER();
	make_set(now, &set);
	tables = json_object_get(json_object_get(set.manifest, "database"), "tables");
	json_put(json_object_get(tables, "chat"), "digest", "1-2");
	json_put_int(json_object_get(tables, "user"), "rows", 21);
	prove(now, &set, false, &report);
	assert_int_equal(report.slugs.len, 2);
	assert_true(strlist_has(&report.slugs, "content"));
	assert_true(strlist_has(&report.slugs, "rows"));
	assert_false(set.proven);
}

static void put_dump(const Case *now, const char *name, char **ret_path)
{
	AUTO(free_auto) char *url = database_url_of(now->db, "webui");
	AUTO(err_clear) Err err = {0};
	AUTO(proc_result_clear) ProcResult result = {0};

	assert_done(dir_make(now->site.backup_dir, 0700, &err), &err);
	*ret_path = path_join(now->site.backup_dir, name);
	const ProcSpec spec = {
		.argv = ARGV(server_program("pg_dump"), "-F", "c", "-f", *ret_path, url),
		.timeout_ms = 60000};

	assert_done(proc_run(&spec, &result, &err), &err);
}

/* A dump as the procedure makes it is proven as a database, and its verdict ends with its content.
 */
static void a_dump_made_by_hand_is_proven_alone(void **state)
{
	static const char name[] = "openwebui_backup_20260101_120000.dump";
	Case *now = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(backup_set_clear) BackupSet again = {0};
	AUTO(backup_set_clear) BackupSet cut = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(proof_report_clear) ProofReport second = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = NULL;

	NEED_SERVER();
	put_dump(now, name, &path);
	assert_done(backup_find(&now->site, name, &set, &err), &err);
	prove(now, &set, false, &report);
	if (report.texts.len)
		fail_msg("%s", report.texts.items[0]);
	assert_done(backup_find(&now->site, name, &again, &err), &err);
	assert_true(again.proven);
	assert_true(again.foreign);
	assert_string_equal(again.revision, "242a2047eae0");
	assert_int_equal(truncate(path, 2000), 0);
	assert_done(backup_find(&now->site, name, &cut, &err), &err);
	assert_false(cut.proven);
	prove(now, &cut, false, &second);
	assert_int_equal(second.slugs.len, 1);
	assert_string_equal(second.slugs.items[0], "restore");
	nothing_is_left(now);
}

static void a_dump_of_something_else_is_refused(void **state)
{
	static const char name[] = "openwebui_backup_20260102_120000.dump";
	Case *now = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = NULL;

	NEED_SERVER();
	server_sql("app", "webui", "ALTER TABLE chat RENAME TO chats");
	put_dump(now, name, &path);
	server_sql("app", "webui", "ALTER TABLE chats RENAME TO chat");
	assert_done(backup_find(&now->site, name, &set, &err), &err);
	prove(now, &set, false, &report);
	assert_int_equal(report.slugs.len, 1);
	assert_string_equal(report.slugs.items[0], "not-open-webui");
}

/* Removed: what a killed proof of this site left. Not: another database with such a name, a way
 * back, what another run is working on. */
static void only_scratch_databases_are_swept(void **state)
{
	Case *now = *state;
	AUTO(err_clear) Err err = {0};

	NEED_SERVER();
	server_sql("app", "postgres", "CREATE DATABASE webui_belay_proof_20250101000000");
	server_sql("app", "postgres",
		"COMMENT ON DATABASE webui_belay_proof_20250101000000 IS "
		"'belay:20250101-000000-verify'");
	server_sql("app", "postgres", "CREATE DATABASE webui_belay_proof_20250101000001");
	server_sql("app", "postgres", "CREATE DATABASE webui_belay_20250101000002");
	server_sql("app", "postgres",
		"COMMENT ON DATABASE webui_belay_20250101000002 IS "
		"'belay:20250101-000002-upgrade:kept'");
	server_sql("app", "postgres", "CREATE DATABASE other_belay_proof_20250101000003");
	server_sql("app", "postgres",
		"COMMENT ON DATABASE other_belay_proof_20250101000003 IS "
		"'belay:20250101-000003-verify'");
	assert_done(backup_prove_sweep(&now->site, now->db, RUN, &err), &err);
	assert_sql("postgres", "postgres",
		"SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database"
		" WHERE datname ~ 'belay'",
		"other_belay_proof_20250101000003 webui_belay_20250101000002 "
		"webui_belay_proof_20250101000001");
	server_sql("app", "postgres", "DROP DATABASE webui_belay_proof_20250101000001");
	server_sql("app", "postgres", "DROP DATABASE other_belay_proof_20250101000003");
	server_sql("app", "postgres", "DROP DATABASE webui_belay_20250101000002");
}

static void what_was_set_aside_goes_by_id_and_mark(void **state)
{
	Case *now = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *id = NULL;

	NEED_SERVER();
	server_sql("app", "postgres", "CREATE DATABASE webui_belay_20250101000002");
	assert_done(database_id(now->db, "webui_belay_20250101000002", &id, &err), &err);
	assert_error(database_kept_drop(now->db, "webui_belay_20250101000002", "1", &err), &err,
		ERR_FOREIGN);
	err_clear(&err);
	server_sql("app", "postgres",
		"COMMENT ON DATABASE webui_belay_20250101000002 IS 'belay:20250101-000002-upgrade'");
	assert_error(database_kept_drop(now->db, "webui_belay_20250101000002", id, &err), &err,
		ERR_FOREIGN);
	err_clear(&err);
	server_sql("app", "postgres",
		"COMMENT ON DATABASE webui_belay_20250101000002 IS 'belay:20250101-000002-upgrade:kept'");
	assert_done(database_kept_drop(now->db, "webui_belay_20250101000002", id, &err), &err);
	assert_done(database_kept_drop(now->db, "webui_belay_20250101000002", id, &err), &err);
	assert_sql("postgres", "postgres",
		"SELECT count(*) FROM pg_database WHERE datname ~ 'belay'", "0");
}

static bool plain_gets_in(const char *database)
{
	DatabaseUrl url = server_url("plain", database);
	const char *const databases[] = {database, NULL};
	PgSession *session = NULL;
	AUTO(err_clear) Err err = {0};
	const bool entered = pg_connect(&url, databases, &session, &err);

	if (entered)
		pg_disconnect(session);
	database_url_clear(&url);
	return entered;
}

/* CREATE DATABASE lets PUBLIC in: until the live database's grants are there the door is shut. */
static void a_copy_is_never_more_open_than_the_original(void **state)
{
	Case *now = *state;
	AUTO(free_auto) char *scratch = NULL;
	AUTO(err_clear) Err err = {0};

	NEED_SERVER();
	scratch = pg_scratch_name(now->db, RUN);
	assert_true(plain_gets_in("webui"));
	server_sql("app", "postgres", "REVOKE CONNECT ON DATABASE webui FROM PUBLIC");
#ifdef BELAY_TEST
	fault_restart();
	setenv("BELAY_FAULT", "error@pg-comment", 1);
	assert_false(pg_create_spare(now->db, scratch, RUN, false, &err));
	unsetenv("BELAY_FAULT");
	assert_false(plain_gets_in(scratch));
	err_clear(&err);
	assert_done(pg_clear_spare(now->db, scratch, RUN, &err), &err);
#endif
	assert_done(pg_create_spare(now->db, scratch, RUN, false, &err), &err);
	assert_sql("app", scratch, "SELECT 1", "1");
	assert_false(plain_gets_in(scratch));
	assert_done(pg_clear_spare(now->db, scratch, RUN, &err), &err);
	server_sql("app", "postgres", "GRANT CONNECT ON DATABASE webui TO PUBLIC");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_whole_set_is_proven),
		CASE(writes_meanwhile_do_not_matter),
		CASE(the_scratch_database_stays_when_asked_for),
		CASE(the_shape_is_compared),
		CASE(a_figure_that_differs_is_found),
		CASE(a_dump_made_by_hand_is_proven_alone),
		CASE(a_dump_of_something_else_is_refused),
		CASE(only_scratch_databases_are_swept),
		CASE(a_copy_is_never_more_open_than_the_original),
		CASE(what_was_set_aside_goes_by_id_and_mark),
	};

	return cmocka_run_group_tests(tests, server_start, server_stop);
}
