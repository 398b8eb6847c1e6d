/* dump_stream.h - a database dump as one zstd file: written and hashed while it comes in, read and
 * hashed while it goes out. The only user of libzstd.
 *
 *     if (!dump_writer_open(path, &writer, err) || !database_dump(db, dump_writer_add, writer, …)
 * || !dump_writer_finish(writer, &sum, err)) … */
#pragma once
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

typedef struct FileSum {
	int64_t bytes;
	char sha256[SHA256_HEX_SIZE];
} FileSum;

typedef struct DumpWriter DumpWriter;
/* The file must not exist; 0600. Compresses with as many threads as leave the server a processor.
 */
bool dump_writer_open(const char *path, DumpWriter **ret, Err *err) NODISCARD;
bool dump_writer_add(
	void *writer, const void *bytes, size_t len, Err *err) NODISCARD; /* a DumpSink */
int64_t dump_writer_taken(const DumpWriter *writer); /* bytes before compression */
/* Ends the frame and syncs. `ret` describes the compressed file. */
bool dump_writer_finish(DumpWriter *writer, FileSum *ret, Err *err) NODISCARD;
void dump_writer_free(DumpWriter *writer);
DEFINE_AUTO(DumpWriter, dump_writer_free)

typedef struct DumpReader DumpReader;
/* `unpacked`: bytes before compression; a few bytes of zstd can stand for any number. */
bool dump_reader_open(const char *path, const FileSum *expected, int64_t unpacked, DumpReader **ret,
	Err *err) NODISCARD;
/* A DumpSource. At the end of the file its size and digest and what came out must be the expected
 * ones, and the zstd frame complete, else ERR_VERIFY: so whoever reads to the end has restored what
 * was backed up. More than `unpacked` bytes never come out. */
bool dump_reader_next(void *reader, void *bytes, size_t max, size_t *ret_len, Err *err) NODISCARD;
void dump_reader_free(DumpReader *reader);
DEFINE_AUTO(DumpReader, dump_reader_free)
