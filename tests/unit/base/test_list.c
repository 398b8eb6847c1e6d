#include "unit.h"

#include "base/list.h"
#include "base/mem.h"

static void is_always_an_argv(void **state UNUSED)
{
	AUTO(strlist_clear) StrList list = {0};

	assert_null(strlist_argv(&list)[0]);
	for (int i = 0; i < 100; i++) {
		strlist_addf(&list, "item %d", i);
		assert_null(strlist_argv(&list)[i + 1]);
	}
	assert_string_equal(list.items[99], "item 99");
	strlist_remove(&list, 0);
	strlist_remove(&list, 1000);
	assert_int_equal(list.len, 99);
	assert_null(list.items[99]);
	strlist_clear(&list);
	assert_null(strlist_argv(&list)[0]);
}

static void can_be_added_to_itself(void **state UNUSED)
{
	AUTO(strlist_clear) StrList list = {0};
	AUTO(free_auto) char *joined = NULL;

	strlist_add_array(&list, (const char *const[]){"a", "b", NULL});
	strlist_add_all(&list, &list);
	joined = strlist_join(&list, "+");
	assert_string_equal(joined, "a+b+a+b");
	assert_true(strlist_has(&list, "b"));
	assert_false(strlist_has(&list, "c"));
}

static void splits_sorts_joins(void **state UNUSED)
{
	static const struct {
		const char *text, *separators, *want;
	} cases[] = {
		{"c,a,,b", ",", "a b c"},
		{"", ",", ""},
		{",,", ",", ""},
		{NULL, ",", ""},
		{"one two\tthree\n", " \t\n", "one three two"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(strlist_clear) StrList list = {0};
		AUTO(free_auto) char *joined = NULL;

		strlist_split(&list, cases[i].text, cases[i].separators);
		strlist_sort(&list);
		joined = strlist_join(&list, " ");
		assert_string_equal(joined, cases[i].want);
	}
}

static void environment(void **state UNUSED)
{
	AUTO(strlist_clear) StrList env = {0};

	assert_null(env_get(&env, "HOME"));
	env_set(&env, "HOME", "/root");
	env_set(&env, "HOME_DIR", "x=y");
	env_set(&env, "HOME", "/home/ada");
	assert_int_equal(env.len, 2);
	assert_string_equal(env_get(&env, "HOME"), "/home/ada");
	assert_string_equal(env_get(&env, "HOME_DIR"), "x=y");
	strlist_add(&env, "HOME=again"); /* a process may really have one twice */
	env_unset(&env, "HOME");
	assert_null(env_get(&env, "HOME"));
	assert_int_equal(env.len, 1);
}

static void memory_helpers(void **state UNUSED)
{
	AUTO(free_auto) char *text = str_dup_n("abcdef", 3);
	int *numbers = mem_new(10, sizeof(int));

	assert_string_equal(text, "abc");
	str_replace(&text, text + 1); /* from within itself */
	assert_string_equal(text, "bc");
	str_replace(&text, NULL);
	assert_null(text);
	assert_null(str_dup(NULL));
	assert_int_equal(numbers[9], 0);
	numbers = mem_resize(numbers, 20, sizeof(int));
	assert_int_equal(numbers[9], 0);
	free(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_always_an_argv),
		cmocka_unit_test(can_be_added_to_itself),
		cmocka_unit_test(splits_sorts_joins),
		cmocka_unit_test(environment),
		cmocka_unit_test(memory_helpers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
