/* Hundreds of damaged sets, generated from a fixed seed: none may be taken for proven, and none may
 * end a proof with an error instead of an answer. BELAY_SEED and BELAY_ROUNDS look for more. */
#include <fcntl.h>
#include <time.h>

#include "backup/dump_stream.h"
#include "sqlite_backup.h"

#define SEED       20261123
#define ROUNDS     320
#define BOMB_BYTES (64 * 1024 * 1024)

static uint64_t dice_state;

/* xorshift64*: the same on every machine. */
static uint64_t dice(uint64_t sides)
{
	dice_state ^= dice_state >> 12;
	dice_state ^= dice_state << 25;
	dice_state ^= dice_state >> 27;
	return dice_state * UINT64_C(2685821657736338717) % sides;
}

typedef struct Damage {
	Fixture *fixture;
	const BackupSet *set; /* the pristine one */
	const BackupSet *other;
	StrList files; /* of the set, below it; the manifest too */
	char what[512];
	const char *file; /* that a bit was flipped in; NULL: none */
} Damage;

static char *any_file(Damage *damage)
{
	return damage->files.items[dice(damage->files.len)];
}

static char *full(const Damage *damage, const char *file)
{
	return path_join(damage->set->path, file);
}

static off_t size_of(const char *path)
{
	struct stat file;

	return lstat(path, &file) == 0 ? file.st_size : 0;
}

/* Files are shared with other sets by hard links: damage is done to a file of its own. */
static void write_over(const char *path, const char *data, size_t len)
{
	AUTO(err_clear) Err err = {0};

	assert_done(file_write(path, data, len, 0600, &err), &err);
}

static char *content(const char *path, size_t *ret_len)
{
	AUTO(err_clear) Err err = {0};
	char *data = NULL;

	assert_done(file_read(path, 16 << 20, &data, ret_len, &err), &err);
	return data;
}

static bool flip_bit(Damage *damage)
{
	const char *file = any_file(damage);
	AUTO(free_auto) char *path = full(damage, file);
	size_t len, at;
	AUTO(free_auto) char *data = content(path, &len);
	unsigned bit;

	if (len == 0)
		return false;
	at = dice(len);
	bit = (unsigned)dice(8);
	data[at] = (char)(data[at] ^ (1 << bit));
	write_over(path, data, len);
	damage->file = file;
	snprintf(damage->what, sizeof(damage->what), "bit %u of byte %zu of '%s'", bit, at, file);
	return true;
}

static bool truncate_file(Damage *damage)
{
	const char *file = any_file(damage);
	AUTO(free_auto) char *path = full(damage, file);
	size_t len, left;
	AUTO(free_auto) char *data = content(path, &len);

	if (len == 0)
		return false;
	left = dice(len);
	write_over(path, data, left);
	snprintf(damage->what, sizeof(damage->what), "'%s' cut to %zu of %zu bytes", file, left,
		len);
	return true;
}

static bool empty_file(Damage *damage)
{
	const char *file = any_file(damage);
	AUTO(free_auto) char *path = full(damage, file);

	if (size_of(path) == 0)
		return false;
	write_over(path, "", 0);
	snprintf(damage->what, sizeof(damage->what), "'%s' emptied", file);
	return true;
}

static bool remove_file(Damage *damage)
{
	const char *file = any_file(damage);
	AUTO(free_auto) char *path = full(damage, file);
	AUTO(err_clear) Err err = {0};

	assert_done(file_remove(path, &err), &err);
	snprintf(damage->what, sizeof(damage->what), "'%s' removed", file);
	return true;
}

static bool append_bytes(Damage *damage)
{
	const char *file = any_file(damage);
	AUTO(free_auto) char *path = full(damage, file);
	size_t len;
	AUTO(free_auto) char *data = content(path, &len);
	AUTO(text_clear) Text more = TEXT_INIT(32 << 20);

	text_add_bytes(&more, data, len);
	text_add(&more, "more");
	write_over(path, more.data, more.len);
	snprintf(damage->what, sizeof(damage->what), "'%s' lengthened", file);
	return true;
}

static bool swap_members(Damage *damage)
{
	const char *one = any_file(damage), *other = any_file(damage);
	AUTO(free_auto) char *a = full(damage, one);
	AUTO(free_auto) char *b = full(damage, other);
	size_t len_a, len_b;
	AUTO(free_auto) char *data_a = content(a, &len_a);
	AUTO(free_auto) char *data_b = content(b, &len_b);

	if (len_a == len_b && memcmp(data_a, data_b, len_a) == 0)
		return false;
	write_over(a, data_b, len_b);
	write_over(b, data_a, len_a);
	snprintf(damage->what, sizeof(damage->what), "'%s' and '%s' exchanged", one, other);
	return true;
}

static bool link_instead(Damage *damage)
{
	const char *file = any_file(damage);
	AUTO(free_auto) char *path = full(damage, file);
	AUTO(free_auto) char *same = path_join(damage->other->path, file);
	AUTO(err_clear) Err err = {0};

	if (str_is(file, MANIFEST_NAME))
		return false;
	assert_done(link_replace(path, same, &err), &err);
	snprintf(damage->what, sizeof(damage->what), "'%s' is a link", file);
	return true;
}

