#include "backup/prove.h"

#include "sqlite_backup.h"

static void prove(Fixture *fixture, BackupSet *set, bool keep, ProofReport *ret)
{
	AUTO(err_clear) Err err = {0};

	assert_done(backup_prove(set, &fixture->site, fixture->db, RUN, keep, ret, &err), &err);
}

static void assert_only_slug(const ProofReport *report, const char *slug)
{
	if (report->slugs.len != 1 || !str_is(report->slugs.items[0], slug))
		fail_msg("not only '%s' but %zu: %s", slug, report->slugs.len,
			report->slugs.len ? report->texts.items[0] : "");
	assert_int_equal(report->texts.len, 1);
	assert_int_equal(report->findings.len, 1);
}

static void nothing_scratch_is_left(const Fixture *fixture)
{
	static const char *const folders[] = {"data", "start/backups"};
	AUTO(err_clear) Err err = {0};

	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		AUTO(strlist_clear) StrList names = {0};
		AUTO(free_auto) char *path = path_join(fixture->root, folders[i]);

		assert_done(dir_list(path, &names, &err), &err);
		for (size_t j = 0; j < names.len; j++)
			if (strstr(names.items[j], "proof"))
				fail_msg("'%s' is left in '%s'", names.items[j], folders[i]);
	}
}

static void a_whole_set_is_proven_and_its_manifest_says_so(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(backup_set_clear) BackupSet again = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};

	make_set(fixture, &set);
	assert_false(set.proven);
	prove(fixture, &set, false, &report);
	assert_int_equal(report.slugs.len, 0);
	assert_non_null(report.how);
	assert_null(report.scratch);
	assert_done(proof_judge(&set, &report, &err), &err);
	assert_done(backup_find(&fixture->site, set.name, &again, &err), &err);
	assert_true(again.proven);
	assert_true(again.proven_ms == fixture->clock.wall_ms);
	nothing_scratch_is_left(fixture);
}

static void the_scratch_database_stays_when_asked_for(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(json_release_auto) json_t *was = NULL;
	AUTO(json_release_auto) json_t *is = NULL;
	AUTO(err_clear) Err err = {0};

	make_set(fixture, &set);
	prove(fixture, &set, true, &report);
	assert_part(report.scratch, "proof");
	assert_done(database_digests(fixture->db, fixture->site.database.name, &was, &err), &err);
	assert_done(database_digests(fixture->db, report.scratch, &is, &err), &err);
	assert_true(json_equal(was, is));
	assert_done(database_copy_drop(fixture->db, report.scratch, NULL, RUN, &err), &err);
	nothing_scratch_is_left(fixture);
}

/* The figures are of the moment of the dump: what users write later is no difference. */
static void writes_after_the_backup_do_not_matter(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};

	make_set(fixture, &set);
	run_sql(fixture->site.database.name, "DELETE FROM chat; DROP INDEX chat_of");
	prove(fixture, &set, false, &report);
	assert_int_equal(report.slugs.len, 0);
}

/* Figures that the restored database does not have; the manifest is sealed again after the edit, so
 * only the restore can find it. */
static const struct {
	const char *path[4];
	const char *value; /* JSON; NULL: the member is removed */
	const char *slug;
} figures[] = {
	{{"tables", "chat", "rows"}, "200", "rows"},
	{{"tables", "chat", "digest"}, "\"00\"", "content"},
	{{"tables", "chat"}, NULL, "extra-table"},
	{{"tables", "ghost"}, "{\"rows\": 0, \"digest\": \"\"}", "missing-table"},
	{{"shape", "revision"}, "[\"ca81bd47c050\"]", "revision"},
	{{"shape", "indexes"}, "[]", "indexes"},
	{{"shape", "columns"}, "[]", "columns"},
	{{"shape", "triggers"}, "[\"CREATE TRIGGER x\"]", "triggers"},
	{{"shape", "sequences", "config"}, "\"9\"", "sequences"},
	{{"shape", "foreign_key_violations"}, "\"0\"", "foreign-keys"},
	{{"shape"}, NULL, "no-figures"},
};

