#include "backup/dump_stream.h"

#include <sys/stat.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/manifest.h"
#include "base/mem.h"
#include "os/file.h"
#include "os/tree.h"
#include "unit.h"

#define BYTES (3 * 1024 * 1024)

typedef struct Fixture {
	char *folder, *path;
	char *content;
	FileSum sum;
} Fixture;

/* Text that compresses a little, so that the file is long enough to be damaged in many places. */
static void fill(char *bytes, size_t len)
{
	uint32_t state = 1;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (char)('a' + (state >> 24) % 26);
	}
}

static void write_dump(const char *path, const char *bytes, size_t len, FileSum *ret)
{
	AUTO(err_clear) Err err = {0};
	AUTO(dump_writer_free_auto) DumpWriter *writer = NULL;

	assert_done(dump_writer_open(path, &writer, &err), &err);
	for (size_t done = 0; done < len; done += 70001)
		assert_done(dump_writer_add(writer, bytes + done,
				    len - done < 70001 ? len - done : 70001, &err),
			&err);
	assert_int_equal(dump_writer_taken(writer), len);
	assert_done(dump_writer_finish(writer, ret, &err), &err);
}

static int setup(void **state)
{
	Fixture *fixture = NEW(Fixture);
	char name[] = "/tmp/belay-unit-XXXXXX";

	fixture->folder = str_dup(mkdtemp(name));
	fixture->path = path_join(fixture->folder, "database.dump.zst");
	fixture->content = mem_new(1, BYTES);
	fill(fixture->content, BYTES);
	write_dump(fixture->path, fixture->content, BYTES, &fixture->sum);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	bool gone = tree_remove(fixture->folder, &err);

	free(fixture->folder);
	free(fixture->path);
	free(fixture->content);
	free(fixture);
	return gone ? 0 : -1;
}

/* Reads everything; *ret_len is what came before an error. */
static bool read_as(const char *path, const FileSum *sum, int64_t unpacked, char *bytes,
	size_t *ret_len, Err *err)
{
	AUTO(dump_reader_free_auto) DumpReader *reader = NULL;
	size_t got = 1;

	*ret_len = 0;
	if (!dump_reader_open(path, sum, unpacked, &reader, err))
		return false;
	while (got > 0) {
		if (!dump_reader_next(reader, bytes + *ret_len, BYTES + 1 - *ret_len, &got, err))
			return false;
		*ret_len += got;
	}
	return true;
}

static bool read_dump(const char *path, const FileSum *sum, char *bytes, size_t *ret_len, Err *err)
{
	return read_as(path, sum, BYTES, bytes, ret_len, err);
}

static void what_goes_in_comes_out(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *back = mem_new(1, BYTES + 1);
	size_t len;

	assert_done(read_dump(fixture->path, &fixture->sum, back, &len, &err), &err);
	assert_int_equal(len, BYTES);
	assert_memory_equal(back, fixture->content, BYTES);
}

static void the_digest_is_that_of_the_file(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	struct stat file;
	FileSum now;
	bool found;

	assert_done(file_sum(fixture->path, &now, &found, &err), &err);
	assert_true(found);
	assert_string_equal(now.sha256, fixture->sum.sha256);
	assert_int_equal(now.bytes, fixture->sum.bytes);
	assert_int_equal(stat(fixture->path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_true(now.bytes < BYTES);
}

static void an_empty_dump_is_a_dump(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(fixture->folder, "empty.zst");
	char back[BYTES > 0 ? 16 : 1];
	AUTO(dump_reader_free_auto) DumpReader *reader = NULL;
	size_t len = 1;
	FileSum sum;

	write_dump(path, "", 0, &sum);
	assert_done(dump_reader_open(path, &sum, 0, &reader, &err), &err);
	assert_done(dump_reader_next(reader, back, sizeof(back), &len, &err), &err);
	assert_int_equal(len, 0);
}

/* Opened like a file it would be waited for until somebody writes into it. */
static void a_pipe_in_its_place_is_no_dump(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(free_auto) char *path = path_join(fixture->folder, "pipe.zst");
	AUTO(dump_reader_free_auto) DumpReader *reader = NULL;
	FileSum sum = {.bytes = 0};

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_error(dump_reader_open(path, &sum, 0, &reader, &err), &err, ERR_VERIFY);
}

static void an_existing_file_is_not_overwritten(void **state)
{
	Fixture *fixture = *state;
	AUTO(err_clear) Err err = {0};
	AUTO(dump_writer_free_auto) DumpWriter *writer = NULL;

	assert_error(dump_writer_open(fixture->path, &writer, &err), &err, ERR_IO);
}

static void flip(const char *path, off_t at)
{
	AUTO(close_auto) int fd = open(path, O_RDWR);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte = (char)(byte ^ 1);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void one_flipped_bit_is_found_wherever_it_is(void **state)
{
	Fixture *fixture = *state;
	AUTO(free_auto) char *back = mem_new(1, BYTES + 1);
	const int64_t size = fixture->sum.bytes;
	const int64_t places[] = {0, 5, size / 3, size / 2, size - 1};

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		AUTO(err_clear) Err err = {0};
		size_t len;

		flip(fixture->path, places[i]);
		assert_error(read_dump(fixture->path, &fixture->sum, back, &len, &err), &err,
			ERR_VERIFY);
		flip(fixture->path, places[i]);
	}
}

static void a_cut_or_longer_file_is_found(void **state)
{
	Fixture *fixture = *state;
	AUTO(free_auto) char *back = mem_new(1, BYTES + 1);
	const int64_t size = fixture->sum.bytes;
	const int64_t sizes[] = {size + 1, size - 1, size / 2, 3, 0};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		AUTO(err_clear) Err err = {0};
		size_t len;

		assert_int_equal(truncate(fixture->path, sizes[i]), 0);
		assert_error(read_dump(fixture->path, &fixture->sum, back, &len, &err), &err,
			ERR_VERIFY);
	}
}

/* The file is whole and agrees with its digest, and stands for more, or less, than was backed up.
 */
static void it_unpacks_to_what_was_backed_up_and_no_more(void **state)
{
	Fixture *fixture = *state;
	AUTO(free_auto) char *back = mem_new(1, BYTES + 1);
	const int64_t sizes[] = {0, 1, BYTES / 2, BYTES - 1, BYTES + 1, (int64_t)1 << 60};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		AUTO(err_clear) Err err = {0};
		size_t len;

		assert_error(read_as(fixture->path, &fixture->sum, sizes[i], back, &len, &err),
			&err, ERR_VERIFY);
		assert_non_null(strstr(err.text, "unpacks to"));
		assert_true((int64_t)len <= sizes[i]);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_goes_in_comes_out),
		TEST(the_digest_is_that_of_the_file),
		TEST(an_empty_dump_is_a_dump),
		TEST(a_pipe_in_its_place_is_no_dump),
		TEST(an_existing_file_is_not_overwritten),
		TEST(one_flipped_bit_is_found_wherever_it_is),
		TEST(a_cut_or_longer_file_is_found),
		TEST(it_unpacks_to_what_was_backed_up_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
