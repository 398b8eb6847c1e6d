/* check_site.h - the stopped SQLite site of backup/sqlite_backup.h and what checks ask about it. */
#pragma once
#include "backup/sqlite_release.h"
#include "checks/check_table.h"

typedef struct CheckSite {
	Fixture *fixture;
	Site *site; /* its */
	CheckCtx ctx;
	Migrations migrations; /* of the target */
} CheckSite;

typedef FindingKind Ask(const CheckCtx *ctx, Err *why);

UNUSED static int check_setup(void **state)
{
	CheckSite *check = NEW(CheckSite);
	void *fixture = NULL;

	assert_int_equal(setup(&fixture), 0);
	check->fixture = fixture;
	check->site = &check->fixture->site;
	put_release(check->fixture, "env", "0.7.2");
	check->site->host = str_dup("127.0.0.1");
	strlist_add_array(
		&check->migrations.ids, ARGV("c440947495f3", "8452d01d26d7", "f0bd01a18a3d"));
	check->migrations.head = str_dup("f0bd01a18a3d");
	check->ctx = (CheckCtx){.site = check->site,
		.db = check->fixture->db,
		.current = &check->fixture->release,
		.revision = "c440947495f3",
		.migrations = &check->migrations,
		.version = "0.12.4"};
	*state = check;
	return 0;
}

UNUSED static int check_teardown(void **state)
{
	CheckSite *check = *state;
	void *fixture = check->fixture;

	migrations_clear(&check->migrations);
	free(check);
	return teardown(&fixture);
}

#define CHECK_TEST(function) cmocka_unit_test_setup_teardown(function, check_setup, check_teardown)

/* `text` and `hint` are parts; NULL: there is none. */
UNUSED static void finds(
	CheckSite *check, Ask *ask, FindingKind wanted, const char *text, const char *hint)
{
	AUTO(err_clear) Err why = {0};
	const FindingKind kind = ask(&check->ctx, &why);

	if (why.text)
		print_message("# %s (%s)\n", why.text, why.hint ? why.hint : "no hint");
	assert_int_equal(kind, wanted);
	if (text)
		assert_part(why.text, text);
	else
		assert_null(why.text);
	if (hint)
		assert_part(why.hint, hint);
}