static void change_figure(json_t *manifest, const char *const *path, const char *value)
{
	json_t *object = json_object_get(manifest, "database");
	AUTO(err_clear) Err err = {0};
	json_t *wanted = NULL;

	for (; path[1]; path++)
		object = json_object_get(object, path[0]);
	if (!value) {
		json_object_del(object, path[0]);
		return;
	}
	/* json_parse takes objects and lists only. */
	AUTO(free_auto) char *list = str_format("[%s]", value);
	assert_done(json_parse(list, strlen(list), 1 << 16, &wanted, &err), &err);
	json_object_set(object, path[0], json_array_get(wanted, 0));
	json_decref(wanted);
}

static void the_restored_database_is_compared(void **state)
{
	Fixture *fixture = *state;

	for (size_t i = 0; i < COUNT_OF(figures); i++) {
		AUTO(backup_set_clear) BackupSet set = {0};
		AUTO(backup_set_clear) BackupSet again = {0};
		AUTO(proof_report_clear) ProofReport report = {0};
		AUTO(err_clear) Err err = {0};

		make_set(fixture, &set);
		change_figure(set.manifest, figures[i].path, figures[i].value);
		if (str_is(figures[i].slug, "sequences"))
			change_figure(set.manifest,
				(const char *const[]){"sequences_after", "config", NULL},
				figures[i].value);
		assert_done(manifest_write(set.path, set.manifest, &err), &err);
		prove(fixture, &set, false, &report);
		if (report.slugs.len == 0)
			fail_msg("'%s' was not found", figures[i].slug);
		for (size_t j = 0; j < report.slugs.len; j++)
			assert_string_equal(report.slugs.items[j], figures[i].slug);
		assert_error(proof_judge(&set, &report, &err), &err, ERR_REFUSED);
		err_clear(&err);
		assert_done(backup_find(&fixture->site, set.name, &again, &err), &err);
		assert_false(again.proven);
		assert_non_null(json_object_get(again.manifest, "findings"));
	}
	nothing_scratch_is_left(fixture);
}

static void a_verdict_is_taken_back(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(backup_set_clear) BackupSet again = {0};
	AUTO(proof_report_clear) ProofReport first = {0};
	AUTO(proof_report_clear) ProofReport second = {0};
	AUTO(proof_report_clear) ProofReport third = {0};
	AUTO(err_clear) Err err = {0};

	make_set(fixture, &set);
	prove(fixture, &set, false, &first);
	AUTO(free_auto) char *upload = path_join(set.path, "files/uploads/one.pdf");
	assert_done(file_write_text(upload, "first Upload", 0600, &err), &err);
	prove(fixture, &set, false, &second);
	assert_only_slug(&second, "digest");
	assert_done(backup_find(&fixture->site, set.name, &again, &err), &err);
	assert_false(again.proven);
	assert_done(file_write_text(upload, "first upload", 0600, &err), &err);
	prove(fixture, &again, false, &third);
	assert_int_equal(third.slugs.len, 0);
	assert_null(json_object_get(again.manifest, "findings"));
}

static void every_damaged_file_is_named(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};

	make_set(fixture, &set);
	AUTO(free_auto) char *upload = path_join(set.path, "files/uploads/one.pdf");
	AUTO(free_auto) char *key = path_join(set.path, "secret_key");
	assert_done(file_remove(upload, &err), &err);
	assert_done(file_write_text(key, "", 0600, &err), &err);
	prove(fixture, &set, false, &report);
	assert_int_equal(report.slugs.len, 2);
	assert_true(strlist_has(&report.slugs, "missing-file"));
	assert_true(strlist_has(&report.slugs, "size"));
}

