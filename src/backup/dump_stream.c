#include "backup/dump_stream.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "os/copy.h"

/* The site serves meanwhile. Of text level 3 makes a tenth less; what does not compress well it
 * takes 1.7 times as long for, to no use. */
#define LEVEL       1
#define THREADS_MAX 4
/* What a thread takes at a time. By itself zstd takes 8 MiB, of which several wait: 40 MB of memory
 * on two processors. */
#define JOB_BYTES (1 << 20)

struct DumpWriter {
	char *path;
	int fd;
	ZSTD_CCtx *zstd;
	Sha256 *sha;
	int64_t taken, written;
	size_t size;
	char *buffer;
};

static int thread_count(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors <= 2)
		return 1;
	return processors - 1 > THREADS_MAX ? THREADS_MAX : (int)processors - 1;
}

bool dump_writer_open(const char *path, DumpWriter **ret, Err *err)
{
	AUTO(dump_writer_free_auto) DumpWriter *writer = NEW(DumpWriter);

	writer->fd = -1;
	if (!FAULT(err, "dump-create"))
		return false;
	writer->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (writer->fd < 0)
		return err_fail_sys(err, "cannot make '%s'", path);
	writer->path = str_dup(path);
	writer->sha = sha256_new();
	writer->zstd = ZSTD_createCCtx();
	if (!writer->zstd)
		return err_fail(err, ERR_INTERNAL, "no memory to compress '%s'", path);
	writer->size = ZSTD_CStreamOutSize();
	writer->buffer = mem_new(1, writer->size);
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
	/* A libzstd without threads refuses this and compresses with one. */
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_nbWorkers, thread_count());
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_jobSize, JOB_BYTES);
	*ret = TAKE(writer);
	return true;
}

static bool write_out(DumpWriter *writer, size_t len, Err *err)
{
	if (len > 0 && !FAULT(err, "dump-write"))
		return false;
	sha256_add(writer->sha, writer->buffer, len);
	if (!write_all(writer->fd, writer->buffer, len))
		return err_fail_sys(err, "cannot write '%s'", writer->path);
	writer->written += (int64_t)len;
	return true;
}

static bool compress_on(DumpWriter *writer, ZSTD_inBuffer *in, ZSTD_EndDirective end, Err *err)
{
	size_t left;

	do {
		ZSTD_outBuffer out = {.dst = writer->buffer, .size = writer->size};

		left = ZSTD_compressStream2(writer->zstd, &out, in, end);
		if (ZSTD_isError(left))
			return err_fail(err, ERR_INTERNAL, "compressing '%s': %s", writer->path,
				ZSTD_getErrorName(left));
		if (!write_out(writer, out.pos, err))
			return false;
	} while (end == ZSTD_e_end ? left > 0 : in->pos < in->size);
	return true;
}

bool dump_writer_add(void *arg, const void *bytes, size_t len, Err *err)
{
	DumpWriter *writer = arg;
	ZSTD_inBuffer in = {.src = bytes, .size = len};

	writer->taken += (int64_t)len;
	return compress_on(writer, &in, ZSTD_e_continue, err);
}

int64_t dump_writer_taken(const DumpWriter *writer)
{
	return writer->taken;
}

bool dump_writer_finish(DumpWriter *writer, FileSum *ret, Err *err)
{
	ZSTD_inBuffer in = {0};

	if (!compress_on(writer, &in, ZSTD_e_end, err) || !FAULT(err, "dump-sync"))
		return false;
	if (fsync(writer->fd) != 0)
		return err_fail_sys(err, "cannot sync '%s'", writer->path);
	ret->bytes = writer->written;
	sha256_finish(writer->sha, ret->sha256);
	return true;
}

void dump_writer_free(DumpWriter *writer)
{
	if (!writer)
		return;
	close_auto(&writer->fd);
	ZSTD_freeCCtx(writer->zstd);
	sha256_free(writer->sha);
	free(writer->buffer);
	free(writer->path);
	free(writer);
}

struct DumpReader {
	char *path;
	int fd;
	FileSum expected;
	ZSTD_DCtx *zstd;
	Sha256 *sha;
	ZSTD_inBuffer in;
	size_t size;
	char *buffer;
	int64_t bytes;
	int64_t unpacked, given;
	bool in_frame, ended;
};

