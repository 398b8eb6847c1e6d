/* The real migrations of a real release. Skipped unless these name an environment with Open WebUI
 * in it and a SQLite database of an older release (neither is changed, but byte code may be
 * written):
 *
 *     BELAY_REAL_ENV=/srv/env080 BELAY_REAL_DB=/srv/webui-0.7.2.db test_database_alembic_real
 *
 * BELAY_REAL_EXPECT: "ok", or part of the error that must come. */
#include "database/alembic.h"

#include <stdlib.h>

#include "base/digest.h"
#include "release/migrations.h"
#include "sqlite_site.h"

static void hash_file(const char *path, char ret_hex[SHA256_HEX_SIZE])
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *data = NULL;
	size_t len;

	assert_done(file_read(path, (size_t)4 << 30, &data, &len, &err), &err);
	sha256_of(data, len, ret_hex);
}

/* Everything that could lead a release to the live database. */
static void set_traps(Place *place)
{
	StrList *env = &place->site.recipe.env;

	env_set(env, "DATABASE_TYPE", "postgresql");
	env_set(env, "DATABASE_USER", "live");
	env_set(env, "DATABASE_PASSWORD", "live");
	env_set(env, "DATABASE_HOST", "127.0.0.1");
	env_set(env, "DATABASE_PORT", "1");
	env_set(env, "DATABASE_NAME", "live");
	strlist_addf(env, "DATABASE_URL=sqlite:///%s", place->live);
	strlist_addf(env, "DATA_DIR=%s", place->folder);
	env_set(env, "PATH", "/usr/bin:/bin");
	env_set(env, "FROM_INIT_PY", "true");
}

/* A backfill that was skipped reaches the head too. */
static void check_messages(Place *place)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *wanted = NULL;
	AUTO(free_auto) char *found = NULL;

	assert_done(
		database_ask(place->db, place->live,
			"SELECT count(*) FROM chat, json_each(chat.chat, '$.history.messages') m "
			"WHERE user_id NOT LIKE 'shared-%' AND json_extract(m.value, '$.role') <> ''",
			&wanted, &err),
		&err);
	assert_done(database_ask(place->db, place->spare, "SELECT count(*) FROM chat_message",
			    &found, &err),
		&err);
	print_message("%s messages\n", found);
	assert_string_equal(found, wanted);
}

static void run_it(Place *place, const Release *target, const char *scratch)
{
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *migrations = NULL;
	AUTO(strlist_clear) StrList revisions = {0};
	AUTO(migrations_clear) Migrations chain = {0};
	AUTO(free_auto) char *log = path_join(place->folder, "log");
	const char *expect = getenv("BELAY_REAL_EXPECT");
	const MigrationSpec spec = {.site = &place->site,
		.target = target,
		.db = place->db,
		.place = place->spare,
		.scratch_dir = scratch,
		.log_file = log,
		.stall_ms = 120000,
		.step = "migrate"};

	if (expect && strcmp(expect, "ok") != 0) {
		assert_false(alembic_upgrade(&spec, &migrations, &err));
		print_message("error (%s): %s\n", err_slug(err.kind), err.text);
		assert_part(err.text, expect);
		return;
	}
	if (!alembic_upgrade(&spec, &migrations, &err)) {
		AUTO(free_auto) char *said = NULL;
		AUTO(err_clear) Err ignored = {0};

		if (file_read(log, 1 << 20, &said, NULL, &ignored))
			print_message("%s\n", said);
		fail_msg("%s", err.text);
	}
	AUTO(free_auto) char *text = json_line(migrations);
	print_message("%s\n", text);
	assert_done(migrations_read(target->package_dir, &chain, &err), &err);
	assert_done(database_revision(place->db, place->spare, &revisions, &err), &err);
	assert_int_equal(revisions.len, 1);
	assert_string_equal(revisions.items[0], chain.head);
	if (migrations_has(&chain, "8452d01d26d7"))
		check_messages(place);
}

static void test_the_copy_is_migrated_and_the_live_file_is_not(void **state)
{
	Place *place = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(release_clear) Release target = {0};
	AUTO(json_release_auto) json_t *proof = NULL;
	AUTO(free_auto) char *scratch = NULL;
	char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];

	if (!getenv("BELAY_REAL_ENV") || !getenv("BELAY_REAL_DB"))
		skip(); /* a jump: nothing is owned yet */
	scratch = path_join(place->folder, "scratch");
	assert_done(release_at(getenv("BELAY_REAL_ENV"), &target, &err), &err);
	assert_done(file_remove(place->live, &err), &err);
	assert_done(file_copy(getenv("BELAY_REAL_DB"), place->live, 0600, &err), &err);
	assert_done(dir_make(scratch, 0700, &err), &err);
	hash_file(place->live, before);
	assert_done(database_copy_make(place->db, place->spare, RUN, &proof, &err), &err);
	set_traps(place);
	run_it(place, &target, scratch);
	hash_file(place->live, after);
	assert_string_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_the_copy_is_migrated_and_the_live_file_is_not, place_make, place_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
