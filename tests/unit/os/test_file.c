#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"

static void reads_whole_or_not_at_all(void **state)
{
	AUTO(err_clear) Err err = {0};
	char *text = NULL;
	size_t len = 99;

	put(in(state, "a"), "12345");
	assert_done(file_read(in(state, "a"), 5, &text, &len, &err), &err);
	assert_string_equal(text, "12345");
	assert_int_equal(len, 5);
	free(text);
	text = NULL;
	assert_error(file_read(in(state, "a"), 4, &text, NULL, &err), &err, ERR_IO);
	assert_error(file_read(in(state, "none"), 4, &text, NULL, &err), &err, ERR_IO);
	assert_int_equal(err.sys, ENOENT);
	assert_error(file_read(*state, 4, &text, NULL, &err), &err, ERR_IO);
	assert_int_equal(mkfifo(in(state, "pipe"), 0600), 0);
	assert_error(file_read(in(state, "pipe"), 4, &text, NULL, &err), &err, ERR_IO);
	assert_null(text);
	assert_done(file_read("/proc/self/status", 1 << 20, &text, &len, &err), &err);
	assert_part(text, "VmRSS");
	free(text);
}

static void reads_large_files(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *data = mem_new(100000, 1);
	AUTO(free_auto) char *again = NULL;
	size_t len;

	memset(data, 'x', 100000);
	assert_done(file_write(in(state, "big"), data, 100000, 0600, &err), &err);
	assert_done(file_read(in(state, "big"), 100000, &again, &len, &err), &err);
	assert_int_equal(len, 100000);
	assert_memory_equal(data, again, 100000);
}

