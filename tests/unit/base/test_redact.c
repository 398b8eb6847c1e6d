#include "unit.h"

#include "base/redact.h"

static int forget(void **state UNUSED)
{
	redact_forget();
	return 0;
}

#define assert_shown(text, want)                                                                   \
	do {                                                                                       \
		AUTO(free_auto) char *shown = redact(text);                                        \
		assert_string_equal(shown, (want));                                                \
	} while (0)

static void masks_every_form(void **state UNUSED)
{
	redact_add("s3cret/pa ss");
	assert_shown("is s3cret/pa ss or s3cret%2Fpa%20ss, s3cret%2fpa%20ss, s3cret/pa%20ss!",
		"is *** or ***, ***, ***!");
	redact_add("enc%40ded");
	assert_shown("enc%40ded enc@ded", "*** ***");
}

static void the_longer_secret_wins(void **state UNUSED)
{
	redact_add("abcd");
	redact_add("abcdefgh");
	redact_add("");
	redact_add(NULL);
	assert_shown("abcdefgh abcdef abc", "*** ***ef abc");
}

static void ordinary_words_stay(void **state UNUSED)
{
	redact_add("abc");
	redact_add("true");
	redact_add("False");
	assert_shown("abc is true, not False", "abc is true, not False");
	assert_null(redact(NULL));
}

static void of_a_url_only_the_password(void **state UNUSED)
{
	redact_add("postgresql://webui:p@ss/word@db.example:5432/openwebui");
	redact_add("http://127.0.0.1:11434");
	assert_shown("db.example:5432 with p@ss/word as p%40ss%2Fword, http://127.0.0.1:11434",
		"db.example:5432 with *** as ***, http://127.0.0.1:11434");
}

static void parts_of_a_list(void **state UNUSED)
{
	redact_add("sk-1234567890;sk-abcdefghij;none");
	assert_shown("sk-abcdefghij and none", "*** and none");
}

static void urls(void **state UNUSED)
{
	static const struct {
		const char *url, *want;
	} cases[] = {
		{"postgresql://user:secret@host/db", "postgresql://user:***@host/db"},
		{"postgresql://user@host:5432/db", "postgresql://user@host:5432/db"},
		{"postgresql://u:a@b/c?d@host/db", "postgresql://u:***@host/db"},
		{"postgresql://:secret@/db", "postgresql://:***@/db"},
		{"sqlite:////srv/webui.db", "sqlite:////srv/webui.db"},
		{"host=x password=y", "host=x password=y"},
		{"", ""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free_auto) char *shown = redact_url(cases[i].url);

		assert_string_equal(shown, cases[i].want);
	}
	assert_null(redact_url(NULL));
}

static void names(void **state UNUSED)
{
	static const struct {
		const char *name;
		bool secret;
	} cases[] = {
		{"WEBUI_SECRET_KEY", true},
		{"OPENAI_API_KEY", true},
		{"OPENAI_API_KEYS", true},
		{"OAUTH_CLIENT_SECRET", true},
		{"DATABASE_PASSWORD", true},
		{"LDAP_APP_PASSWORD", true},
		{"HF_TOKEN", true},
		{"DATABASE_URL", true},
		{"REDIS_URL", true},
		{"PGPASSWORD", true},
		{"ENABLE_API_KEYS", false},
		{"ENABLE_PASSWORD_AUTH", false},
		{"TIKTOKEN_ENCODING_NAME", false},
		{"MAX_TOKENS", false},
		{"PORT", false},
		{"KEYBOARD", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if ((redact_name_is_secret(cases[i].name) != 0) != cases[i].secret)
			fail_msg("%s", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(masks_every_form, forget),
		cmocka_unit_test_teardown(the_longer_secret_wins, forget),
		cmocka_unit_test_teardown(ordinary_words_stay, forget),
		cmocka_unit_test_teardown(of_a_url_only_the_password, forget),
		cmocka_unit_test_teardown(parts_of_a_list, forget),
		cmocka_unit_test_teardown(urls, forget),
		cmocka_unit_test_teardown(names, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