bool dump_reader_open(
	const char *path, const FileSum *expected, int64_t unpacked, DumpReader **ret, Err *err)
{
	AUTO(dump_reader_free_auto) DumpReader *reader = NEW(DumpReader);
	struct stat about;

	/* A named pipe in its place would be waited for without an end. */
	reader->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (reader->fd < 0 || fstat(reader->fd, &about) != 0)
		return err_fail_sys(err, "cannot read '%s'", path);
	if (!S_ISREG(about.st_mode))
		return err_fail(err, ERR_VERIFY, "'%s' is not a regular file", path);
	reader->path = str_dup(path);
	reader->expected = *expected;
	reader->unpacked = unpacked;
	reader->sha = sha256_new();
	reader->zstd = ZSTD_createDCtx();
	if (!reader->zstd)
		return err_fail(err, ERR_INTERNAL, "no memory to read '%s'", path);
	reader->size = ZSTD_DStreamInSize();
	reader->buffer = mem_new(1, reader->size);
	*ret = TAKE(reader);
	return true;
}

static bool judge_end(DumpReader *reader, Err *err)
{
	char digest[SHA256_HEX_SIZE];

	if (reader->bytes != reader->expected.bytes || reader->in_frame)
		return err_fail(err, ERR_VERIFY, "'%s' is cut short: %lld of %lld bytes",
			reader->path, (long long)reader->bytes, (long long)reader->expected.bytes);
	sha256_finish(reader->sha, digest);
	if (strcmp(digest, reader->expected.sha256) != 0)
		return err_fail(err, ERR_VERIFY,
			"'%s' is not what was backed up: its SHA-256 differs", reader->path);
	if (reader->given != reader->unpacked)
		return err_fail(err, ERR_VERIFY, "'%s' unpacks to %lld bytes instead of %lld",
			reader->path, (long long)reader->given, (long long)reader->unpacked);
	reader->ended = true;
	return true;
}

static bool refill(DumpReader *reader, Err *err)
{
	ssize_t got;

	do
		got = read(reader->fd, reader->buffer, reader->size);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_fail_sys(err, "cannot read '%s'", reader->path);
	if (got == 0)
		return judge_end(reader, err);
	sha256_add(reader->sha, reader->buffer, (size_t)got);
	reader->bytes += got;
	if (reader->bytes > reader->expected.bytes)
		return err_fail(
			err, ERR_VERIFY, "'%s' is longer than what was backed up", reader->path);
	reader->in = (ZSTD_inBuffer){.src = reader->buffer, .size = (size_t)got};
	return true;
}

bool dump_reader_next(void *arg, void *bytes, size_t max, size_t *ret_len, Err *err)
{
	DumpReader *reader = arg;
	ZSTD_outBuffer out = {.dst = bytes, .size = max};

	/* The decoder may hold output back after its input is used up: ask it until it gives none.
	 */
	while (out.pos == 0 && !reader->ended) {
		const size_t before = reader->in.pos;
		const size_t left = ZSTD_decompressStream(reader->zstd, &out, &reader->in);

		if (ZSTD_isError(left))
			return err_fail(err, ERR_VERIFY, "'%s' is damaged: %s", reader->path,
				ZSTD_getErrorName(left));
		/* Asked with nothing new after the end of a frame, it speaks of the next one. */
		if (reader->in.pos > before || out.pos > 0)
			reader->in_frame = left != 0;
		if (out.pos == 0 && reader->in.pos == reader->in.size && !refill(reader, err))
			return false;
	}
	reader->given += (int64_t)out.pos;
	if (reader->given > reader->unpacked)
		return err_fail(err, ERR_VERIFY, "'%s' unpacks to more than %lld bytes",
			reader->path, (long long)reader->unpacked);
	*ret_len = out.pos;
	return true;
}

void dump_reader_free(DumpReader *reader)
{
	if (!reader)
		return;
	close_auto(&reader->fd);
	ZSTD_freeDCtx(reader->zstd);
	sha256_free(reader->sha);
	free(reader->buffer);
	free(reader->path);
	free(reader);
}