static void a_set_of_another_site_is_refused_and_not_written_to(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet made = {0};
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *before = NULL;
	AUTO(free_auto) char *after = NULL;

	make_set(fixture, &made);
	AUTO(free_auto) char *manifest = path_join(made.path, MANIFEST_NAME);
	assert_done(file_read(manifest, 1 << 20, &before, NULL, &err), &err);
	str_replace(&fixture->site.name, "other");
	assert_done(backup_find(&fixture->site, made.name, &set, &err), &err);
	prove(fixture, &set, false, &report);
	assert_only_slug(&report, "foreign-site");
	assert_done(file_read(manifest, 1 << 20, &after, NULL, &err), &err);
	assert_string_equal(before, after);
}

/* An old set copied over a new one agrees with itself in everything. */
static void an_old_set_in_the_place_of_a_new_one_is_refused(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet old = {0};
	AUTO(backup_set_clear) BackupSet new = {0};
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};

	make_set(fixture, &old);
	make_set(fixture, &new);
	assert_done(tree_remove(new.path, &err), &err);
	assert_done(file_rename(old.path, new.path, &err), &err);
	assert_done(backup_find(&fixture->site, new.name, &set, &err), &err);
	prove(fixture, &set, false, &report);
	assert_only_slug(&report, "renamed");
}

static void a_postgresql_dump_proves_nothing_to_a_sqlite_site(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};

	put(fixture, "start/backups/openwebui_backup_20260101_120000.dump", "PGDMP", 0600);
	assert_done(
		backup_find(&fixture->site, "openwebui_backup_20260101_120000.dump", &set, &err),
		&err);
	prove(fixture, &set, false, &report);
	assert_only_slug(&report, "other-kind");
}

/* kill -9 in a proof leaves a scratch database; the next proof removes it, and nothing else. */
static void leftovers_of_a_killed_proof_are_swept(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};

	make_set(fixture, &set);
	put(fixture, "data/webui.db.belay-proof-20260101000000", "x", 0600);
	put(fixture, "data/webui.db.belay-proof-20260101000000.partial", "x", 0600);
	put(fixture, "data/.webui.db.belay-proof-20260101000000.made.belay-new", "x", 0600);
	put(fixture, "start/backups/.belay-proof-20260101-000000-verify.unpacked", "x", 0600);
	put(fixture, "data/webui.db.belay-20260101000000", "a way back", 0600);
	prove(fixture, &set, false, &report);
	nothing_scratch_is_left(fixture);
	AUTO(free_auto)
	char *way_back = path_join(fixture->root, "data/webui.db.belay-20260101000000");
	assert_true(file_exists(way_back));
}

/* A set that was complete stays, and nothing of belay's stays in it. */
static void a_half_written_verdict_is_swept(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(err_clear) Err err = {0};

	make_set(fixture, &set);
	AUTO(free_auto) char *half = path_join(set.path, ".manifest.json.belay-new");
	AUTO(free_auto) char *manifest = path_join(set.path, "manifest.json");
	assert_done(file_write_text(half, "{\"format\":", 0600, &err), &err);
	assert_done(backup_prove_sweep(&fixture->site, fixture->db, NULL, &err), &err);
	assert_false(file_exists(half));
	assert_true(file_exists(manifest));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_whole_set_is_proven_and_its_manifest_says_so),
		CASE(the_scratch_database_stays_when_asked_for),
		CASE(writes_after_the_backup_do_not_matter),
		CASE(the_restored_database_is_compared),
		CASE(a_verdict_is_taken_back),
		CASE(every_damaged_file_is_named),
		CASE(a_set_of_another_site_is_refused_and_not_written_to),
		CASE(an_old_set_in_the_place_of_a_new_one_is_refused),
		CASE(a_postgresql_dump_proves_nothing_to_a_sqlite_site),
		CASE(leftovers_of_a_killed_proof_are_swept),
		CASE(a_half_written_verdict_is_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
