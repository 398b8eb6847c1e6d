#include "release/migrations.h"

#include "fake_env.h"

typedef struct Tree {
	char *root, *versions;
	Err err;
	Migrations found;
} Tree;

static int tree_make(void **state)
{
	char template[] = "/tmp/belay-unit-XXXXXX";
	Tree *tree = NEW(Tree);

	tree->root = str_dup(mkdtemp(template));
	tree->versions = path_join(tree->root, "migrations/versions");
	*state = tree;
	return 0;
}

static int tree_drop(void **state)
{
	Tree *tree = *state;
	AUTO(err_clear) Err err = {0};
	const bool done = tree_remove(tree->root, &err);

	migrations_clear(&tree->found);
	err_clear(&tree->err);
	free(tree->root);
	free(tree->versions);
	free(tree);
	return done ? 0 : -1;
}

static void add(Tree *tree, const char *name, const char *text)
{
	fake_file_at(tree->versions, name, text);
}

static void add_three(Tree *tree)
{
	add(tree, "x_last.py",
		"'''Third'''\nrevision: str = 'ccc'\ndown_revision: Union[str, None] = 'bbb'\n");
	add(tree, "a_root.py",
		"\"\"\"First one\n\nRevision ID: zzz\n\"\"\"\n\n"
		"revision = \"aaa\"\ndown_revision = None\n");
	add(tree, "m_mid.py",
		"\"\"\"Second\"\"\"\nfrom x import y\r\n"
		"revision: str = \"bbb\"  # noqa\n"
		"down_revision: Union[str, Sequence[str], None] = (\"aaa\")\n");
	add(tree, "__init__.py", "");
	add(tree, "helpers.txt", "revision = 'no'\n");
}

static void test_the_chain_is_ordered_from_the_root(void **state)
{
	Tree *tree = *state;
	AUTO(free_auto) char *ids = NULL;
	AUTO(free_auto) char *titles = NULL;

	add_three(tree);
	assert_done(migrations_read(tree->root, &tree->found, &tree->err), &tree->err);
	ids = strlist_join(&tree->found.ids, " ");
	titles = strlist_join(&tree->found.titles, "|");
	assert_string_equal(ids, "aaa bbb ccc");
	assert_string_equal(titles, "First one|Second|Third");
	assert_string_equal(tree->found.head, "ccc");
}

static void test_what_comes_after(void **state)
{
	Tree *tree = *state;
	AUTO(strlist_clear) StrList after = {0};
	AUTO(strlist_clear) StrList none = {0};

	add_three(tree);
	assert_done(migrations_read(tree->root, &tree->found, &tree->err), &tree->err);
	assert_true(migrations_after(&tree->found, "aaa", &after));
	assert_int_equal(after.len, 2);
	assert_string_equal(after.items[0], "bbb");
	assert_true(migrations_after(&tree->found, "ccc", &none));
	assert_int_equal(none.len, 0);
	assert_false(migrations_after(&tree->found, "newer", &none));
}

static void test_broken_chains_are_refused(void **state)
{
	static const char *const extra[] = {
		"revision = 'ddd'\ndown_revision = 'bbb'\n",          /* two heads */
		"revision = 'ddd'\ndown_revision = 'gone'\n",         /* a gap */
		"revision = 'ddd'\ndown_revision = None\n",           /* two roots */
		"revision = 'ddd'\ndown_revision = ('ccc', 'bbb')\n", /* a merge */
		"revision = 'ddd'\n",
		"revision = make_id()\ndown_revision = 'ccc'\n",
		"revision = 'ddd\ndown_revision = 'ccc'\n",
		"revision = 'ddd'\ndown_revision = 'ddd'\n",
	};
	Tree *tree = *state;

	add_three(tree);
	for (size_t i = 0; i < COUNT_OF(extra); i++) {
		add(tree, "extra.py", extra[i]);
		if (migrations_read(tree->root, &tree->found, &tree->err))
			fail_msg("taken: %s", extra[i]);
		assert_int_equal(tree->err.kind, ERR_VERIFY);
		err_clear(&tree->err);
	}
}

static void test_no_migrations_is_an_error(void **state)
{
	Tree *tree = *state;

	assert_error(migrations_read(tree->root, &tree->found, &tree->err), &tree->err, ERR_VERIFY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, tree_make, tree_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_chain_is_ordered_from_the_root),
		CASE(test_what_comes_after),
		CASE(test_broken_chains_are_refused),
		CASE(test_no_migrations_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