/* One value anywhere in the manifest, the rest as it was. */
static json_t *any_value(json_t *value, char *trail, size_t size, json_t **ret_in, char *ret_key)
{
	while (json_is_object(value) || json_is_array(value)) {
		const size_t len = json_is_object(value) ? json_object_size(value)
							 : json_array_size(value);
		size_t pick;

		if (len == 0)
			return NULL;
		pick = dice(len);
		*ret_in = value;
		if (json_is_array(value)) {
			snprintf(ret_key, 64, "%zu", pick);
			value = json_array_get(value, pick);
		} else {
			void *at = json_object_iter(value);

			while (pick-- > 0)
				at = json_object_iter_next(value, at);
			snprintf(ret_key, 64, "%s", json_object_iter_key(at));
			value = json_object_iter_value(at);
		}
		snprintf(trail + strlen(trail), size - strlen(trail), "/%s", ret_key);
	}
	return value;
}

static json_t *another(const json_t *value)
{
	if (json_is_integer(value))
		return json_integer(json_integer_value(value) + 1 + (int64_t)dice(1000));
	if (json_is_string(value) && dice(2)) {
		AUTO(free_auto) char *text = str_format("%sx", json_string_value(value));

		return json_string(text);
	}
	return json_is_null(value) ? json_pack("{s:i}", "at_ms", 1) : json_null();
}

static bool edit_manifest(Damage *damage)
{
	AUTO(free_auto) char *path = full(damage, MANIFEST_NAME);
	size_t len;
	AUTO(free_auto) char *data = content(path, &len);
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(free_auto) char *edited = NULL;
	AUTO(err_clear) Err err = {0};
	char trail[256] = "", key[64] = "";
	json_t *in = NULL, *value;

	assert_done(json_parse(data, len, 16 << 20, &manifest, &err), &err);
	value = any_value(manifest, trail, sizeof(trail), &in, key);
	if (!value)
		return false;
	if (json_is_array(in))
		json_array_set_new(in, strtoul(key, NULL, 10), another(value));
	else if (dice(4))
		json_object_set_new(in, key, another(value));
	else
		json_object_del(in, key);
	edited = json_pretty(manifest);
	write_over(path, edited, strlen(edited));
	snprintf(damage->what, sizeof(damage->what), "manifest edited at %s", trail);
	return true;
}

/* The manifest, or the dump, of the set made a minute before. */
static bool stale_part(Damage *damage)
{
	const char *file = dice(2) ? MANIFEST_NAME : "webui.db.zst";
	AUTO(free_auto) char *from = path_join(damage->other->path, file);
	AUTO(free_auto) char *to = full(damage, file);
	size_t len;
	AUTO(free_auto) char *data = content(from, &len);

	write_over(to, data, len);
	snprintf(damage->what, sizeof(damage->what), "'%s' of an older set", file);
	return true;
}

static bool stale_set(Damage *damage)
{
	AUTO(err_clear) Err err = {0};

	assert_done(tree_remove(damage->set->path, &err), &err);
	assert_done(tree_mirror(damage->other->path, damage->set->path, &err), &err);
	snprintf(damage->what, sizeof(damage->what), "an older set in its place");
	return true;
}

/* A dump that is whole and agrees with its entry, and is another database. */
static bool another_database(Damage *damage)
{
	AUTO(free_auto) char *from = path_join(damage->other->path, "webui.db.zst");
	AUTO(free_auto) char *to = full(damage, "webui.db.zst");
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(err_clear) Err err = {0};
	size_t len;
	AUTO(free_auto) char *data = content(from, &len);
	const json_t *theirs = manifest_file(damage->other->manifest, "webui.db.zst");

	assert_done(manifest_read(damage->set->path, &manifest, &err), &err);
	json_object_update((json_t *)manifest_file(manifest, "webui.db.zst"), (json_t *)theirs);
	write_over(to, data, len);
	assert_done(manifest_write(damage->set->path, manifest, &err), &err);
	snprintf(damage->what, sizeof(damage->what), "another database, sealed");
	return true;
}

static bool of_another_site(Damage *damage)
{
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(err_clear) Err err = {0};

	assert_done(manifest_read(damage->set->path, &manifest, &err), &err);
	json_put(manifest, "site", "elsewhere");
	assert_done(manifest_write(damage->set->path, manifest, &err), &err);
	snprintf(damage->what, sizeof(damage->what), "a set of another site");
	return true;
}

/* A few kilobytes of zstd that stand for much more than was backed up, and agree with their entry.
 */
