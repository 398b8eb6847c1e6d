#include "unit.h"

#include "base/redact.h"
#include "base/text.h"
#include "config/database_url.h"

typedef struct Row {
	const char *text;
	DatabaseKind kind;
	const char *user, *password, *host;
	int port;
	const char *name;
} Row;

/* As SQLAlchemy 2.0's make_url takes each of them apart. */
static const Row rows[] = {
	{"postgresql://owui:pw@db:5433/webui", DATABASE_POSTGRES, "owui", "pw", "db", 5433,
		"webui"},
	{"postgres://u@h/d", DATABASE_POSTGRES, "u", NULL, "h", 5432, "d"},
	{"postgresql+psycopg2://u:p%40s%2Fs@h/d?sslmode=require", DATABASE_POSTGRES, "u", "p@s/s",
		"h", 5432, "d"},
	{"postgresql://u:a/b@h/d", DATABASE_POSTGRES, "u", "a/b", "h", 5432, "d"},
	{"postgresql://u:p@[::1]:6000/d", DATABASE_POSTGRES, "u", "p", "::1", 6000, "d"},
	{"postgresql:///d?host=/run/postgresql", DATABASE_POSTGRES, NULL, NULL, NULL, 5432, "d"},
	{"postgresql://h/a%20b", DATABASE_POSTGRES, NULL, NULL, "h", 5432, "a%20b"},
	{"postgresql://u:100%@h/d", DATABASE_POSTGRES, "u", "100%", "h", 5432, "d"},
	{"sqlite:////srv/data/webui.db", DATABASE_SQLITE, NULL, NULL, NULL, 0,
		"/srv/data/webui.db"},
	{"sqlite:///data/webui.db", DATABASE_SQLITE, NULL, NULL, NULL, 0, "/start/data/webui.db"},
};

static void taken_apart_as_sqlalchemy_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(database_url_clear) DatabaseUrl url = {0};

		print_message("%s\n", rows[i].text);
		assert_done(database_url_parse(rows[i].text, "/start", &url, &err), &err);
		assert_int_equal(url.kind, rows[i].kind);
		assert_true(str_is(url.user, rows[i].user));
		assert_true(str_is(url.password, rows[i].password));
		assert_true(str_is(url.host, rows[i].host));
		assert_int_equal(url.port, rows[i].port);
		assert_string_equal(url.name, rows[i].name);
	}
}

static void refused_by_name(void **state)
{
	static const struct {
		const char *text;
		ErrKind kind;
		const char *part;
	} bad[] = {
		{"sqlite+sqlcipher:////d/webui.db", ERR_REFUSED, "SQLCipher"},
		{"mysql://u:p@h/d", ERR_REFUSED, "mysql"},
		{"mariadb+pymysql://u:p@h/d", ERR_REFUSED, "mariadb"},
		{"webui.db", ERR_CONFIG, "webui.db"},
		{"", ERR_CONFIG, "database URL"},
		{"postgresql://u:p@h:99999/d", ERR_CONFIG, "port"},
		{"postgresql://u:p@h:54x/d", ERR_CONFIG, "port"},
		{"postgresql://u:p@h", ERR_CONFIG, "no database"},
		{"postgresql://u:p@[::1/d", ERR_CONFIG, "]"},
		{"sqlite://", ERR_CONFIG, "SQLite"},
		{"sqlite:///:memory:", ERR_CONFIG, "ordinary file"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO(err_clear) Err err = {0};
		DatabaseUrl url = {0};

		print_message("%s\n", bad[i].text);
		assert_error(database_url_parse(bad[i].text, "/", &url, &err), &err, bad[i].kind);
		assert_part(err.text, bad[i].part);
		assert_null(url.scheme);
	}
}

static void another_name_keeps_all_the_rest(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(database_url_clear) DatabaseUrl url = {0};

	(void)state;
	assert_done(database_url_parse("postgresql://u%40x:p%2F1234@[::1]:5433/d?sslmode=require",
			    "/", &url, &err),
		&err);
	AUTO(free_auto) char *other = database_url_with_name(&url, "d_copy");
	assert_string_equal(other, "postgresql://u%40x:p%2F1234@[::1]:5433/d_copy?sslmode=require");

	/* "db:5432/d_copy?options=a@b" would be user db with a password. */
	AUTO(database_url_clear) DatabaseUrl at = {0};
	assert_done(database_url_parse("postgresql://db/d?options=a@b", "/", &at, &err), &err);
	AUTO(free_auto) char *beside = database_url_with_name(&at, "d_copy");
	assert_string_equal(beside, "postgresql://db/d_copy?options=a@b");

	AUTO(database_url_clear) DatabaseUrl file = {0};
	assert_done(database_url_parse("sqlite:////a/webui.db", "/", &file, &err), &err);
	AUTO(free_auto) char *moved = database_url_with_name(&file, "/b/copy.db");
	assert_string_equal(moved, "sqlite:////b/copy.db");
}

static void the_password_is_never_shown(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(database_url_clear) DatabaseUrl url = {0};

	(void)state;
	redact_forget();
	assert_done(database_url_parse("postgresql://u:hush-hush@h/d?a=1&sslpassword=tls-hush"
				       "&pass%77ord=3",
			    "/", &url, &err),
		&err);
	AUTO(free_auto) char *masked = database_url_masked(&url);
	assert_string_equal(
		masked, "postgresql://u:***@h:5432/d?a=1&sslpassword=***&pass%77ord=***");
	AUTO(free_auto) char *learned = redact("it is hush-hush");
	assert_string_equal(learned, "it is ***");
}

static const char *value_of(const StrList *words, const StrList *values, const char *word)
{
	for (size_t i = 0; i < words->len; i++)
		if (str_is(words->items[i], word))
			return values->items[i];
	return NULL;
}

static void libpq_gets_the_words_it_knows(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(database_url_clear) DatabaseUrl url = {0};
	AUTO(strlist_clear) StrList words = {0};
	AUTO(strlist_clear) StrList values = {0};

	(void)state;
	assert_done(database_url_parse("postgresql://u:pass@h/d?host=%2Frun%2Fpg&options=-c+x%3D1&"
				       "schema=s&sslmode=verify-full",
			    "/", &url, &err),
		&err);
	database_url_conninfo(&url, &words, &values);
	assert_int_equal(words.len, values.len);
	assert_string_equal(value_of(&words, &values, "host"), "/run/pg");
	assert_string_equal(value_of(&words, &values, "options"), "-c x=1");
	assert_string_equal(value_of(&words, &values, "sslmode"), "verify-full");
	assert_string_equal(value_of(&words, &values, "dbname"), "d");
	assert_string_equal(value_of(&words, &values, "password"), "pass");
	assert_null(value_of(&words, &values, "schema"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_apart_as_sqlalchemy_does),
		cmocka_unit_test(refused_by_name),
		cmocka_unit_test(another_name_keeps_all_the_rest),
		cmocka_unit_test(the_password_is_never_shown),
		cmocka_unit_test(libpq_gets_the_words_it_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
