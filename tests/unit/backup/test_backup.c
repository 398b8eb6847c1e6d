#include "backup/backup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/manifest.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/redact.h"
#include "base/text.h"
#include "os/file.h"
#include "os/proc.h"
#include "os/sql.h"
#include "os/tree.h"
#include "unit.h"

#define KEY "secret-key-of-the-test"

typedef struct Fixture {
	Site site;
	Database *db;
	Release release;
	char *root;
	FakeClock clock;
	Err err;
} Fixture;

static void put(const Fixture *fixture, const char *name, const char *text, mode_t mode)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(fixture->root, name);
	AUTO(free_auto) char *folder = path_folder(path);

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(file_write_text(path, text, mode, &err), &err);
}

static void make_database(const Fixture *fixture, const char *name)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(fixture->root, name);
	AUTO(free_auto) char *folder = path_folder(path);
	AUTO(sql_close_auto) Sql *sql = NULL;

	assert_done(dir_make(folder, 0755, &err), &err);
	assert_done(sql_open(path, SQL_CREATE, 1000, &sql, &err), &err);
	assert_done(sql_script(sql,
			    "CREATE TABLE alembic_version (version_num TEXT);"
			    "INSERT INTO alembic_version VALUES ('c440947495f3');"
			    "CREATE TABLE chat (id TEXT PRIMARY KEY, chat TEXT);"
			    "INSERT INTO chat VALUES ('1', 'hello'), ('2', 'world');",
			    &err),
		&err);
}

/* Answers as data/inventory.py does. */
static const char python[] =
	"#!/bin/sh\ncat >/dev/null\n"
	"echo '{\"base\":\"/usr/bin/python3\",\"venv\":true,\"freeze\":[\"a==1\",\"b==2\"],"
	"\"extra\":[]}'\n";

static void describe_site(Fixture *fixture)
{
	Site *site = &fixture->site;
	Release *release = &fixture->release;

	site->name = str_dup("test");
	site->backup_dir = path_join(fixture->root, "start/backups");
	site->start_directory = path_join(fixture->root, "start");
	site->environment = path_join(fixture->root, "env");
	site->state_dir = path_join(fixture->root, "state");
	site->webui.data_dir = path_join(fixture->root, "data");
	site->webui.key_source = KEY_IN_FILE;
	site->webui.key_file = path_join(fixture->root, "start/.webui_secret_key");
	strlist_add(&site->webui.merged, "WEBUI_SECRET_KEY=" KEY);
	strlist_add(&site->webui.merged, "GREETING=it's me");
	strlist_add(&site->recipe.argv, "python");
	site->recipe.dir = str_dup(site->start_directory);
	site->recipe.uid = geteuid();
	site->recipe.gid = getegid();
	site->database.kind = DATABASE_SQLITE;
	site->database.name = path_join(fixture->root, "data/webui.db");
	release->version = str_dup("0.7.2");
	release->path = path_join(fixture->root, "env");
	release->python = path_join(fixture->root, "env/bin/python");
	release->python_version = str_dup("3.11");
}

static int setup(void **state)
{
	Fixture *fixture = NEW(Fixture);
	char name[] = "/tmp/belay-unit-XXXXXX";

	fixture->root = path_real(mkdtemp(name));
	fixture->clock = (FakeClock){.mono_ms = 1000, .wall_ms = 1795450000000};
	clock_use(&fixture->clock);
	describe_site(fixture);
	make_database(fixture, "data/webui.db");
	make_database(fixture, "data/vector_db/chroma.sqlite3");
	put(fixture, "data/vector_db/collection/data_level0.bin", "vectors", 0644);
	put(fixture, "data/uploads/one.pdf", "first upload", 0640);
	put(fixture, "data/uploads/deep/two.db", "not a database", 0644);
	put(fixture, "start/.webui_secret_key", KEY, 0600);
	put(fixture, "state/journal.db", "", 0600);
	put(fixture, "env/bin/python", python, 0755);
	redact_add(KEY);
	assert_done(database_open(&fixture->site, &fixture->db, &fixture->err), &fixture->err);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	bool gone = tree_remove(fixture->root, &err);

	clock_use(NULL);
	redact_forget();
	database_close(fixture->db);
	site_clear(&fixture->site);
	release_clear(&fixture->release);
	err_clear(&fixture->err);
	free(fixture->root);
	free(fixture);
	return gone ? 0 : -1;
}

static void make_set(Fixture *fixture, BackupSet *ret)
{
	assert_done(backup_make(&fixture->site, fixture->db, &fixture->release,
			    "20261123-134812-backup", "make-backup", NULL, ret, &fixture->err),
		&fixture->err);
}