static bool bomb(Damage *damage)
{
	AUTO(free_auto) char *path = full(damage, "webui.db.zst");
	AUTO(free_auto) char *zeros = mem_new(1, BOMB_BYTES);
	AUTO(dump_writer_free_auto) DumpWriter *writer = NULL;
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(err_clear) Err err = {0};
	json_t *entry;
	FileSum sum;

	assert_done(manifest_read(damage->set->path, &manifest, &err), &err);
	assert_done(file_remove(path, &err), &err);
	assert_done(dump_writer_open(path, &writer, &err), &err);
	assert_done(dump_writer_add(writer, zeros, BOMB_BYTES, &err), &err);
	assert_done(dump_writer_finish(writer, &sum, &err), &err);
	entry = (json_t *)manifest_file(manifest, "webui.db.zst");
	json_put_int(entry, "bytes", sum.bytes);
	json_put(entry, "sha256", sum.sha256);
	assert_done(manifest_write(damage->set->path, manifest, &err), &err);
	snprintf(damage->what, sizeof(damage->what), "%lld bytes that unpack to %d",
		(long long)sum.bytes, BOMB_BYTES);
	return true;
}

/* All agrees, but for how large the database was. */
static bool another_size(Damage *damage)
{
	AUTO(json_release_auto) json_t *manifest = NULL;
	AUTO(err_clear) Err err = {0};
	const int64_t sizes[] = {-1, 0, 1, 4096, 1 << 24};
	const int64_t size = sizes[dice(COUNT_OF(sizes))];

	assert_done(manifest_read(damage->set->path, &manifest, &err), &err);
	json_put_int(json_object_get(manifest, "database"), "unpacked_bytes", size);
	assert_done(manifest_write(damage->set->path, manifest, &err), &err);
	snprintf(damage->what, sizeof(damage->what), "a database of %lld bytes, sealed",
		(long long)size);
	return true;
}

static bool (*const damages[])(Damage *) = {flip_bit, flip_bit, flip_bit, truncate_file, empty_file,
	remove_file, append_bytes, swap_members, link_instead, edit_manifest, edit_manifest,
	stale_part, stale_set, another_database, of_another_site, bomb, another_size};

static bool note_file(void *arg, const TreeEntry *entry, Err *err UNUSED)
{
	if (S_ISREG(entry->mode))
		strlist_add(arg, entry->path);
	return true;
}

/* Refused: by a finding, or because it is no set any more. */
static bool is_refused(const Damage *damage)
{
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(proof_report_clear) ProofReport report = {0};
	AUTO(err_clear) Err err = {0};
	Fixture *fixture = damage->fixture;

	if (!backup_find(&fixture->site, damage->set->name, &set, &err)) {
		if (err.kind != ERR_VERIFY && err.kind != ERR_USAGE)
			fail_msg("%s: %s", damage->what, err.text);
		return true;
	}
	if (!backup_prove(&set, &fixture->site, fixture->db, RUN, false, &report, &err))
		fail_msg("%s: no answer but: %s", damage->what, err.text);
	return report.slugs.len > 0 && !proof_judge(&set, &report, &err);
}

static void bring_back(const Damage *damage, const char *pristine)
{
	AUTO(err_clear) Err err = {0};

	assert_done(tree_remove(damage->set->path, &err), &err);
	assert_done(tree_mirror(pristine, damage->set->path, &err), &err);
}

static void set_up_damage(Damage *damage, BackupSet *other, BackupSet *set, char **ret_pristine)
{
	AUTO(err_clear) Err err = {0};

	make_set(damage->fixture, other);
	run_sql(damage->fixture->site.database.name, "DELETE FROM chat WHERE id = 'c7'");
	make_set(damage->fixture, set);
	*ret_pristine = path_join(damage->fixture->root, "pristine");
	assert_done(tree_mirror(set->path, *ret_pristine, &err), &err);
	assert_done(tree_walk(set->path, note_file, &damage->files, &err), &err);
	damage->set = set;
	damage->other = other;
}

static long from_env(const char *name, long fallback)
{
	return getenv(name) ? strtol(getenv(name), NULL, 10) : fallback;
}

static void no_damaged_set_is_proven(void **state)
{
	Damage damage = {.fixture = *state};
	AUTO(backup_set_clear) BackupSet other = {0};
	AUTO(backup_set_clear) BackupSet set = {0};
	AUTO(free_auto) char *pristine = NULL;
	const long rounds = from_env("BELAY_ROUNDS", ROUNDS);
	AUTO(strlist_clear) StrList flipped = {0};
	long done = 0, of_kind[COUNT_OF(damages)] = {0};

	dice_state = (uint64_t)from_env("BELAY_SEED", SEED);
	set_up_damage(&damage, &other, &set, &pristine);
	while (done < rounds) {
		const size_t kind = dice(COUNT_OF(damages));

		damage.file = NULL;
		if (!damages[kind](&damage))
			continue;
		of_kind[kind]++;
		if (damage.file && !strlist_has(&flipped, damage.file))
			strlist_add(&flipped, damage.file);
		if (!is_refused(&damage))
			fail_msg("round %ld: taken for proven: %s", done, damage.what);
		bring_back(&damage, pristine);
		done++;
	}
	/* And the undamaged one still is. */
	assert_false(is_refused(&damage));
	/* Nothing was left out: every kind of damage, a bit of every file. */
	for (size_t kind = 0; kind < COUNT_OF(damages); kind++)
		assert_true(of_kind[kind] > 0);
	assert_int_equal(flipped.len, damage.files.len);
	strlist_clear(&damage.files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_damaged_set_is_proven, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
