#include "release/notes.h"

#include "base/text.h"
#include "fake_env.h"

static const char change_log[] =
	"# Changelog\n\n## [Unreleased]\n\n### Added\n\n- not out\n\n"
	"## [0.9.0] - 2026-04-20\n\n### Added\n\n- 🎯 **Tasks.** New. ⚠️ migration in the text\n\n"
	"### Changed\n\n"
	"- ⚠️ **Database Migrations**: This release includes database schema changes\n"
	"- 🧨 **Plugin async migration required.** Custom plugins\n"
	"- ⚠️ **Failed settings feedback.** Settings\n\n"
	"## [0.8.0] - 2026-02-12\r\n\r\n### Changed\r\n\r\n"
	"- ‼️ **Database Migration Required** — back up\r\n\r\n"
	"## [0.7.2] - 2026-01-10\n\n### Fixed\n\n- 🐛 **Old.** Thing\n";

static char *read_as_text(const char *from, const char *to)
{
	char template[] = "/tmp/belay-unit-XXXXXX";
	const char *root = mkdtemp(template);
	AUTO(err_clear) Err err = {0};
	AUTO(notes_clear) Notes notes = {0};
	AUTO(text_clear) Text out = TEXT_INIT(64 * 1024);

	fake_file_at(root, "CHANGELOG.md", change_log);
	assert_done(notes_read(root, from, to, &notes, &err), &err);
	assert_done(tree_remove(root, &err), &err);
	for (size_t i = 0; i < notes.len; i++) {
		const NoteItem *item = &notes.items[i];
		const char *title = strstr(item->text, "**") + 2;

		text_addf(&out, "%s%s %s %.*s\n", item->important ? "! " : "", item->version,
			item->section, (int)strcspn(title, "*"), title);
	}
	return text_take(&out);
}

static void test_important_ones_first_then_newest(void **state)
{
	AUTO(free_auto) char *text = read_as_text("0.7.2", "0.9.0");

	(void)state;
	assert_string_equal(text, "! 0.9.0 Changed Database Migrations\n"
				  "! 0.9.0 Changed Plugin async migration required.\n"
				  "! 0.8.0 Changed Database Migration Required\n"
				  "0.9.0 Added Tasks.\n"
				  "0.9.0 Changed Failed settings feedback.\n");
}

static void test_only_the_wanted_versions(void **state)
{
	AUTO(free_auto) char *text = read_as_text("0.7.2", "0.8.0");
	AUTO(free_auto) char *none = read_as_text("0.9.0", "0.9.0");

	(void)state;
	assert_string_equal(text, "! 0.8.0 Changed Database Migration Required\n");
	assert_string_equal(none, "");
}

static void test_a_missing_change_log(void **state)
{
	AUTO(err_clear) Err err = {0};
	AUTO(notes_clear) Notes notes = {0};

	(void)state;
	assert_error(notes_read("/nonexistent", "0.7.2", "0.9.0", &notes, &err), &err, ERR_VERIFY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_important_ones_first_then_newest),
		cmocka_unit_test(test_only_the_wanted_versions),
		cmocka_unit_test(test_a_missing_change_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
