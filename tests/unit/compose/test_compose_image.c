/* The corpus: one folder a shape that compose files have, with what belay has to say of it. */
#include "compose/compose_image.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/file.h"
#include "os/tree.h"
#include "unit.h"

#define NEW_DIGEST "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MAX        (1 << 16)

static char *read_all(const char *path, size_t *ret_len)
{
	AUTO(err_clear) Err err = {0};
	char *text = NULL;

	assert_done(file_read(path, MAX, &text, ret_len, &err), &err);
	return text;
}

/* Of `NAME value` lines; "" for a name that is not there. */
static char *said(const char *expect, const char *name)
{
	AUTO(strlist_clear) StrList lines = {0};
	AUTO(free_auto) char *start = str_format("%s ", name);

	strlist_split(&lines, expect, "\n");
	for (size_t i = 0; i < lines.len; i++)
		if (str_starts(lines.items[i], start))
			return str_dup(lines.items[i] + strlen(start));
	return str_dup("");
}

static char *absolute(const char *folder, const char *names)
{
	AUTO(strlist_clear) StrList list = {0};
	AUTO(strlist_clear) StrList paths = {0};

	strlist_split(&list, names, ",");
	for (size_t i = 0; i < list.len; i++)
		strlist_addf(&paths, "%s/%s", folder, list.items[i]);
	return strlist_join(&paths, ",");
}

/* In a copy of the folder: only the tag is another one, and compose would see the new image. */
static void check_edited(const char *folder, const char *files_named, const char *service,
	const ComposeEdit *edit, const ComposeImage *image, const char *tag)
{
	AUTO(err_clear) Err err = {0};
	AUTO(compose_image_clear) ComposeImage again = {0};
	char copy[] = "/tmp/belay-compose-XXXXXX";
	AUTO(strlist_clear) StrList names = {0};
	size_t len = 0;
	AUTO(free_auto) char *old = read_all(edit->file, &len);
	const size_t gone = strlen(edit->before), come = strlen(edit->after);
	AUTO(free_auto) char *text = mem_new(len + come + 1, 1);
	AUTO(free_auto) char *files = NULL;
	AUTO(free_auto) char *changed = NULL;

	assert_true(edit->at + gone <= len);
	assert_memory_equal(old + edit->at, edit->before, gone);
	memcpy(text, old, edit->at);
	memcpy(text + edit->at, edit->after, come);
	memcpy(text + edit->at + come, old + edit->at + gone, len - edit->at - gone);

	assert_non_null(mkdtemp(copy));
	assert_done(dir_list(folder, &names, &err), &err);
	for (size_t i = 0; i < names.len; i++) {
		AUTO(free_auto) char *from = path_join(folder, names.items[i]);
		AUTO(free_auto) char *to = path_join(copy, names.items[i]);

		assert_done(file_copy(from, to, 0644, &err), &err);
	}
	changed = path_join(copy, path_name(edit->file));
	assert_done(file_write(changed, text, len - gone + come, 0644, &err), &err);
	files = absolute(copy, files_named);
	assert_done(compose_image_read(files, copy, service, &again, &err), &err);
	assert_string_equal(again.repository, image->repository);
	if (!image->digest || image->tag)
		assert_string_equal(again.tag, tag);
	if (image->digest)
		assert_string_equal(again.digest, NEW_DIGEST);
	assert_done(tree_remove(copy, &err), &err);
}

static void check_shape(const char *folder)
{
	AUTO(free_auto) char *expect_path = path_join(folder, "expect");
	AUTO(free_auto) char *expect = read_all(expect_path, NULL);
	AUTO(free_auto) char *names = said(expect, "files");
	AUTO(free_auto) char *files = absolute(folder, names);
	AUTO(free_auto) char *service = said(expect, "service");
	AUTO(free_auto) char *wanted = said(expect, "image");
	AUTO(free_auto) char *refused = said(expect, "refused");
	AUTO(free_auto) char *file = said(expect, "file");
	AUTO(free_auto) char *line = said(expect, "line");
	AUTO(free_auto) char *before = said(expect, "before");
	AUTO(free_auto) char *after = said(expect, "after");
	AUTO(free_auto) char *variable = said(expect, "variable");
	AUTO(compose_image_clear) ComposeImage image = {0};
	AUTO(compose_edit_clear) ComposeEdit edit = {0};
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *tag = NULL;
	bool good = compose_image_read(files, folder, service, &image, &err);

	tag = compose_tag_for(image.tag, "0.8.0");
	good = good && compose_image_plan(files, folder, service, tag,
			       image.digest ? NEW_DIGEST : NULL, &edit, &err);
	if (*refused) {
		if (good)
			fail_msg("%s: not refused", folder);
		assert_int_equal(err.kind, ERR_REFUSED);
		assert_part(err.text, refused);
		return;
	}
	if (!good)
		fail_msg("%s: %s", folder, err.text);
	assert_string_equal(image.text, wanted);
	assert_string_equal(path_name(edit.file), file);
	assert_string_equal(edit.before, before);
	assert_string_equal(edit.after, after);
	assert_string_equal(edit.variable ? edit.variable : "", variable);
	assert_int_equal(edit.line, atoi(line));
	check_edited(folder, names, service, &edit, &image, tag);
}

static void test_corpus(void **state)
{
	AUTO(strlist_clear) StrList shapes = {0};
	AUTO(err_clear) Err err = {0};

	(void)state;
	assert_done(dir_list(CORPUS, &shapes, &err), &err);
	assert_true(shapes.len >= 40);
	for (size_t i = 0; i < shapes.len; i++) {
		AUTO(free_auto) char *folder = path_join(CORPUS, shapes.items[i]);

		print_message("%s\n", shapes.items[i]);
		check_shape(folder);
	}
}

static void test_tag_for(void **state)
{
	static const struct {
		const char *tag, *wanted;
	} cases[] = {
		{"v0.7.2", "v0.8.0"},
		{"0.7.2", "0.8.0"},
		{"v0.7.2-cuda", "v0.8.0-cuda"},
		{"0.7-slim", "0.8.0-slim"},
		{"main", "v0.8.0"},
		{"latest", "v0.8.0"},
		{"git-3f2a", "v0.8.0"},
		{"7", "v0.8.0"},
		{"", "v0.8.0"},
		{NULL, "v0.8.0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free_auto) char *tag = compose_tag_for(cases[i].tag, "0.8.0");

		assert_string_equal(tag, cases[i].wanted);
	}
}

static void test_files(void **state)
{
	AUTO(compose_image_clear) ComposeImage image = {0};
	Err err = {0};

	(void)state;
	assert_error(compose_image_read("-", "/tmp", "webui", &image, &err), &err, ERR_REFUSED);
	assert_part(err.text, "which is no file");
	err_clear(&err);
	assert_error(compose_image_read("", "/tmp", "webui", &image, &err), &err, ERR_REFUSED);
	err_clear(&err);
	assert_error(compose_image_read("/nowhere/compose.yaml", "/tmp", "webui", &image, &err),
		&err, ERR_IO);
	err_clear(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_tag_for),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
