#include "database/read_on.h"

#include "sqlite_site.h"

static void test_choice_on_sqlite(void **state)
{
	static const struct {
		bool wal;
		const char *version, *read_on, *freeze;
		const char *why; /* NULL: they read on */
		const char *instead;
	} rows[] = {
		{true, "0.9.6", "auto", "auto", NULL, "read_on = no"},
		{true, "0.12.4", "yes", "auto", NULL, "read_on = no"},
		{true, "0.9.6", "no", "auto", "read_on = no", "read_on = auto"},
		{true, "0.9.6", "auto", "no", "sqlite_freeze = no", "sqlite_freeze = auto"},
		{false, "0.9.6", "auto", "auto", "no write-ahead log", "sqlite_freeze = yes"},
		/* The driver decides, not the log alone. */
		{true, "0.7.2", "auto", "auto", "before 0.9", "sqlite_freeze = yes"},
		{true, NULL, "auto", "auto", "before 0.9", "sqlite_freeze = yes"},
		{true, "0.7.2", "auto", "yes", NULL, "read_on = no"},
		{false, "0.7.2", "auto", "yes", NULL, "read_on = no"},
	};
	Place *place = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(read_on_clear) ReadOn choice = {0};
		AUTO(err_clear) Err err = {0};

		run_script(place->live,
			rows[i].wal ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=DELETE");
		place->site.read_on = (char *)rows[i].read_on;
		place->site.sqlite_freeze = (char *)rows[i].freeze;
		assert_done(read_on_choose(
				    &place->site, place->db, rows[i].version, &choice, NULL, &err),
			&err);
		assert_int_equal(choice.reads, rows[i].why == NULL);
		if (rows[i].why)
			assert_part(choice.why, rows[i].why);
		assert_string_equal(choice.instead, rows[i].instead);
	}
}

static void test_yes_is_refused_where_it_cannot_be(void **state)
{
	Place *place = *state;
	AUTO(read_on_clear) ReadOn choice = {0};
	AUTO(err_clear) Err err = {0};

	place->site.read_on = (char *)"yes";
	assert_error(read_on_choose(&place->site, place->db, "0.7.2", &choice, NULL, &err), &err,
		ERR_REFUSED);
	assert_part(err.text, "5 s");
	assert_part(err.hint, "read_on = auto");
	assert_null(choice.why);
}

static void test_a_copy_never_keeps_those_out_who_lose_their_session(void **state)
{
	const Site site = {.max_gap_ms = 5000};

	(void)state;
	assert_int_equal(read_on_gap_ms(&site, "0.7.2"), 0);
	assert_int_equal(read_on_gap_ms(&site, "0.8.12"), 0);
	assert_int_equal(read_on_gap_ms(&site, "0.9.0"), 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_choice_on_sqlite, place_make, place_drop),
		cmocka_unit_test_setup_teardown(
			test_yes_is_refused_where_it_cannot_be, place_make, place_drop),
		cmocka_unit_test(test_a_copy_never_keeps_those_out_who_lose_their_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
