#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/text.h"

static void make_sample(void **state, const char *root)
{
	AUTO(free_auto) char *base = str_format("%s/%s", (const char *)*state, root);
	static const char *const folders[] = {"", "/b", "/b/deep", "/empty"};
	static const struct {
		const char *path, *text;
	} files[] = {{"/a", "12345"}, {"/b/one", "1"}, {"/b/deep/two", "22"}, {"/c", ""}};

	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		AUTO(free_auto) char *path = str_format("%s%s", base, folders[i]);

		make_folder(path);
	}
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		AUTO(free_auto) char *path = str_format("%s%s", base, files[i].path);

		put(path, files[i].text);
	}
	AUTO(free_auto) char *link = str_format("%s/link", base);
	assert_int_equal(symlink("/etc", link), 0);
}

static bool describe(void *arg, const TreeEntry *entry, Err *err UNUSED)
{
	text_addf(arg, "%s %o %lld %lld\n", entry->path, entry->mode, (long long)entry->bytes,
		S_ISLNK(entry->mode) ? 0 : (long long)entry->mtime_ns);
	return true;
}

static bool list_paths(void *arg, const TreeEntry *entry, Err *err UNUSED)
{
	text_addf(arg, "%s ", entry->path);
	return true;
}

static char *description(const char *root)
{
	AUTO(err_clear) Err err = {0};
	Text text = TEXT_INIT(100000);

	assert_done(tree_walk(root, describe, &text, &err), &err);
	return text_take(&text);
}

static void assert_same_tree(const char *a, const char *b)
{
	AUTO(free_auto) char *of_a = description(a);
	AUTO(free_auto) char *of_b = description(b);

	assert_string_equal(of_a, of_b);
}

static void walks_in_order_and_not_through_links(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(text_clear) Text text = TEXT_INIT(1000);

	make_sample(state, "t");
	assert_done(tree_walk(in(state, "t"), list_paths, &text, &err), &err);
	assert_string_equal(text.data, "a b b/deep b/deep/two b/one c empty link ");
	assert_error(tree_walk(in(state, "none"), list_paths, &text, &err), &err, ERR_IO);
}

static bool stop_at_b(void *arg, const TreeEntry *entry, Err *err)
{
	++*(int *)arg;
	return !str_is(entry->path, "b") || err_fail(err, ERR_VERIFY, "enough");
}

static void a_walk_can_be_stopped(void **state)
{
	AUTO(err_clear) Err err = {0};
	int count = 0;

	make_sample(state, "t");
	assert_error(tree_walk(in(state, "t"), stop_at_b, &count, &err), &err, ERR_VERIFY);
	assert_int_equal(count, 2);
}

static void sizes(void **state)
{
	AUTO(err_clear) Err err = {0};
	TreeSize size = {1, 1};

	assert_done(tree_size(in(state, "none"), &size, &err), &err);
	assert_int_equal(size.bytes + size.files, 0);
	make_sample(state, "t");
	assert_done(tree_size(in(state, "t"), &size, &err), &err);
	assert_int_equal(size.bytes, 8);
	assert_int_equal(size.files, 5);
	assert_done(tree_size(in(state, "t/a"), &size, &err), &err);
	assert_int_equal(size.bytes, 5);
	assert_int_equal(size.files, 1);
}

static void mirror_makes_equal(void **state)
{
	AUTO(err_clear) Err err = {0};

	make_sample(state, "t");
	assert_int_equal(chmod(in(state, "t/a"), 0604), 0);
	assert_int_equal(chmod(in(state, "t/empty"), 0500), 0);
	assert_done(tree_mirror(in(state, "t"), in(state, "new/copy"), &err), &err);
	assert_same_tree(in(state, "t"), in(state, "new/copy"));
	assert_content(in(state, "new/copy/b/deep/two"), "22");
}