static void writes_with_mode_and_leaves_nothing_else(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList names = {0};
	struct stat st;

	umask(077);
	assert_done(file_write_text(in(state, "a"), "one", 0644, &err), &err);
	assert_done(file_write_text(in(state, "a"), "two", 0640, &err), &err);
	assert_content(in(state, "a"), "two");
	assert_int_equal(stat(in(state, "a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_error(file_write_text(in(state, "no/a"), "x", 0600, &err), &err, ERR_IO);
	assert_done(dir_list(*state, &names, &err), &err);
	assert_int_equal(names.len, 1);
}

static void keeps_the_owner_as_root(void **state)
{
	AUTO(err_clear) Err err = {0};
	struct stat st;

	if (geteuid() != 0)
		skip();
	put(in(state, "a"), "one");
	assert_done(file_chown(in(state, "a"), 1234, 1235, &err), &err);
	assert_done(file_write_text(in(state, "a"), "two", 0600, &err), &err);
	assert_int_equal(stat(in(state, "a"), &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 1235);
}

#ifdef BELAY_TEST
/* In a child of its own. Returns its exit status, -1 if killed. */
static int with_fault(const char *wish, void **state, bool (*work)(void **state, Err *err))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		Err err = {0};

		setenv("BELAY_FAULT", wish, 1);
		fault_restart();
		_exit(work(state, &err) ? 0 : (int)err.kind);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool write_new(void **state, Err *err)
{
	return file_write_text(in(state, "a"), "new", 0600, err);
}

static bool exchange_both(void **state, Err *err)
{
	return path_exchange(in(state, "a"), in(state, "b"), err);
}

static bool replace_the_link(void **state, Err *err)
{
	return link_replace(in(state, "link"), "new", err);
}

static void a_crash_leaves_old_or_new(void **state)
{
	static const struct {
		const char *wish, *want;
		int ends;
	} cases[] = {
		{"kill@file-create", "old", -1},
		{"kill@file-rename", "old", -1},
		{"kill@dir-sync", "new", -1},
		{"fail:1", "old", ERR_IO},
		{"full:2", "old", ERR_NO_SPACE},
		{"fail:3", "new", ERR_IO},
		{"kill:4", "new", 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};

		put(in(state, "a"), "old");
		if (with_fault(cases[i].wish, state, write_new) != cases[i].ends)
			fail_msg("%s", cases[i].wish);
		assert_content(in(state, "a"), cases[i].want);
		assert_done(write_new(state, &err), &err); /* also over what the crash left */
		assert_content(in(state, "a"), "new");
	}
}

static void a_crash_leaves_old_or_new_names(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *target = NULL;

	put(in(state, "a"), "A");
	put(in(state, "b"), "B");
	assert_int_equal(with_fault("kill@path-exchange", state, exchange_both), -1);
	assert_content(in(state, "a"), "A");
	assert_int_equal(with_fault("kill@dir-sync", state, exchange_both), -1);
	assert_content(in(state, "a"), "B");
	assert_content(in(state, "b"), "A");
	assert_done(link_replace(in(state, "link"), "old", &err), &err);
	assert_int_equal(with_fault("kill@link-rename", state, replace_the_link), -1);
	assert_done(link_read(in(state, "link"), &target, &err), &err);
	assert_string_equal(target, "old");
	assert_int_equal(file_kind(in(state, ".link.belay-new")), FILE_LINK);
	assert_done(file_remove_unfinished(in(state, "link"), &err), &err);
	assert_int_equal(file_kind(in(state, ".link.belay-new")), FILE_ABSENT);
	assert_int_equal(with_fault("fail@link-rename", state, replace_the_link), ERR_IO);
	assert_int_equal(file_kind(in(state, ".link.belay-new")), FILE_ABSENT);
	assert_done(replace_the_link(state, &err), &err);
}
#endif

static void copies(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *status = NULL;

	put(in(state, "a"), "content");
	put(in(state, "empty"), "");
	assert_done(file_copy(in(state, "a"), in(state, "b"), 0600, &err), &err);
	assert_content(in(state, "b"), "content");
	assert_done(file_copy(in(state, "empty"), in(state, "b"), 0600, &err), &err);
	assert_content(in(state, "b"), "");
	/* A file without a size, on another file system. */
	assert_done(file_copy("/proc/self/status", in(state, "b"), 0600, &err), &err);
	assert_done(file_read(in(state, "b"), 1 << 20, &status, NULL, &err), &err);
	assert_part(status, "VmRSS");
	assert_error(file_copy(in(state, "none"), in(state, "c"), 0600, &err), &err, ERR_IO);
	assert_error(file_copy(*state, in(state, "c"), 0600, &err), &err, ERR_IO);
	assert_int_equal(file_kind(in(state, "c")), FILE_ABSENT);
}

static void removes_and_renames(void **state)
{
	AUTO(err_clear) Err err = {0};

	put(in(state, "a"), "a");
	put(in(state, "b"), "b");
	assert_error(file_rename(in(state, "a"), in(state, "b"), &err), &err, ERR_IO);
	assert_int_equal(err.sys, EEXIST);
	assert_content(in(state, "b"), "b");
	assert_done(file_remove(in(state, "b"), &err), &err);
	assert_done(file_remove(in(state, "b"), &err), &err);
	assert_done(file_remove(in(state, "a/below"), &err), &err);
	assert_done(file_rename(in(state, "a"), in(state, "b"), &err), &err);
	assert_content(in(state, "b"), "a");
	make_folder(in(state, "folder"));
	assert_error(file_remove(in(state, "folder"), &err), &err, ERR_IO);
}

static void kinds(void **state)
{
	put(in(state, "a"), "");
	assert_int_equal(symlink("a", in(state, "link")), 0);
	assert_int_equal(symlink("nowhere", in(state, "broken")), 0);
	assert_int_equal(mkfifo(in(state, "pipe"), 0600), 0);
	assert_int_equal(file_kind(in(state, "a")), FILE_REGULAR);
	assert_int_equal(file_kind(in(state, "link")), FILE_LINK);
	assert_int_equal(file_kind(in(state, "broken")), FILE_LINK);
	assert_int_equal(file_kind(in(state, "pipe")), FILE_OTHER);
	assert_int_equal(file_kind(in(state, "none")), FILE_ABSENT);
	assert_int_equal(file_kind(*state), FILE_FOLDER);
	assert_true(file_exists(in(state, "link")));
	assert_false(file_exists(in(state, "broken")));
}

static void folders(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList names = {0};
	AUTO(free_auto) char *joined = NULL;
	struct stat st;

	umask(022);
	assert_int_equal(chmod(*state, 0700), 0);
	assert_done(dir_make(in(state, "x/y/z"), 0775, &err), &err);
	assert_done(dir_make(in(state, "x/y/z/"), 0700, &err), &err);
	assert_int_equal(stat(in(state, "x/y"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0775);
	assert_int_equal(stat(*state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	put(in(state, "x/file"), "");
	put(in(state, "x/.hidden"), "");
	assert_error(dir_make(in(state, "x/file"), 0700, &err), &err, ERR_IO);
	assert_error(dir_make(in(state, "x/file/below"), 0700, &err), &err, ERR_IO);
	assert_done(dir_list(in(state, "x"), &names, &err), &err);
	joined = strlist_join(&names, " ");
	assert_string_equal(joined, ".hidden file y");
	assert_error(dir_list(in(state, "none"), &names, &err), &err, ERR_IO);
}

static void links(void **state)
{
	AUTO(err_clear) Err err = {0};
	char *target = NULL;
	static const char *const targets[] = {"one", "two"};

	for (size_t i = 0; i < 2; i++) {
		assert_done(link_replace(in(state, "current"), targets[i], &err), &err);
		assert_done(link_read(in(state, "current"), &target, &err), &err);
		assert_string_equal(target, targets[i]);
		free(target);
	}
	target = NULL;
	make_folder(in(state, "folder"));
	assert_error(link_replace(in(state, "folder"), "x", &err), &err, ERR_IO);
	assert_error(link_read(in(state, "folder"), &target, &err), &err, ERR_IO);
	assert_null(target);
	assert_int_equal(file_kind(in(state, ".folder.belay-new")), FILE_ABSENT);
}

static void exchange_is_its_own_undo(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *file_id = NULL;
	AUTO(free_auto) char *now = NULL;
	char *nothing = (char *)"set";

	make_folder(in(state, "folder"));
	put(in(state, "folder/inside"), "1");
	put(in(state, "file"), "2");
	assert_done(path_id(in(state, "file"), &file_id, &err), &err);
	assert_done(path_exchange(in(state, "folder"), in(state, "file"), &err), &err);
	assert_content(in(state, "file/inside"), "1");
	assert_content(in(state, "folder"), "2");
	assert_done(path_id(in(state, "folder"), &now, &err), &err);
	assert_string_equal(now, file_id);
	assert_done(path_exchange(in(state, "folder"), in(state, "file"), &err), &err);
	assert_content(in(state, "folder/inside"), "1");
	assert_error(path_exchange(in(state, "file"), in(state, "none"), &err), &err, ERR_IO);
	assert_content(in(state, "file"), "2");
	assert_done(path_id(in(state, "none"), &nothing, &err), &err);
	assert_null(nothing);
}

static void tries_the_exchange_without_a_trace(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(strlist_clear) StrList names = {0};

	assert_done(path_exchange_works(*state, &err), &err);
	assert_done(dir_list(*state, &names, &err), &err);
	assert_int_equal(names.len, 0);
	assert_error(path_exchange_works("/proc", &err), &err, ERR_IO);
}

static void path_parts(void **state UNUSED)
{
	static const struct {
		const char *path, *folder, *name;
	} cases[] = {
		{"/a/b", "/a", "b"},
		{"/a", "/", "a"},
		{"/a/b/", "/a", "b/"},
		{"//a", "/", "a"},
		{"/a//b", "/a", "b"},
		{"/", "/", "/"},
		{"a", ".", "a"},
		{"a/b", "a", "b"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free_auto) char *folder = path_folder(cases[i].path);

		assert_string_equal(folder, cases[i].folder);
		assert_string_equal(path_name(cases[i].path), cases[i].name);
	}
}

static void path_questions(void **state UNUSED)
{
	static const struct {
		const char *path, *folder;
		bool below;
	} below[] = {
		{"/a/b", "/a", true},
		{"/a", "/a", true},
		{"/a", "/a/", true},
		{"/ab", "/a", false},
		{"/a", "/a/b", false},
		{"/a", "/", true},
		{"/", "/", true},
	};
	static const struct {
		const char *folder, *name, *want;
	} joins[] = {
		{"/a", "b", "/a/b"},
		{"/a/", "b", "/a/b"},
		{"/", "b", "/b"},
		{"/a", "/b", "/a/b"},
		{"", "b", "b"},
	};

	for (size_t i = 0; i < COUNT_OF(below); i++)
		assert_int_equal(path_below(below[i].path, below[i].folder), below[i].below);
	for (size_t i = 0; i < COUNT_OF(joins); i++) {
		AUTO(free_auto) char *joined = path_join(joins[i].folder, joins[i].name);

		assert_string_equal(joined, joins[i].want);
	}
	assert_null(path_real("/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(reads_whole_or_not_at_all),
		scratch_test(reads_large_files),
		scratch_test(writes_with_mode_and_leaves_nothing_else),
		scratch_test(keeps_the_owner_as_root),
#ifdef BELAY_TEST
		scratch_test(a_crash_leaves_old_or_new),
		scratch_test(a_crash_leaves_old_or_new_names),
#endif
		scratch_test(copies),
		scratch_test(removes_and_renames),
		scratch_test(kinds),
		scratch_test(folders),
		scratch_test(links),
		scratch_test(exchange_is_its_own_undo),
		scratch_test(tries_the_exchange_without_a_trace),
		cmocka_unit_test(path_parts),
		cmocka_unit_test(path_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
