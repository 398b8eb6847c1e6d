#include "unit.h"

#include "base/mem.h"
#include "base/text.h"
#include "config/keys.h"

static void every_default_fits_its_row(void **state)
{
	(void)state;
	for (const SiteKey *key = site_keys; key->name; key++) {
		AUTO(err_clear) Err err = {0};
		AUTO(site_clear) Site site = {0};

		if (!key->fallback)
			continue;
		assert_done(site_key_set(&site, key, key->fallback, &err), &err);
		AUTO(free_auto) char *text = site_key_text(&site, key);
		assert_string_equal(text, key->fallback);
	}
}

static void every_row_is_complete(void **state)
{
	(void)state;
	for (const SiteKey *key = site_keys; key->name; key++) {
		bool listed = key->type == KEY_CHOICE || key->type == KEY_INDEX;

		assert_false(str_empty(key->help));
		assert_int_equal(listed, key->choices != NULL);
		assert_ptr_equal(site_key_find(key->name), key);
		assert_true(key->offset < sizeof(Site));
	}
}

typedef struct Row {
	const char *key, *value;
	const char *wanted; /* NULL: refused */
} Row;

static const Row rows[] = {
	{"port", "18080", "18080"},
	{"port", "0", NULL},
	{"port", "65536", NULL},
	{"port", "80 ", NULL},
	{"port", "-1", NULL},
	{"stop_timeout", "3", "3"},
	{"stop_timeout", "1.5", "1.500"},
	{"stop_timeout", "2min", "120"},
	{"stop_timeout", "1 h", "3600"},
	{"stop_timeout", "10s", "10"},
	{"stop_timeout", "s", NULL},
	{"stop_timeout", "-3", NULL},
	{"stop_timeout", "99999999999999999999", NULL},
	{"stop_timeout", "200h", NULL},
	{"limit_rate", "0", "0"},
	{"limit_rate", "500k", "500000"},
	{"limit_rate", "20M", "20000000"},
	{"limit_rate", "1G", "1000000000"},
	{"limit_rate", "99k", NULL},
	{"limit_rate", "20 M", NULL},
	{"limit_rate", "-1M", NULL},
	{"limit_rate", "9999999999999999999G", NULL},
	{"keep_last", "0", "0"},
	{"keep_last", "9999", "9999"},
	{"keep_last", "10000", NULL},
	{"keep_last", "-1", NULL},
	{"keep_last", "7 days", NULL},
	{"installer", "uv", "uv"},
	{"installer", "conda", NULL},
	{"service", "systemd", "systemd"},
	{"service", "cron", NULL},
	{"user_unit", "yes", "yes"},
	{"user_unit", "maybe", NULL},
	{"environment", "/srv/venv/", "/srv/venv"},
	{"environment", "venv", NULL},
	{"environment", "/a\nb", NULL},
	{"container", "pg", "pg"},
	{"container", "-it", NULL},
	{"api_key", "-sk", "-sk"},
};

static void values_are_checked_by_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(site_clear) Site site = {0};
		const SiteKey *key = site_key_find(rows[i].key);

		print_message("%s = %s\n", rows[i].key, rows[i].value);
		if (!rows[i].wanted) {
			assert_error(
				site_key_set(&site, key, rows[i].value, &err), &err, ERR_CONFIG);
			assert_part(err.text, rows[i].key);
			continue;
		}
		assert_done(site_key_set(&site, key, rows[i].value, &err), &err);
		AUTO(free_auto) char *text = site_key_text(&site, key);
		assert_string_equal(text, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_fits_its_row),
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(values_are_checked_by_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