static void second_pass_follows(void **state, int many)
{
	AUTO(err_clear) Err err = {0};
	struct stat before, after;

	make_sample(state, "t");
	assert_done(tree_mirror(in(state, "t"), in(state, "copy"), &err), &err);
	assert_int_equal(stat(in(state, "copy/b/one"), &before), 0);
	put(in(state, "t/a"), "54321"); /* same size, right after the first pass */
	put(in(state, "t/empty/new"), "new");
	assert_int_equal(unlink(in(state, "t/c")), 0);
	make_folder(in(state, "t/c")); /* a file became a folder */
	assert_done(tree_remove(in(state, "t/b/deep"), &err), &err);
	put(in(state, "t/b/deep"), "now a file");
	assert_int_equal(unlink(in(state, "t/link")), 0);
	assert_int_equal(symlink("elsewhere", in(state, "t/link")), 0);
	put(in(state, "copy/surplus"), "x");
	for (int i = 0; i < many; i++) {
		char name[32];

		snprintf(name, sizeof(name), "t/empty/%03d", i);
		put(in(state, name), name);
	}
	assert_int_equal(chmod(in(state, "t/b/one"), 0600), 0);
	assert_done(tree_mirror_changes(in(state, "t"), in(state, "copy"), &err), &err);
	assert_same_tree(in(state, "t"), in(state, "copy"));
	assert_content(in(state, "copy/a"), "54321");
	assert_int_equal(stat(in(state, "copy/b/one"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino); /* kept, not copied anew */
}

static void second_pass_follows_every_change(void **state)
{
	second_pass_follows(state, 0);
}

/* So many that they are not synced one by one any more. */
static void second_pass_follows_many_changes(void **state)
{
	second_pass_follows(state, 300);
}

/* What is written while a copy runs must not look like what was copied. */
static void changes_right_after_are_seen(void **state)
{
	AUTO(err_clear) Err err = {0};

	make_folder(in(state, "t"));
	for (int i = 0; i < 20; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%04d", i);
		put(in(state, "t/a"), text);
		assert_done(tree_mirror(in(state, "t"), in(state, "copy"), &err), &err);
		assert_content(in(state, "copy/a"), text);
	}
}

/* A write into a mapped page that is dirty already changes no time by itself. The copy is on
 * another file system, for syncing it must not be what cleans the page. */
static bool is_on_tmpfs(const char *folder)
{
	struct statfs about;

	return statfs(folder, &about) == 0 && about.f_type == TMPFS_MAGIC;
}

static void changes_through_a_mapping_are_seen(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(close_auto) int fd = -1;
	char elsewhere[] = "/dev/shm/belay-test-XXXXXX";
	AUTO(free_auto) char *copied = NULL;
	char *page;

	/* tmpfs does not write down when a page was changed through a mapping. */
	if (is_on_tmpfs(*state) || !mkdtemp(elsewhere))
		skip();
	copied = path_join(elsewhere, "a");
	make_folder(in(state, "t"));
	put(in(state, "t/a"), "one");
	fd = open(in(state, "t/a"), O_RDWR | O_CLOEXEC);
	page = mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	for (int i = 0; i < 3; i++) {
		static const char *const texts[] = {"two", "six", "ten"};

		memcpy(page, texts[i], 3);
		assert_done(tree_mirror(in(state, "t"), elsewhere, &err), &err);
		assert_content(copied, texts[i]);
	}
	munmap(page, 3);
	assert_done(tree_remove(elsewhere, &err), &err);
}

static void sockets_and_pipes_are_left_out(void **state)
{
	AUTO(err_clear) Err err = {0};

	make_folder(in(state, "t"));
	assert_int_equal(mkfifo(in(state, "t/pipe"), 0600), 0);
	put(in(state, "t/a"), "a");
	assert_done(tree_mirror(in(state, "t"), in(state, "copy"), &err), &err);
	assert_int_equal(file_kind(in(state, "copy/pipe")), FILE_ABSENT);
	assert_content(in(state, "copy/a"), "a");
}

static void owners_are_taken_over(void **state)
{
	AUTO(err_clear) Err err = {0};
	struct stat st;

	if (geteuid() != 0)
		skip();
	make_sample(state, "t");
	assert_done(tree_chown(in(state, "t"), 1234, 1235, &err), &err);
	assert_int_equal(lstat(in(state, "t/link"), &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(stat("/etc", &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_done(tree_mirror(in(state, "t"), in(state, "copy"), &err), &err);
	assert_int_equal(stat(in(state, "copy/b/deep/two"), &st), 0);
	assert_int_equal(st.st_gid, 1235);
	assert_int_equal(stat(in(state, "copy"), &st), 0);
	assert_int_equal(st.st_uid, 1234);
}

static void mirror_needs_a_source(void **state)
{
	AUTO(err_clear) Err err = {0};

	assert_error(tree_mirror(in(state, "none"), in(state, "copy"), &err), &err, ERR_IO);
	assert_int_equal(file_kind(in(state, "copy")), FILE_ABSENT);
}

static void removes_but_not_through_links(void **state)
{
	AUTO(err_clear) Err err = {0};

	make_sample(state, "t");
	make_sample(state, "other");
	assert_int_equal(unlink(in(state, "t/link")), 0);
	assert_int_equal(symlink("../other", in(state, "t/link")), 0);
	assert_int_equal(symlink("other", in(state, "to-other")), 0);
	assert_int_equal(chmod(in(state, "t/b"), 0500), 0);
	assert_done(tree_remove(in(state, "t"), &err), &err);
	assert_done(tree_remove(in(state, "to-other"), &err), &err);
	assert_done(tree_remove(in(state, "to-other"), &err), &err);
	assert_int_equal(file_kind(in(state, "t")), FILE_ABSENT);
	assert_content(in(state, "other/b/one"), "1");
}

static void removes_what_ends_so_and_nothing_else(void **state)
{
	AUTO(err_clear) Err err = {0};

	assert_done(tree_remove_ending(in(state, "nowhere"), ".partial", &err), &err);
	make_folder(in(state, "all"));
	make_sample(state, "all/0.8.0.partial");
	put(in(state, "all/file.partial"), "half");
	put(in(state, "all/partial"), "whole");
	put(in(state, "all/0.8.0.partial.log"), "whole");
	assert_done(tree_remove_ending(in(state, "all"), ".partial", &err), &err);
	assert_false(file_exists(in(state, "all/0.8.0.partial")));
	assert_false(file_exists(in(state, "all/file.partial")));
	assert_true(file_exists(in(state, "all/partial")));
	assert_true(file_exists(in(state, "all/0.8.0.partial.log")));
}

static void does_not_empty_a_mounted_volume(void **state)
{
	AUTO(err_clear) Err err = {0};

	make_sample(state, "t");
	if (geteuid() != 0 || mount("none", in(state, "t/b/deep"), "tmpfs", 0, "size=64k") < 0)
		skip();
	put(in(state, "t/b/deep/precious"), "data");
	bool done = tree_remove(in(state, "t"), &err);
	bool there = file_exists(in(state, "t/b/deep/precious"));
	umount(in(state, "t/b/deep"));
	assert_false(done);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_true(there);
}

#ifdef BELAY_TEST
/* Kill it at every point it passes; after each, a further pass must make it right. */
static void mirror_goes_on_after_any_crash(void **state)
{
	int crashes = 0;

	make_sample(state, "t");
	for (int point = 1; point < 100; point++) {
		AUTO(err_clear) Err err = {0};
		int status;
		pid_t child = fork();

		if (child == 0) {
			char wish[20];

			snprintf(wish, sizeof(wish), "kill:%d", point);
			setenv("BELAY_FAULT", wish, 1);
			fault_restart();
			_exit(!tree_mirror(in(state, "t"), in(state, "copy"), &err));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			break;
		}
		crashes++;
		assert_done(tree_mirror(in(state, "t"), in(state, "copy"), &err), &err);
		assert_same_tree(in(state, "t"), in(state, "copy"));
		assert_done(tree_remove(in(state, "copy"), &err), &err);
	}
	assert_true(crashes > 3);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(walks_in_order_and_not_through_links),
		scratch_test(a_walk_can_be_stopped),
		scratch_test(sizes),
		scratch_test(mirror_makes_equal),
		scratch_test(second_pass_follows_every_change),
		scratch_test(second_pass_follows_many_changes),
		scratch_test(changes_right_after_are_seen),
		scratch_test(changes_through_a_mapping_are_seen),
		scratch_test(sockets_and_pipes_are_left_out),
		scratch_test(owners_are_taken_over),
		scratch_test(mirror_needs_a_source),
		scratch_test(removes_but_not_through_links),
		scratch_test(removes_what_ends_so_and_nothing_else),
		scratch_test(does_not_empty_a_mounted_volume),
#ifdef BELAY_TEST
		scratch_test(mirror_goes_on_after_any_crash),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
