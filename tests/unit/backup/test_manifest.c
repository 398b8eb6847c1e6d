#include "backup/manifest.h"

#include <stdlib.h>

#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"
#include "unit.h"

#define DIGEST "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""
#define START                                                                                      \
	"\"site\": \"s\", \"version\": \"0.8.0\", "                                                \
	"\"database\": {\"kind\": \"sqlite\", \"file\": \"webui.db.zst\"}, "
#define DATABASE "{\"path\": \"webui.db.zst\", \"bytes\": 3, \"sha256\": " DIGEST "}"

static const struct {
	const char *promise;
	const char *text; /* NULL: no manifest */
	bool good;
	const char *part; /* of the message */
} cases[] = {
	{"no manifest is no error", NULL, true, NULL},
	{"without a seal", "{\"schema\": 1, " START "\"files\": [" DATABASE "]}", false, "changed"},
	{"not JSON", "schema: 1", false, "manifest.json"},
	{"empty", "", false, "manifest.json"},
	{"cut off", "{\"schema\": 1, " START "\"files\": [" DATABASE, false, "manifest.json"},
	{"from a newer belay", "{\"schema\": 2, " START "\"files\": [" DATABASE "]}", false,
		"newer"},
	{"without schema", "{" START "\"files\": [" DATABASE "]}", false, "incomplete"},
	{"without files", "{\"schema\": 1, " START "\"x\": 1}", false, "list of files"},
	{"the database is not listed", "{\"schema\": 1, " START "\"files\": []}", false,
		"database"},
	{"a path that climbs out",
		"{\"schema\": 1, " START "\"files\": [" DATABASE
		", {\"path\": \"files/../../etc/x\", "
		"\"bytes\": 0, \"sha256\": " DIGEST "}]}",
		false, "outside"},
	{"an absolute path",
		"{\"schema\": 1, " START "\"files\": [" DATABASE ", {\"path\": \"/etc/x\", "
		"\"bytes\": 0, \"sha256\": " DIGEST "}]}",
		false, "outside"},
	{"no path", "{\"schema\": 1, " START "\"files\": [" DATABASE ", {\"bytes\": 0}]}", false,
		"outside"},
	{"a negative size",
		"{\"schema\": 1, " START "\"files\": [" DATABASE
		", {\"path\": \"x\", \"bytes\": -1, "
		"\"sha256\": " DIGEST "}]}",
		false, "SHA-256"},
	{"a digest that is none",
		"{\"schema\": 1, " START "\"files\": [" DATABASE
		", {\"path\": \"x\", \"bytes\": 1, "
		"\"sha256\": \"E3\"}]}",
		false, "SHA-256"},
	{"no digest",
		"{\"schema\": 1, " START "\"files\": [" DATABASE
		", {\"path\": \"x\", \"bytes\": 1}]}",
		false, "SHA-256"},
	{"sizes that overflow when they are added up",
		"{\"schema\": 1, " START "\"files\": [" DATABASE
		", {\"path\": \"x\", \"bytes\": 9223372036854775807, \"sha256\": " DIGEST "}]}",
		false, "impossible"},
	{"a file below a link",
		"{\"schema\": 1, " START "\"files\": [" DATABASE
		", {\"path\": \"files/uploads/b\", \"link\": \"/etc\"}, "
		"{\"path\": \"files/uploads/b/deep/x\", \"bytes\": 0, \"sha256\": " DIGEST "}]}",
		false, "below a link"},
	{"a file in place of a link",
		"{\"schema\": 1, " START "\"files\": [" DATABASE
		", {\"path\": \"files/uploads/b\", \"bytes\": 0, \"sha256\": " DIGEST "}, "
		"{\"path\": \"files/uploads/b\", \"link\": \"/etc\"}]}",
		false, "below a link"},
	{"a folder in place of a file",
		"{\"schema\": 1, " START "\"files\": [" DATABASE ", {\"path\": \"files/uploads/\", "
		"\"bytes\": 0, \"sha256\": " DIGEST "}]}",
		false, "outside"},
	{"a site that is a path",
		"{\"schema\": 1, \"site\": \"../../etc/cron.d/x\", \"version\": \"0.8.0\", "
		"\"database\": {\"kind\": \"sqlite\", \"file\": \"webui.db.zst\"}, "
		"\"files\": [" DATABASE "]}",
		false, "incomplete"},
};

static void a_manifest_is_checked_before_anything_believes_it(void **state UNUSED)
{
	char folder[] = "/tmp/belay-unit-XXXXXX";
	AUTO(err_clear) Err cleanup = {0};

	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(json_release_auto) json_t *manifest = NULL;
		AUTO(free_auto) char *path = path_join(folder, MANIFEST_NAME);

		if (cases[i].text)
			assert_done(file_write_text(path, cases[i].text, 0600, &err), &err);
		if (manifest_read(folder, &manifest, &err) != cases[i].good)
			fail_msg("%s: %s", cases[i].promise, err.text ? err.text : "(accepted)");
		if (cases[i].good) {
			assert_int_equal(manifest != NULL, cases[i].text != NULL);
			continue;
		}
		assert_null(manifest);
		assert_int_equal(err.kind, ERR_VERIFY);
		assert_part(err.text, cases[i].part);
	}
	assert_done(tree_remove(folder, &cleanup), &cleanup);
}

/* Nothing in it can be edited, the order of its members included. */
static void what_was_written_is_read_until_it_is_edited(void **state UNUSED)
{
	static const char text[] = "{\"schema\": 1, " START "\"files\": [" DATABASE "]}";
	char folder[] = "/tmp/belay-unit-XXXXXX";
	AUTO(err_clear) Err err = {0};
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(json_release_auto) json_t *again = NULL;
	AUTO(json_release_auto) json_t *edited = NULL;
	AUTO(free_auto) char *there = NULL;

	assert_non_null(mkdtemp(folder));
	AUTO(free_auto) char *path = path_join(folder, MANIFEST_NAME);
	assert_done(json_parse(text, strlen(text), sizeof(text), &manifest, &err), &err);
	assert_done(manifest_write(folder, manifest, &err), &err);
	assert_done(manifest_read(folder, &again, &err), &err);
	assert_string_equal(json_str(again, "version"), "0.8.0");
	assert_done(file_read(path, 1 << 16, &there, NULL, &err), &err);
	*strstr(there, "0.8.0") = '1';
	assert_done(file_write_text(path, there, 0600, &err), &err);
	assert_error(manifest_read(folder, &edited, &err), &err, ERR_VERIFY);
	assert_part(err.text, "changed");
	err_clear(&err);
	/* Written again by us, with a verdict for example, it is whole again. */
	json_put(again, "version", "0.8.1");
	assert_done(manifest_write(folder, again, &err), &err);
	assert_done(manifest_read(folder, &edited, &err), &err);
	assert_done(tree_remove(folder, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manifest_is_checked_before_anything_believes_it),
		cmocka_unit_test(what_was_written_is_read_until_it_is_edited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