static char *read_of(const char *folder, const char *name)
{
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(folder, name);
	char *text = NULL;

	assert_done(file_read(path, 1 << 20, &text, NULL, &err), &err);
	return text;
}

static void a_set_has_everything(void **state)
{
	static const char *const wanted[] = {"webui.db.zst", "secret_key", "environment",
		"packages.txt", "start.json", "RESTORE.md", "files/uploads/one.pdf",
		"files/uploads/deep/two.db", "files/vector_db/chroma.sqlite3",
		"files/vector_db/collection/data_level0.bin"};
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};

	make_set(fixture, &set);
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		if (!manifest_file(set.manifest, wanted[i]))
			fail_msg("'%s' is not in the set", wanted[i]);
	assert_done(backup_check_files(&set, &fixture->err), &fixture->err);
	assert_string_equal(set.version, "0.7.2");
	assert_string_equal(set.revision, "c440947495f3");
	assert_false(set.proven);
	assert_false(set.foreign);
	AUTO(free_auto) char *key = read_of(set.path, "secret_key");
	assert_string_equal(key, KEY);
	AUTO(free_auto) char *packages = read_of(set.path, "packages.txt");
	assert_string_equal(packages, "a==1\nb==2\n");
	AUTO(free_auto) char *environment = read_of(set.path, "environment");
	assert_part(environment, "GREETING='it'\\''s me'\n");
}

static bool nothing_is_open(void *arg, const TreeEntry *entry, Err *err UNUSED)
{
	(void)arg;
	if ((entry->mode & 077) != 0)
		fail_msg("'%s' has mode %o", entry->path, entry->mode);
	return true;
}

static void a_set_is_readable_by_its_owner_only(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	struct stat folder;

	make_set(fixture, &set);
	assert_done(tree_walk(set.path, nothing_is_open, NULL, &fixture->err), &fixture->err);
	assert_int_equal(stat(set.path, &folder), 0);
	assert_int_equal(folder.st_mode & 0777, 0700);
}

static void the_guide_has_the_real_values_and_no_secret(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};

	make_set(fixture, &set);
	AUTO(free_auto) char *guide = read_of(set.path, "RESTORE.md");
	assert_part(guide, set.path);
	assert_part(guide, fixture->site.database.name);
	assert_part(guide, fixture->site.webui.data_dir);
	assert_part(guide, "데이터베이스");
	assert_null(strstr(guide, KEY));
}

static ino_t inode_of(const BackupSet *set, const char *name)
{
	AUTO(free_auto) char *path = path_join(set->path, name);
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	return file.st_ino;
}

static void unchanged_files_are_shared_with_the_set_before(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet first = {0};
	AUTO(backup_set_clear) BackupSet second = {0};
	const char *kept = "files/uploads/deep/two.db", *changed = "files/uploads/one.pdf";

	make_set(fixture, &first);
	put(fixture, "data/uploads/one.pdf", "other upload", 0640);
	fixture->clock.wall_ms += 60000;
	make_set(fixture, &second);
	assert_true(inode_of(&first, kept) == inode_of(&second, kept));
	assert_true(inode_of(&first, changed) != inode_of(&second, changed));
	assert_done(backup_check_files(&first, &fixture->err), &fixture->err);
	assert_done(backup_check_files(&second, &fixture->err), &fixture->err);
}

static void damage_is_not_passed_on(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet first = {0};
	AUTO(backup_set_clear) BackupSet second = {0};
	AUTO(free_auto) char *path = NULL;

	make_set(fixture, &first);
	path = path_join(first.path, "files/uploads/one.pdf");
	assert_done(file_write_text(path, "first uplaod", 0600, &fixture->err), &fixture->err);
	make_set(fixture, &second);
	assert_done(backup_check_files(&second, &fixture->err), &fixture->err);
}

/* What can happen to a set on a disk; each must be found and named. */
static const struct {
	const char *promise;
	const char *file;
	const char *text; /* NULL: the file is removed */
	const char *part;
} damages[] = {
	{"a flipped byte", "files/uploads/one.pdf", "firsT upload", "SHA-256"},
	{"a cut file", "files/uploads/one.pdf", "first", "5 bytes instead of 12"},
	{"a missing file", "files/uploads/deep/two.db", NULL, "missing"},
	{"a missing dump", "webui.db.zst", NULL, "missing"},
	{"an emptied dump", "webui.db.zst", "", "0 bytes"},
	{"another key", "secret_key", "secret-key-of-the-tesT", "SHA-256"},
};

static void damage_is_found(void **state)
{
	Fixture *fixture = *state;

	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		AUTO(err_clear) Err err = {0};
		AUTO(backup_set_clear) BackupSet set = {0};
		AUTO(free_auto) char *path = NULL;

		make_set(fixture, &set);
		path = path_join(set.path, damages[i].file);
		assert_done(file_remove(path, &err), &err);
		if (damages[i].text)
			assert_done(file_write_text(path, damages[i].text, 0600, &err), &err);
		if (backup_check_files(&set, &err) || err.kind != ERR_VERIFY)
			fail_msg("%s was not found", damages[i].promise);
		assert_part(err.text, damages[i].part);
		err_clear(&err);
		assert_done(tree_remove(set.path, &err), &err);
	}
}

static void a_link_in_place_of_a_file_is_found(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *path = NULL;

	make_set(fixture, &set);
	path = path_join(set.path, "secret_key");
	assert_done(link_replace(path, fixture->site.webui.key_file, &fixture->err), &fixture->err);
	assert_error(backup_check_files(&set, &fixture->err), &fixture->err, ERR_VERIFY);
}

static void the_list_is_newest_first_and_knows_what_is_foreign(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet first = {0};
	AUTO(backup_set_clear) BackupSet second = {0};
	AUTO(backup_list_clear) BackupList list = {0};

	assert_done(backup_list(&fixture->site, &list, &fixture->err), &fixture->err);
	assert_int_equal(list.len, 0);
	make_set(fixture, &first);
	fixture->clock.wall_ms += 1000;
	str_replace(&fixture->site.name, "other");
	make_set(fixture, &second);
	str_replace(&fixture->site.name, "test");
	put(fixture, "start/backups/openwebui_backup_20260101_120000.dump", "PGDMP", 0600);
	put(fixture, "start/backups/openwebui_backup_20260102_120000/webui.db.zst", "", 0600);
	put(fixture, "start/backups/notes.txt", "", 0600);
	assert_done(backup_list(&fixture->site, &list, &fixture->err), &fixture->err);
	assert_int_equal(list.len, 3);
	for (size_t i = 0; i < list.len; i++)
		assert_int_equal(list.items[i].foreign, !str_is(list.items[i].name, first.name));
	for (size_t i = 1; i < list.len; i++)
		assert_true(list.items[i - 1].made_ms >= list.items[i].made_ms);
}

static void a_folder_without_manifest_is_no_set(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};

	put(fixture, "start/backups/openwebui_backup_20260102_120000/webui.db.zst", "", 0600);
	assert_error(backup_find(&fixture->site, "openwebui_backup_20260102_120000", &set,
			     &fixture->err),
		&fixture->err, ERR_USAGE);
	assert_part(fixture->err.text, "no complete backup set");
	assert_part(fixture->err.hint, "belay backups");
}

static void a_failed_backup_leaves_nothing(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(strlist_clear) StrList names = {0};

	put(fixture, "env/bin/python", "#!/bin/sh\nexit 1\n", 0755);
	assert_false(backup_make(&fixture->site, fixture->db, &fixture->release, "R", "make-backup",
		NULL, &set, &fixture->err));
	assert_done(dir_list(fixture->site.backup_dir, &names, &fixture->err), &fixture->err);
	assert_int_equal(names.len, 0);
}

static void the_database_comes_back(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *spare = database_spare_name(fixture->db, "20261123-134812-restore");
	AUTO(json_release_auto) json_t *before = NULL;
	AUTO(json_release_auto) json_t *after = NULL;

	make_set(fixture, &set);
	assert_done(backup_restore_database(
			    &set, fixture->db, spare, "20261123-134812-restore", &fixture->err),
		&fixture->err);
	assert_done(
		database_digests(fixture->db, database_live(fixture->db), &before, &fixture->err),
		&fixture->err);
	assert_done(database_digests(fixture->db, spare, &after, &fixture->err), &fixture->err);
	assert_true(json_equal(before, after));
	assert_int_equal(json_object_size(after), 2);
}

/* An upload that came later stays, one that is there is not overwritten, one that is gone comes
 * back. */
static void the_files_come_back_and_nothing_is_lost(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *gone = path_join(fixture->root, "data/uploads/deep/two.db");
	AUTO(free_auto) char *spare = path_join(fixture->root, "data/vector_db.belay-1");
	AUTO(free_auto) char *stale = path_join(spare, "stale");

	make_set(fixture, &set);
	assert_done(file_remove(gone, &fixture->err), &fixture->err);
	put(fixture, "data/uploads/one.pdf", "changed since", 0640);
	put(fixture, "data/uploads/three.pdf", "added since", 0640);
	put(fixture, "data/vector_db.belay-1/stale", "", 0600);
	assert_done(
		backup_restore_files(&set, &fixture->site, spare, &fixture->err), &fixture->err);
	AUTO(free_auto) char *two = read_of(fixture->root, "data/uploads/deep/two.db");
	AUTO(free_auto) char *one = read_of(fixture->root, "data/uploads/one.pdf");
	AUTO(free_auto) char *three = read_of(fixture->root, "data/uploads/three.pdf");
	AUTO(free_auto) char *vectors = read_of(spare, "collection/data_level0.bin");
	assert_string_equal(two, "not a database");
	assert_string_equal(one, "changed since");
	assert_string_equal(three, "added since");
	assert_string_equal(vectors, "vectors");
	assert_false(file_exists(stale));
}

static void a_damaged_set_restores_nothing_damaged(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *spare = path_join(fixture->root, "data/vector_db.belay-1");
	AUTO(free_auto) char *place = database_spare_name(fixture->db, "20261123-134812-restore");
	AUTO(free_auto) char *vectors = NULL;
	AUTO(free_auto) char *dump = NULL;

	make_set(fixture, &set);
	vectors = path_join(set.path, "files/vector_db/collection/data_level0.bin");
	dump = path_join(set.path, "webui.db.zst");
	assert_done(file_write_text(vectors, "vektors", 0600, &fixture->err), &fixture->err);
	assert_error(backup_restore_files(&set, &fixture->site, spare, &fixture->err),
		&fixture->err, ERR_VERIFY);
	err_clear(&fixture->err);
	assert_int_equal(truncate(dump, 100), 0);
	assert_error(backup_restore_database(
			     &set, fixture->db, place, "20261123-134812-restore", &fixture->err),
		&fixture->err, ERR_VERIFY);
}

static void the_live_vector_store_is_never_the_target(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *live = site_vector_dir(&fixture->site);

	make_set(fixture, &set);
	assert_error(backup_restore_files(&set, &fixture->site, live, &fixture->err), &fixture->err,
		ERR_INTERNAL);
	AUTO(free_auto) char *vectors = read_of(live, "collection/data_level0.bin");
	assert_string_equal(vectors, "vectors");
}

/* DATA_DIR belongs to the application, and belay may be root. */
static void nothing_is_restored_through_a_link(void **state)
{
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *deep = path_join(fixture->root, "data/uploads/deep");
	AUTO(free_auto) char *outside = path_join(fixture->root, "outside");
	AUTO(free_auto) char *written = path_join(outside, "two.db");
	AUTO(free_auto) char *spare = path_join(fixture->root, "data/vector_db.belay-1");

	make_set(fixture, &set);
	assert_done(tree_remove(deep, &fixture->err), &fixture->err);
	assert_done(dir_make(outside, 0755, &fixture->err), &fixture->err);
	assert_done(link_replace(deep, outside, &fixture->err), &fixture->err);
	assert_error(backup_restore_files(&set, &fixture->site, spare, &fixture->err),
		&fixture->err, ERR_FOREIGN);
	assert_part(fixture->err.text, "data/uploads/deep");
	assert_false(file_exists(written));
}

static void a_file_from_before_1970_comes_back(void **state)
{
	static const struct timespec times[2] = {{.tv_sec = -2, .tv_nsec = 5}, {-2, 5}};
	Fixture *fixture = *state;
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *old = path_join(fixture->root, "data/uploads/one.pdf");
	AUTO(free_auto) char *spare = path_join(fixture->root, "data/vector_db.belay-1");
	struct stat about;

	assert_int_equal(utimensat(AT_FDCWD, old, times, 0), 0);
	make_set(fixture, &set);
	assert_done(file_remove(old, &fixture->err), &fixture->err);
	assert_done(
		backup_restore_files(&set, &fixture->site, spare, &fixture->err), &fixture->err);
	assert_int_equal(stat(old, &about), 0);
	assert_int_equal(about.st_mtim.tv_sec, -2);
	assert_int_equal(about.st_mtim.tv_nsec, 5);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_set_has_everything),
		TEST(a_set_is_readable_by_its_owner_only),
		TEST(the_guide_has_the_real_values_and_no_secret),
		TEST(unchanged_files_are_shared_with_the_set_before),
		TEST(damage_is_not_passed_on),
		TEST(damage_is_found),
		TEST(a_link_in_place_of_a_file_is_found),
		TEST(the_list_is_newest_first_and_knows_what_is_foreign),
		TEST(a_folder_without_manifest_is_no_set),
		TEST(a_failed_backup_leaves_nothing),
		TEST(the_database_comes_back),
		TEST(the_files_come_back_and_nothing_is_lost),
		TEST(a_damaged_set_restores_nothing_damaged),
		TEST(the_live_vector_store_is_never_the_target),
		TEST(nothing_is_restored_through_a_link),
		TEST(a_file_from_before_1970_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
